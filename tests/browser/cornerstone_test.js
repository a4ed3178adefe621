'use strict';
/* cornerstone_test.js - Cornerstone3D: byte ranges, an MPR volume, colours, whole objects, against EXPECTED.tsv */
const fs = require('fs');
const path = require('path');
const { colourRows, identity, offered, palette, transferSyntax } = require('./expected');
const harness = require('./harness');

const { check, test } = harness;
// J2K as it comes; encoded anew, so that it can be shown progressively.
const CT = 'studies/ct_thorax_phantom_j2k';
const ENCODE = ['--set', 'codestream.j2k_input=encode', '--set', 'codestream.lossy_input=encode'];
const SLICES = 80;
// A frame of megabytes, where the first picture's lead shows: 10 bits, 1760 x 1760.
const RADIOGRAPH = 'conformance/wg04/RG3/RG3_J2KR';
// Lossy colour: what least, most and mean may differ by, as in tests/conformance; decoders upsample chroma differently.
const LOSSY_EXTREME = 6, LOSSY_MEAN = 0.6;
// Whole objects for wadouri: native, big endian, deflated, RLE, JPEG, JPEG-LS, JPEG 2000; frames, colours, palette.
const OBJECTS = [
  'pydicom/CT_small.dcm', 'pydicom/MR_small_bigendian.dcm', 'pydicom/image_dfl.dcm', 'pydicom/examples_palette.dcm',
  'pydicom/emri_small_jpeg_ls_lossless.dcm', 'fodicom/D_CLUNIE_CT1_RLE_FRAGS.dcm', 'dcm4che/MR-JPEGLosslessSV1.dcm',
  'dcm4che/YBR_FULL-RLE.dcm', 'dicomparser/CT0012.fragmented_no_bot_jpeg_lossless.70.dcm', 'wg04/US1/US1_J2KR',
  'cornerstone/TestPattern_RGB.dcm',
].map((name) => `conformance/${name}`);
// What this viewer cannot read as it came: deflated objects, and fragments of several frames without an offset table.
const AS_IS_NOT = /image_dfl|fragmented_no_bot/;
const CODED = { htj2k: /^1\.2\.840\.10008\.1\.2\.4\.(201|202|90)$/, j2k: /^1\.2\.840\.10008\.1\.2\.4\.90$/ };
const NATIVE = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2'];
// Integer tables and rounding on either side of a colour conversion.
const CONVERSION = 2;

async function openCornerstone(pages) {
  const watched = await harness.openPage({ width: 940, height: 620 });
  await watched.page.goto(`${pages}/cornerstone.html`);
  await watched.page.waitForFunction(() => window.cornerstone);
  return watched;
}

/* Adds the series of a source's instance and returns the imageIds of its frames. */
async function framesOf(page, root, instance) {
  const series = await page.evaluate(
    ([from, study, uid]) => window.cornerstone.addSeries(from, study, uid),
    [root, instance.study_instance_uid, instance.series_instance_uid],
  );
  check(series[instance.sop_instance_uid], `the series' metadata does not tell of ${instance.sop_instance_uid}`);
  return series[instance.sop_instance_uid];
}

// -- byte ranges ----------------------------------------------------------------------------------------------------

/* How many bytes the published frame has, and how many of them give an eighth of its resolution, by series.json. */
function byteRange(site, instance) {
  const folder = path.join(site, 'public/studies', instance.study_instance_uid, instance.series_instance_uid);
  const name = fs.readdirSync(folder).find((entry) => /^series\.[0-9a-f]{16}\.json$/.test(entry));
  const { instances } = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
  const { codestreams } = instances.find((entry) => entry.sop_instance_uid === instance.sop_instance_uid);
  const { resolutions, frames } = codestreams.find((stream) => stream.folder.endsWith('/frames'));
  check(resolutions, 'series.json tells no byte ranges of the frame');
  const [, , total, ...ends] = frames[0];
  return { total, first: ends[resolutions.findIndex(([columns]) => columns === Math.ceil(instance.columns / 8))] };
}

const BYTES_PER_SECOND = 4e6 / 8;

