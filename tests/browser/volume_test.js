'use strict';
/* volume_test.js - Viv, neuroglancer and NiiVue on published volumes, and a page that lets them grow */
const path = require('path');
const { TOLERANCE_MM, apply, cornerDistance, volumeOf } = require('./geometry');
const harness = require('./harness');
const phantom = require('./phantom');
const { bytesOf, converterCrc, crc32 } = require('./values');

const { check, test } = harness;
const { COLUMNS, ROWS, SIDE, SLICES } = phantom;
// With what each viewer asks for in vain.
const ZARR_3 = { viv: '.zattrs .zgroup', neuroglancer: '.zarray .zattrs' };
const FORMATS = {
  '0.5': { settings: [], absent: ZARR_3 },
  '0.5-shards': { settings: ['volume.shards=true'], absent: ZARR_3 },
  '0.4': { settings: ['volume.format=0.4'], absent: { viv: '.zattrs', neuroglancer: '.zarray .zattrs zarr.json' } },
};
const SLICED = 'studies/mr_16_implicit', TIMED = 'studies/mr_fmri_ge';
const HEAD = 'studies/ct_head_philips_140.zip';
// What a reader of Zarr asks for before it knows which of the two it has.
const PROBES = /\/(\.zattrs|\.zgroup|\.zarray|\.zmetadata|zarr\.json)$/;
const SIZE = [400, 360];
const GREY = 3; // of 255
const FIRST_STEP = 256 * 1024;

// -- what is published ----------------------------------------------------------------------------------------------

/* The addresses of a source's artefacts of the volume stage, by name; `source`: a folder or a ZIP. */
function volumesOf(published, source) {
  const instance = published.instances.find((row) => row.source.startsWith(source));
  check(instance, `${source} is not published`);
  const folder = `studies/${instance.study_instance_uid}/${instance.series_instance_uid}/`;
  const own = published.artefacts.filter((row) => row.stage === 'volume' && row.path.startsWith(folder));
  return Object.fromEntries(own.map((row) => [row.name, `${published.origin}/${row.path}`]));
}

async function publish(name, sources, settings) {
  const options = ['--stages', 'volume', ...settings.flatMap((setting) => ['--set', setting])];
  const site = harness.makeSite(name, sources, options);
  return {
    origin: await harness.serveSite(site), instances: harness.listInstances(site),
    artefacts: harness.listRows(site, 'artefacts'),
  };
}

const inData = (study) => path.join(harness.DATA, study);
const zarrOf = (published, source) => `${volumesOf(published, source)['volume-1']}/image.ome.zarr`;

// -- what must be there ---------------------------------------------------------------------------------------------

function checkPhantom(values) {
  check(values.length === COLUMNS * ROWS * SLICES, `${values.length} voxels`);
  const expected = phantom.voxels();
  const wrong = expected.findIndex((value, i) => value !== values[i]);
  check(wrong < 0, `voxel ${wrong} is ${values[wrong]}, expected ${expected[wrong]}`);
}

function checkStudy(values, study) {
  const { dimensions: [columns, rows], crc32 } = volumeOf(study);
  const found = converterCrc(values, columns, rows);
  check(found === crc32, `${study}: CRC ${found}, expected ${crc32}`);
}

/* Points in voxels of plane z: in each mark, near its edges too, and between the marks, where it is dark. */
function markPoints(z) {
  const right = COLUMNS - SIDE, below = ROWS - SIDE;
  const corners = [[0, 0], [right, 0], [0, below], [right, below]];
  const steps = [5, SIDE / 2, SIDE - 5];
  const bright = corners.flatMap(([left, top]) => steps.flatMap((i) => steps.map((j) => [left + i, top + j])));
  const dark = [[SIDE + 5, 10], [right - 5, 10], [10, SIDE + 5], [COLUMNS - 10, below - 5], [COLUMNS / 2, ROWS / 2]];
  return [
    ...bright.map(([x, y]) => ({ x, y, least: phantom.valueAt(x, y, z), most: phantom.valueAt(x, y, z) })),
    ...dark.map(([x, y]) => ({ x, y, least: 0, most: phantom.BACKGROUND })),
  ];
}

