'use strict';
/* ohif_test.js - OHIF, started by scripts/ohif as an admin starts it: the study list, then a CT study */
const fs = require('fs');
const http = require('http');
const path = require('path');
const harness = require('./harness');

const { Skipped, check, test } = harness;
const CT = 'studies/ct_thorax_phantom_j2k';
const SLICES = 60;
const OTHERS = ['studies/dicomdir_set', 'studies/xa_multiframe_96/jpeg8bit.dcm', 'studies/us_multiframe'];
const UNAVAILABLE = 69; // of scripts/ohif: the package cannot be had

async function startOhif(site) {
  const script = path.join(__dirname, '../../scripts/ohif');
  const child = harness.start(script, [site, '0']);
  for (let tries = 0; tries < 1200 && child.exitCode === null; tries++) {
    const address = /^(http:\/\/127\.0\.0\.1:[0-9]+)\/$/m.exec(child.said);
    if (address) {
      return address[1];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (child.exitCode === UNAVAILABLE && !process.env.CI) {
    throw new Skipped(`scripts/ohif: ${child.said.trim()}`);
  }
  throw new Error(`scripts/ohif: exit status ${child.exitCode}: ${child.said}`);
}

// -- its server -----------------------------------------------------------------------------------------------------

/* One request, the path as it is written: neither `..` nor anything else is tidied up on the way. */
function ask(origin, address, headers, method) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const request = http.request({ hostname, port, path: address, headers, method: method || 'GET' }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(parts),
      }));
    });
    request.on('error', reject).end();
  });
}

async function serves(origin, site, row) {
  const series = `/dicomweb/studies/${row.study_instance_uid}/series/${row.series_instance_uid}`;
  const frame = `${series}/instances/${row.sop_instance_uid}/frames/1`;
  const bytes = fs.readFileSync(path.join(site, 'public', frame));
  const expect = async (address, headers, status, wanted, method) => {
    const answer = await ask(origin, address, headers, method);
    const told = `${method || 'GET'} ${address} ${JSON.stringify(headers)}`;
    check(answer.status === status, `${told}: status ${answer.status}, expected ${status}`);
    Object.entries(wanted).forEach(([name, value]) => check(answer.headers[name] === value,
      `${told}: ${name} is ${answer.headers[name]}, expected ${value}`));
    return answer;
  };
  const whole = await expect(frame, {}, 200, { 'content-type': 'multipart/related', 'accept-ranges': 'bytes' });
  check(whole.body.equals(bytes), 'the frame is not the file');
  const some = await expect(frame, { Range: 'bytes=10-19' }, 206, { 'content-range': `bytes 10-19/${bytes.length}` });
  check(some.body.equals(bytes.subarray(10, 20)), 'bytes 10-19 are others');
  const tail = await expect(frame, { Range: 'bytes=-5' }, 206, { 'content-length': '5' });
  check(tail.body.equals(bytes.subarray(-5)), 'the last 5 bytes are others');
  await expect(frame, { Range: `bytes=${bytes.length}-` }, 416, { 'content-range': `bytes */${bytes.length}` });
  await expect(frame, { 'If-None-Match': whole.headers.etag }, 304, {});
  await expect(frame, { Range: 'bytes=0-9', 'If-Range': '"other"' }, 200, { 'content-length': String(bytes.length) });
  const head = await expect(frame, {}, 200, { 'content-length': String(bytes.length) }, 'HEAD');
  check(head.body.length === 0, 'HEAD has a body');
  await expect(frame, {}, 501, {}, 'POST');
  const json = { 'content-type': 'application/dicom+json' };
  await expect(`${series}/metadata`, {}, 200, { ...json, 'content-encoding': undefined });
  await expect(`${series}/metadata`, { 'Accept-Encoding': 'gzip, br' }, 200, { ...json, 'content-encoding': 'gzip' });
  await expect(`${series}/metadata`, { 'Accept-Encoding': 'gzip;q=0' }, 200, { 'content-encoding': undefined });
  await expect('/dicomweb/studies?limit=1', {}, 200, json);
  await expect('/dicomweb/studies/1.2.3/series', {}, 404, {});
  await expect('/dicomweb/../../catalogue.sqlite', {}, 200, { 'content-type': 'text/html; charset=utf-8' });
  await expect('/dicomweb/%2e%2e/%2e%2e/catalogue.sqlite', {}, 200, { 'content-type': 'text/html; charset=utf-8' });
  await expect('/dicomweb//etc/passwd', {}, 404, {});
  await expect('/nothing.js', {}, 404, {});
}

