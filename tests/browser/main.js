'use strict';
/* main.js - the browser tests in order; see README.md. Started by tests/browser/start. */
const { bundle } = require('./bundle');
const harness = require('./harness');
const { readRows } = require('./expected');

const suites = [
  require('./ohif_test'), require('./cornerstone_test'), require('./microscopy_test'), require('./volume_test'),
  require('./tiles_test'),
];

async function main() {
  const pages = await harness.servePages(await bundle());
  const rows = readRows();
  const only = process.env.ONLY || '';
  const named = suites.filter((suite) => only.startsWith(suite.name));
  for (const suite of named.length ? named : suites) {
    try {
      await suite.run({ pages, rows });
    } catch (error) {
      harness.notOk(suite.name, error.stack || error);
    }
  }
}

['SIGINT', 'SIGTERM'].forEach((signal) => process.on(signal, () => harness.close().finally(() => process.exit(4))));

main()
  .catch((error) => harness.notOk('browser', error.stack))
  .then(() => harness.close())
  .then(() => {
    const { passed, failed, skipped } = harness.counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    process.exit(failed ? 1 : 0);
  });