/* `place` leads from voxels of the plane to pixels of the element. */
async function checkMarks(page, selector, z, place) {
  const points = markPoints(z);
  const shown = await harness.coloursAt(page, selector, points.map(({ x, y }) => place(x, y)));
  const { low, high } = phantom.WINDOW;
  const grey = (value) => Math.min(Math.max((value - low) / (high - low), 0), 1) * 255;
  points.forEach(({ x, y, least, most }, i) => {
    const is = shown[i].every((value) => value >= grey(least) - GREY && value <= grey(most) + GREY);
    const expected = `${grey(least)}..${grey(most)}`;
    check(is, `plane ${z}, (${x}, ${y}) is shown as ${shown[i].map(Math.round)}, expected ${expected}`);
  });
}

/* That there is a picture: many greys. */
async function checkGreys(page, selector, least) {
  const places = Array.from({ length: 900 }, (_, i) => [10 + i % 30 * 12, 10 + Math.floor(i / 30) * 11]);
  const levels = new Set((await harness.coloursAt(page, selector, places)).map(([red]) => Math.round(red)));
  check(levels.size >= least, `${selector} shows ${levels.size} grey levels`);
}

/* What was probed and is not there was answered 404, nothing else. */
function checkAbsent(watched, names) {
  const found = [...new Set(watched.absent.map((url) => path.basename(url)))].sort().join(' ');
  check(found === names, `absent: ${found}; expected ${names}`);
}

// -- viewers --------------------------------------------------------------------------------------------------------

async function vivShowsPhantom(watched, image, absent) {
  const { page } = watched;
  const levels = await page.evaluate((address) => window.viv.open(address), image);
  check(levels[0].shape.join() === [SLICES, ROWS, COLUMNS].join() && levels[0].labels.join('') === 'zyx',
    `Viv sees ${levels[0].labels} of ${levels[0].shape}`);
  checkPhantom(await page.evaluate(() => window.viv.voxels()));
  for (const [z, zoom] of [[3, 1], [SLICES - 2, 1], [3, -1]]) {
    await page.evaluate((all) => window.viv.show(...all), [{ z }, zoom, SIZE]);
    const scale = 2 ** zoom;
    await checkMarks(page, '#viv', z, (x, y) => [
      SIZE[0] / 2 + (x - COLUMNS / 2) * scale, SIZE[1] / 2 + (y - ROWS / 2) * scale,
    ]);
  }
  await harness.keepScreenshot(page, 'viv');
  checkAbsent(watched, absent);
}

/* A CT whose coarser levels have fewer slices. */
async function vivShowsHead(watched, image) {
  const { page } = watched;
  const levels = await page.evaluate((address) => window.viv.open(address), image);
  const z = 100;
  check(levels.some(({ shape }) => shape[0] <= z), 'all levels have this slice');
  for (const zoom of [0, -1]) {
    await page.evaluate((all) => window.viv.show(...all), [{ z }, zoom, SIZE]);
    await checkGreys(page, '#viv', 10); // a skull full of air, through a window for tissue
  }
}

async function vivHoldsStudy(watched, image, study) {
  await watched.page.evaluate((address) => window.viv.open(address), image);
  checkStudy(await watched.page.evaluate(() => window.viv.voxels()), study);
}

async function neuroglancerShowsPhantom(watched, image, absent) {
  const { page } = watched;
  const spacing = [phantom.COLUMN_MM, phantom.ROW_MM, phantom.SLICE_MM];
  const { low, high } = phantom.WINDOW;
  await page.evaluate((all) => window.neuroglancer.open(...all), [image, spacing, [low, high], SIZE]);
  for (const z of [3, SLICES - 2]) {
    const [left, top, width, height] = await page.evaluate(
      (all) => window.neuroglancer.show(...all), [[(COLUMNS - 1) / 2, (ROWS - 1) / 2, z], 1],
    );
    const tall = phantom.ROW_MM / phantom.COLUMN_MM;
    await checkMarks(page, '#neuroglancer', z, (x, y) => [
      left + width / 2 + x - COLUMNS / 2, top + height / 2 + (y - ROWS / 2) * tall,
    ]);
    const plane = await page.evaluate((all) => window.neuroglancer.plane(...all), [COLUMNS, ROWS, z]);
    const wrong = plane.findIndex((value, i) => value !== phantom.valueAt(i % COLUMNS, Math.floor(i / COLUMNS), z));
    check(wrong < 0, `plane ${z}: voxel ${wrong} is ${plane[wrong]}`);
  }
  await harness.keepScreenshot(page, 'neuroglancer');
  checkAbsent(watched, absent);
}