// -- in the browser -------------------------------------------------------------------------------------------------

/* As many studies as the site holds, and one by its description. */
async function listsStudies(watched, origin, site) {
  const { page } = watched;
  const studies = new Set(harness.listInstances(site).map((row) => row.study_instance_uid));
  await page.goto(`${origin}/`);
  await page.getByText(`1-${studies.size} of ${studies.size}`, { exact: true }).waitFor();
  await page.getByText('Scanner-Philips').first().waitFor(); // the phantom's Study Description
  const asked = watched.requests.filter((request) => request.url.includes('/dicomweb/studies?'));
  check(asked.length >= 1 && asked.every((request) => request.status === 200), 'the study list was not asked for');
}

/* Opens a study and waits until so many frames have come and every viewport shows grey levels: a windowed slice has
 * soft tissue between black and white. */
async function showsStudy(watched, address, wanted) {
  const { page } = watched;
  const asked = () => watched.requests.map((request) => request.url);
  const frames = () => new Set(asked().filter((url) => /\/frames\/1$/.test(url)));
  await page.goto(address);
  await page.locator('.cornerstone-canvas').nth(wanted.viewports - 1).waitFor();
  let levels = [0];
  for (let tries = 0; tries < 120 && (Math.min(...levels) < wanted.levels || frames().size < wanted.frames); tries++) {
    await page.waitForTimeout(500);
    levels = await harness.levelsOf(page, '.cornerstone-canvas');
  }
  check(levels.length === wanted.viewports, `${levels.length} viewports instead of ${wanted.viewports}`);
  check(Math.min(...levels) >= wanted.levels, `the viewports show ${levels.join(', ')} grey levels`);
  check(frames().size >= wanted.frames, `${frames().size} of ${wanted.frames} frames were asked for`);
  check(asked().some((url) => url.includes('/thumbnail')), 'no thumbnail was asked for');
}

/* A study of data-samples/, which is nobody's. The tour comes late; without it the picture tells more. */
async function keepScreenshot(origin, site) {
  const { page, context } = await harness.openPage({ width: 1280, height: 800 });
  const sample = harness.listInstances(site).find((row) => row.source.includes('ct-head-oblique/CT'));
  await page.goto(`${origin}/viewer?StudyInstanceUIDs=${sample.study_instance_uid}`);
  for (const label of ['Skip all', 'Confirm and hide']) {
    await page.getByText(label, { exact: true }).click({ timeout: 15000 }).catch(() => {});
  }
  await page.waitForTimeout(1000);
  await harness.keepScreenshot(page, 'ohif');
  await context.close();
}

/* A page of its own: leaving one aborts what it still loads. */
async function testInPage(name, body) {
  const watched = await harness.openPage({ width: 1280, height: 800 });
  await test(name, () => body(watched), watched);
  await watched.context.close();
}

async function run({ rows }) {
  const slices = rows.map((row) => row.path).filter((name) => name.startsWith(`${CT}/`)).sort().slice(0, SLICES);
  const others = OTHERS.filter((name) => fs.existsSync(path.join(harness.DATA, name)));
  const samples = path.join(__dirname, '../../data-samples');
  const studies = [...slices, ...others].map((name) => path.join(harness.DATA, name));
  const site = harness.makeSite('ohif', [samples, ...studies]);
  const instance = harness.listInstances(site).find((row) => row.source.includes(`/${CT}/`));
  let starting = null;
  const origin = () => (starting ||= startOhif(site));
  const viewer = async () => `${await origin()}/viewer?StudyInstanceUIDs=${instance.study_instance_uid}`;

  await test('ohif-server', async () => serves(await origin(), site, instance));
  await testInPage('ohif-lists-studies', async (watched) => listsStudies(watched, await origin(), site));
  await testInPage('ohif-shows-ct', async (watched) => {
    await showsStudy(watched, await viewer(), { viewports: 1, levels: 60, frames: 1 });
  });
  await testInPage('ohif-mpr', async (watched) => {
    await showsStudy(watched, `${await viewer()}&hangingprotocolId=mpr`, { viewports: 3, levels: 40, frames: SLICES });
  });
  if (process.env.SCREENSHOTS) {
    await keepScreenshot(await origin(), site);
  }
}

module.exports = { name: 'ohif', run };