async function progressive(watched, root, site, instance, row) {
  const { page, context, requests } = watched;
  const [imageId] = await framesOf(page, root, instance);
  const { total, first } = byteRange(site, instance);
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  await network.send('Network.setCacheDisabled', { cacheDisabled: true });
  await network.send('Network.emulateNetworkConditions', {
    offline: false, latency: 20, downloadThroughput: BYTES_PER_SECOND, uploadThroughput: BYTES_PER_SECOND,
  });
  requests.length = 0;
  const { shown, final, full } = await page.evaluate(
    ([id, bytes]) => window.cornerstone.showProgressively(id, bytes), [imageId, first],
  );
  await network.send('Network.emulateNetworkConditions', {
    offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1,
  });
  await network.detach();
  const [early] = shown, late = shown[shown.length - 1];
  const told = shown.map((s) => `${s.columns}x${s.rows} after ${Math.round(s.after_ms)} ms`).join(', ');
  console.error(`browser: ${row.path}: ${told}`);
  check(shown.length >= 2, `no early image: ${told}`);
  check(early.quality < full && early.columns < instance.columns, `the early image is not a reduced one: ${told}`);
  check(early.columns >= Math.floor(instance.columns / 8), `the early image is smaller than its bytes allow: ${told}`);
  const rest_ms = (total - first) / BYTES_PER_SECOND * 1000;
  check(late.after_ms - early.after_ms > 0.6 * rest_ms, `no lead by the rest's ${Math.round(rest_ms)} ms: ${told}`);
  check(Math.abs(early.mean - late.mean) < 0.05 * Math.abs(late.mean) + 20, `means: ${early.mean}, ${late.mean}`);
  check(late.quality === full && late.columns === instance.columns, `the last image is not the full one: ${told}`);
  check(final.crc32 === row.crc32, `pixels: CRC ${final.crc32}, expected ${row.crc32}`);
  const ranges = requests.map((r) => `${r.status} ${r.headers.range}`).join(', ');
  check(ranges === `206 bytes=0-${first - 1}, 206 bytes=${first}-`, `requests: ${ranges}`);
}

// -- volume ---------------------------------------------------------------------------------------------------------

async function volume(watched, root, instances, rows) {
  const { page } = watched;
  const ids = instances.map((i) => `wadors:${root}/studies/${i.study_instance_uid}/series/${i.series_instance_uid}` +
    `/instances/${i.sop_instance_uid}/frames/1`);
  await framesOf(page, root, instances[0]);
  const shown = await page.evaluate((list) => window.cornerstone.showVolume(list), ids);
  check(shown.dimensions.join() === `512,512,${SLICES}`, `dimensions ${shown.dimensions}`);
  check(shown.spacing[0] > 0 && Math.abs(shown.spacing[2] - 0.4) < 1e-3, `spacing ${shown.spacing}`);
  instances.forEach((instance, i) => {
    const got = shown.slices[ids[i]], row = rows.get(instance.source);
    check(got.crc32 === row.crc32, `${row.path}: CRC ${got.crc32}, expected ${row.crc32}`);
  });
  await harness.keepScreenshot(page, 'cornerstone-volume');
  const levels = await harness.levelsOf(page, 'canvas');
  check(levels.length === 3 && Math.min(...levels) > 40, `the planes show ${levels.join(', ')} grey levels`);
}

// -- colour ---------------------------------------------------------------------------------------------------------

/* Files with the same UIDs cannot stand in one site together: the k-th of each identity goes into round k. */
function rounds(rows) {
  const seen = new Map(), out = [];
  for (const name of new Set(rows.map((row) => row.path))) {
    const file = offered(name), key = identity(file);
    const round = seen.get(key) || 0;
    seen.set(key, round + 1);
    (out[round] ||= new Map()).set(file, rows.filter((row) => row.path === name));
  }
  return out;
}

function compareColour(got, row) {
  const { photometric_decoded: space, crc32 } = row;
  const told = `metadata say ${got.told}; shown ${got.min}..${got.max} mean ${got.mean.toFixed(2)}`;
  if (!crc32) { // lossy: the reference was made RGB by another decoder
    const near = Math.abs(got.min - row.min) <= LOSSY_EXTREME && Math.abs(got.max - row.max) <= LOSSY_EXTREME &&
      Math.abs(got.mean - row.mean) <= LOSSY_MEAN;
    check(near, `${told}; expected ${row.min}..${row.max} mean ${row.mean}`);
  } else if (space === 'RGB') {
    check(got.crc32 === crc32, `${told}; CRC ${got.crc32}, expected ${crc32}; the frame itself has ${got.raw_crc32}`);
  } else {
    check(got.raw_crc32 === crc32, `${got.type} frame: CRC ${got.raw_crc32}, expected ${crc32}`);
    check(got.difference <= CONVERSION, `${told}; ${got.difference} away from the ${space} samples as RGB`);
  }
}

const testName = (name, row) => `${name} ${row.path} frame ${row.frame}`;

/* Publishes the rows' files and calls `each` as a test for each row, with {row, instance, site, origin, frame}. */
async function testRows(watched, name, rows, options, each) {
  const wanted = rows.filter((row) => harness.isWanted(testName(name, row)));
  for (const [index, files] of rounds(wanted).entries()) {
    const site = harness.makeSite(`${name}-${index}`, [...files.keys()], options);
    const origin = await harness.serveSite(site);
    const bySource = new Map(harness.listInstances(site).map((instance) => [instance.source, instance]));
    for (const [file, list] of files) {
      for (const row of list) {
        await test(testName(name, row), async () => {
          const instance = bySource.get(file);
          check(instance, 'not published');
          const frames = await framesOf(watched.page, `${origin}/dicomweb`, instance);
          check(frames.length >= row.frame, `the metadata tell of ${frames.length} frames`);
          await each({ row, instance, site, origin, frame: frames[row.frame - 1] });
        }, watched);
      }
    }
  }
}