/* Two planes of a study: each is one of its slices, as the reference decoder saw it. */
async function neuroglancerHoldsStudy(watched, image, study, rows) {
  const { page } = watched;
  const { affine, dimensions: [columns, height, slices] } = volumeOf(study);
  const spacing = [0, 1, 2].map((axis) => Math.hypot(...affine.map((row) => row[axis])));
  const expected = new Map(rows.filter((row) => row.path.startsWith(`${study}/`)).map((row) => [row.crc32, row.path]));
  await page.evaluate((all) => window.neuroglancer.open(...all), [image, spacing, [0, 2000], SIZE]);
  const found = new Set();
  for (const z of [1, slices - 1]) {
    await page.evaluate((all) => window.neuroglancer.show(...all), [[columns / 2, height / 2, z], 1]);
    const plane = await page.evaluate((all) => window.neuroglancer.plane(...all), [columns, height, z]);
    found.add(expected.get(crc32(bytesOf(plane))));
  }
  check(found.size === 2 && !found.has(undefined), `planes are ${[...found]}`);
}

async function niivueShowsPhantom(watched, file) {
  const { page } = watched;
  const told = await page.evaluate((all) => window.niivue.open(...all), [file, SIZE]);
  const ras = phantom.AFFINE.map((row, i) => row.map((value) => (i < 2 ? -value : value)));
  check(told.dimensions.join() === [COLUMNS, ROWS, SLICES].join(), `dimensions ${told.dimensions}`);
  check([told.slope, told.intercept].join() === [phantom.SLOPE, phantom.INTERCEPT].join(),
    `slope ${told.slope}, intercept ${told.intercept}`);
  told.affine.forEach((row, i) => row.forEach((value, j) => check(Math.abs(value - ras[i][j]) < 1e-5,
    `affine ${told.affine}, expected ${ras}`)));
  checkPhantom(await page.evaluate(() => window.niivue.voxels()));
  for (const z of [3, SLICES - 2]) {
    const places = markPoints(z).map(({ x, y }) => [x, y, z]);
    const values = await page.evaluate((list) => window.niivue.valuesAt(list), places.map((at) => apply(ras, at)));
    places.forEach((at, i) => {
      const expected = phantom.valueAt(...at) * phantom.SLOPE + phantom.INTERCEPT;
      check(values[i] === expected, `(${at}) is ${values[i]}, expected ${expected}`);
    });
    await page.evaluate((mm) => window.niivue.showCoronal(mm), apply(ras, [COLUMNS / 2, ROWS / 2, z]));
    // Fitted into the canvas. Columns run to the patient's left, which this viewer shows on the left.
    const scale = Math.min(SIZE[0] / (COLUMNS * phantom.COLUMN_MM), SIZE[1] / (ROWS * phantom.ROW_MM));
    await checkMarks(page, '#niivue', z, (x, y) => [
      SIZE[0] / 2 - (x - COLUMNS / 2) * phantom.COLUMN_MM * scale,
      SIZE[1] / 2 + (y - ROWS / 2) * phantom.ROW_MM * scale,
    ]);
  }
  await harness.keepScreenshot(page, 'niivue');
}

async function niivueHoldsStudy(watched, file, study) {
  const theirs = volumeOf(study);
  const told = await watched.page.evaluate((all) => window.niivue.open(...all), [file, SIZE]);
  check([...told.dimensions, told.times].join() === [...theirs.dimensions, theirs.times].join(),
    `dimensions ${told.dimensions}, ${told.times}`);
  const distance = cornerDistance(told.affine, theirs);
  check(distance <= TOLERANCE_MM, `a corner is ${distance} mm from where the converter has it`);
  checkStudy(await watched.page.evaluate(() => window.niivue.voxels()), study);
  await checkGreys(watched.page, '#niivue', 60);
}

// -- growing --------------------------------------------------------------------------------------------------------

/* All steps; after each one the files of that step, and no other, have been asked for. Calls `seen` with each. */
async function grow(watched, tree, withVoxels, seen) {
  const { page, requests } = watched;
  const description = await page.evaluate((address) => window.growing.open(address), `${tree}/volume.json`);
  for (const { files } of description.fetch) {
    requests.length = 0;
    const step = await page.evaluate((wanted) => window.growing.grow(wanted), withVoxels);
    const asked = requests.map((request) => request.url).filter((url) => !PROBES.test(url)).sort();
    const listed = files.map(([name]) => `${tree}/${description.image}/${name}`).sort();
    check(asked.join() === listed.join(), `${asked.length} files were asked for, ${listed.length} listed`);
    await seen(step, description);
  }
  check(await page.evaluate(() => window.growing.grow(false)) === null, 'there is one more step');
  return description;
}

