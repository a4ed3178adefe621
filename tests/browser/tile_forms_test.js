'use strict';
/* tile_forms_test.js - OpenSeadragon: a radiograph as Deep Zoom, by IIIF and out of a pack, at full resolution */
const fs = require('fs');
const path = require('path');
const harness = require('./harness');

const { check, test } = harness;
const SAMPLES = path.join(__dirname, '../../data-samples');
const TILES = ['--stages', 'tiles', '--set', 'tiles.forms=dzi,iiif,pack', '--set', 'tiles.tile_size=256',
  '--set', 'tiles.min_size=600'];

function trees(folder) {
  return fs.readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory() && /^tiles-/.test(entry.name))
    .map((entry) => path.join(entry.parentPath || entry.path, entry.name));
}

async function run({ pages }) {
  // The id in info.json is an address: pages of another origin need a whole one, so the port must be known before.
  const port = await harness.freePort();
  const origin = `http://127.0.0.1:${port}`;
  const site = harness.makeSite('tile-forms', [SAMPLES], [...TILES, '--set', `tiles.iiif_base=${origin}/`]);
  const publicFolder = path.join(site, 'public');
  const [tree] = trees(path.join(publicFolder, 'studies'));
  await harness.serveSite(site, port);

  for (const form of ['dzi', 'iiif', 'pack']) {
    const watched = await harness.openPage({ width: 800, height: 600 });
    await test(`tile-forms-${form}`, async () => {
      check(tree, 'no tree of tiles is published');
      await watched.page.goto(`${pages}/tile_forms.html`);
      await watched.page.waitForFunction(() => window.tileForms);
      const tiles = await watched.page.evaluate(([kind, address]) => window.tileForms.show(kind, address),
        [form, `${origin}/${path.relative(publicFolder, tree)}`]);
      check(tiles.failed === 0, `${tiles.failed} tiles failed`);
      check(tiles.whole > 0 && tiles.loaded >= tiles.whole + 12, `${tiles.whole} tiles, then ${tiles.loaded}`);
      check(tiles.finest === tiles.maxLevel, `level ${tiles.finest} of ${tiles.maxLevel}`);
      await harness.keepScreenshot(watched.page, `tile-forms-${form}`);
      const levels = Math.max(...await harness.levelsOf(watched.page, 'canvas'));
      check(levels > 30, `the picture shows ${levels} levels`);
    }, watched);
    await watched.context.close();
  }
}

module.exports = { name: 'tile-forms', run };