/* Shows a colour frame, at its own address or in a whole object, and compares. */
async function checkColour({ page }, imageId, row, frame) {
  const space = row.crc32 ? row.photometric_decoded : '';
  const table = space === 'PALETTE COLOR' ? palette(offered(row.path)) : null;
  const got = await page.evaluate((all) => window.cornerstone.colourOf(...all), [imageId, space, table, frame]);
  compareColour(got, row);
}

const colours = (watched, name, rows, options) => (
  testRows(watched, name, rows, options, ({ row, frame }) => checkColour(watched, frame, row, frame))
);

// -- whole objects --------------------------------------------------------------------------------------------------

/* The object that `wadouri:` is to load, in the form that is wanted. */
function original(site, instance, form) {
  const folder = `studies/${instance.study_instance_uid}/${instance.series_instance_uid}/${instance.sop_instance_uid}`;
  const name = fs.readdirSync(path.join(site, 'public', folder)).find((entry) => /^original\..*\.dcm$/.test(entry));
  const syntax = transferSyntax(path.join(site, 'public', folder, name));
  const isRight = form === 'as_is' ? syntax === transferSyntax(instance.source) : CODED[form].test(syntax);
  check(isRight, `${name} has transfer syntax ${syntax}`);
  return { address: `${folder}/${name}`, isNative: NATIVE.includes(syntax) };
}

async function wholeObjects(watched, form, rows) {
  const { page, requests } = watched;
  const options = ['--stages', 'codestream,dicomweb,originals', '--set', `originals.format=${form}`];
  const name = `cornerstone-wadouri-${form}`;
  await testRows(watched, name, rows, options, async ({ row, instance, site, origin, frame }) => {
    const { address, isNative } = original(site, instance, form);
    const imageId = `wadouri:${origin}/${address}?frame=${row.frame}`;
    requests.length = 0;
    if (row.samples === '1' && row.photometric_decoded.startsWith('MONOCHROME')) {
      const wanted = [imageId, Number(row.bits_allocated)];
      const got = await page.evaluate((all) => window.cornerstone.storedOf(...all), wanted);
      check(got.crc32 === row.crc32, `CRC ${got.crc32}, expected ${row.crc32}`);
    } else {
      await checkColour(watched, imageId, row, frame);
    }
    const [asked] = requests.filter(({ url }) => url.endsWith(address));
    if (row.frame === 1) { // the loader keeps the object for its other frames
      check(asked.encoding === (isNative ? 'gzip' : undefined), `${address} has Content-Encoding ${asked.encoding}`);
    }
  });
}

// -------------------------------------------------------------------------------------------------------------------

async function run({ pages, rows }) {
  const byPath = new Map(rows.filter((row) => row.frame === 1).map((row) => [path.join(harness.DATA, row.path), row]));
  const slices = [...byPath.keys()].filter((name) => name.includes(`/${CT}/`)).sort().slice(0, SLICES);
  const radiograph = path.join(harness.DATA, RADIOGRAPH);
  const site = harness.makeSite('cornerstone', [...slices, radiograph], ENCODE);
  const root = `${await harness.serveSite(site)}/dicomweb`;
  const instances = harness.listInstances(site);
  const ct = instances.filter((instance) => instance.source !== radiograph);
  const watched = await openCornerstone(pages);

  await test('cornerstone-volume', () => volume(watched, root, ct, byPath), watched);
  // The decoder's worker is started before time counts.
  const [first] = await framesOf(watched.page, root, ct[0]);
  await watched.page.evaluate((imageId) => window.cornerstone.load(imageId), first);
  await test('cornerstone-range-ct', () => progressive(
    watched, root, site, ct[40], byPath.get(ct[40].source),
  ), watched);
  await test('cornerstone-range-radiograph', () => progressive(
    watched, root, site, instances.find((instance) => instance.source === radiograph), byPath.get(radiograph),
  ), watched);
  await colours(watched, 'cornerstone-colour', colourRows(rows), []);
  // Lossy sources are published as they are; the other way is tried, too.
  const lossy = colourRows(rows).filter((row) => row.lossy === 'y');
  await colours(watched, 'cornerstone-colour-encoded', lossy, ENCODE);
  const objects = rows.filter((row) => OBJECTS.includes(row.path));
  await wholeObjects(watched, 'as_is', objects.filter((row) => !AS_IS_NOT.test(row.path)));
  await wholeObjects(watched, 'htj2k', objects);
  await wholeObjects(watched, 'j2k', objects);
  await watched.context.close();
}

module.exports = { name: 'cornerstone', run };