async function growsPhantom(watched, tree) {
  const steps = [];
  await grow(watched, tree, true, async (step, description) => {
    steps.push(step);
    const [slices] = description.levels[step.level].shape;
    check(slices === SLICES, 'the phantom is meant to keep its slices');
    await checkMarks(watched.page, '#growing', SLICES / 2, (x, y) => [2 * x, 2 * y]);
    if (step.level === 0) {
      checkPhantom(step.voxels);
    }
  });
  check(steps.length > 2, `${steps.length} steps`);
}

/* A further dimension: volume after volume. */
async function growsStudy(watched, tree, study) {
  const finest = [];
  await grow(watched, tree, true, (step) => {
    if (step.level === 0) {
      step.voxels.forEach((value) => finest.push(value));
    }
  });
  checkStudy(Int16Array.from(finest), study);
}

async function growsHead(watched, tree) {
  const steps = [];
  const description = await grow(watched, tree, false, (step) => { steps.push(step); });
  const [first] = steps, last = steps[steps.length - 1];
  const told = steps.map((step) => `level ${step.level}: ${step.bytes} bytes (${step.decoded})`).join(', ');
  console.error(`browser: ${HEAD}: ${told}`);
  check(first.level === description.levels.length - 1 && first.decoded <= FIRST_STEP, `first step: ${told}`);
  check(steps.every((step, i) => i === 0 || step.level < steps[i - 1].level), `coarse after fine: ${told}`);
  const { crc32 } = volumeOf(HEAD);
  check(last.level === 0 && last.crc32 === crc32, `level ${last.level}: CRC ${last.crc32}, expected ${crc32}`);
}

// -------------------------------------------------------------------------------------------------------------------

async function open(pages, name) {
  const watched = await harness.openPage({ width: SIZE[0] + 40, height: SIZE[1] + 40 }, PROBES);
  await watched.page.goto(`${pages}/${name}.html`);
  await watched.page.waitForFunction((global) => window[global], name);
  return watched;
}

async function run({ pages, rows }) {
  const folder = phantom.write();
  const viewers = {};
  for (const name of ['viv', 'neuroglancer', 'niivue', 'growing']) {
    viewers[name] = await open(pages, name);
  }
  const inViewer = (viewer, name, body) => (
    test(`volume-${viewer}-${name}`, () => {
      viewers[viewer].absent.length = 0;
      return body(viewers[viewer]);
    }, viewers[viewer])
  );

  for (const [format, { settings, absent }] of Object.entries(FORMATS)) {
    const published = await publish(`volume-${format}`, [folder], settings);
    const image = zarrOf(published, folder);
    await inViewer('viv', format, (watched) => vivShowsPhantom(watched, image, absent.viv));
    await inViewer('neuroglancer', format, (watched) => neuroglancerShowsPhantom(watched, image, absent.neuroglancer));
    await inViewer('growing', format, (watched) => growsPhantom(watched, path.dirname(image)));
  }

  const sources = [folder, inData(SLICED), inData(TIMED)];
  const published = await publish('volume-studies', sources, ['volume.nifti=true']);
  const fileOf = (source) => volumesOf(published, source)['volume-1-nifti'];
  await inViewer('niivue', 'phantom', (watched) => niivueShowsPhantom(watched, fileOf(folder)));
  for (const study of [SLICED, TIMED]) {
    await inViewer('niivue', study, (watched) => niivueHoldsStudy(watched, fileOf(inData(study)), study));
    await inViewer('viv', study, (watched) => vivHoldsStudy(watched, zarrOf(published, inData(study)), study));
  }
  const [sliced, timed] = [SLICED, TIMED].map((study) => zarrOf(published, inData(study)));
  await inViewer('neuroglancer', SLICED, (watched) => neuroglancerHoldsStudy(watched, sliced, SLICED, rows));
  await inViewer('growing', TIMED, (watched) => growsStudy(watched, path.dirname(timed), TIMED));

  const head = zarrOf(await publish('volume-head', [inData(HEAD)], []), inData(HEAD));
  await inViewer('viv', HEAD, (watched) => vivShowsHead(watched, head));
  await inViewer('growing', HEAD, (watched) => growsHead(watched, path.dirname(head)));
  await Promise.all(Object.values(viewers).map((watched) => watched.context.close()));
}

module.exports = { name: 'volume', run };
