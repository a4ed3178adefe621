'use strict';
/* tiles_test.js - OpenSeadragon on pyramids of tiles: every tile of the finest level, and what is shown of it */
const fs = require('fs');
const path = require('path');
const harness = require('./harness');
const { markAt, markLines } = require('./phantom');

const { check, test } = harness;
// What of a tree a viewer opens; what it must have asked for to show the finest level, as paths or byte ranges.
const FORMS = {
  dzi: { description: 'image.dzi', finest: dziFiles },
  iiif: { description: 'iiif/info.json', finest: iiifFiles },
  pack: { description: 'tiles.json', finest: packRanges },
};
const SIZE = [900, 900];
// A radiograph of 1760 x 1760, beside its picture at `rendered`: two lossy codings of the same.
const RADIOGRAPH = 'conformance/wg04/RG3/RG3_J2KR';
const MEAN = 1, WORST = 40;

// -- a frame that is known ------------------------------------------------------------------------------------------

const COLUMNS = 1700, ROWS = 1300;
const PLANE = { columns: COLUMNS, rows: ROWS, side: 300 };
const MARKS = [250, 190, 150, 20];
const CELL = 50, DARK = 60, BRIGHT = 110; // a checkerboard, which no size of tile divides
const CODING = 4; // of 255, away from edges

function valueAt(x, y) {
  const mark = markAt(x, y, PLANE);
  const isDark = (Math.floor(y / CELL) + Math.floor(x / CELL)) % 2 === 0;
  return mark < 0 ? (isDark ? DARK : BRIGHT) : MARKS[mark];
}

const RECIPE = `study = browser
series = large
instance = 1
rows = ${ROWS}
columns = ${COLUMNS}
allocated = 8
stored = 8
pixels = checker a=${DARK} b=${BRIGHT} cell=${CELL}
${markLines(MARKS, PLANE)}
0008,0016 UI 1.2.840.10008.5.1.4.1.1.7.2
0008,0060 CS OT
0028,1050 DS 128
0028,1051 DS 256
`;

function writeLarge() {
  const file = path.join(harness.work, 'large.dcm');
  harness.makeDicom(RECIPE, '-', file);
  return file;
}

// -- checks ---------------------------------------------------------------------------------------------------------

/* Left and top of views, one beside the other, that hold all of the image. */
function views({ columns, rows }) {
  const starts = (size, step) => (
    Array.from({ length: Math.ceil(size / step) }, (_, i) => Math.min(i * step, size - step))
  );
  return starts(rows, SIZE[1]).flatMap((y) => starts(columns, SIZE[0]).map((x) => [x, y]));
}

/* Every cell of the checkerboard and of the marks, in its middle. */
async function checkView(page, [left, top]) {
  const points = [];
  for (let y = top - top % CELL + CELL / 2; y < top + SIZE[1] - 3; y += CELL) {
    for (let x = left - left % CELL + CELL / 2; x < left + SIZE[0] - 3; x += CELL) {
      if (x > left + 3 && y > top + 3) {
        points.push([x, y]);
      }
    }
  }
  const shown = await harness.coloursAt(page, '#openseadragon', points.map(([x, y]) => [x - left, y - top]));
  points.forEach(([x, y], i) => {
    const is = shown[i].every((value) => Math.abs(value - valueAt(x, y)) <= CODING);
    check(is, `(${x}, ${y}) is shown as ${shown[i].map(Math.round)}, expected ${valueAt(x, y)}`);
  });
}

function dziFiles(folder) {
  const finest = Math.max(...fs.readdirSync(path.join(folder, 'image_files')).map(Number));
  return fs.readdirSync(path.join(folder, `image_files/${finest}`)).map((name) => `image_files/${finest}/${name}`);
}

/* A tile is at REGION/SIZE/0/default.jpg: at full resolution the size is the region's. */
function iiifFiles(folder) {
  const regions = fs.readdirSync(path.join(folder, 'iiif')).filter((name) => /^[0-9]/.test(name));
  return regions.flatMap((region) => {
    const size = region.split(',').slice(2).join(',');
    return fs.existsSync(path.join(folder, 'iiif', region, size)) ? [`iiif/${region}/${size}/0/default.jpg`] : [];
  });
}

function packRanges(folder) {
  const [{ first, across, down }] = JSON.parse(fs.readFileSync(path.join(folder, 'tiles.json'), 'utf8')).levels;
  const index = fs.readFileSync(path.join(folder, 'image.index'));
  return Array.from({ length: across * down }, (_, i) => {
    const begin = Number(index.readBigUInt64LE(12 * (first + i)));
    return `image.szi bytes=${begin}-${begin + index.readUInt32LE(12 * (first + i) + 8) - 1}`;
  });
}

/* All tiles of the finest level have been asked for, and none has failed. */
async function checkTiles({ page, requests }, tree, { finest }) {
  const tiles = await page.evaluate(() => window.openseadragon.tiles());
  check(tiles.failed === 0, `${tiles.failed} of ${tiles.loaded} tiles failed`);
  const asked = new Set(requests.map(({ url, headers: { range } }) => (
    url.slice(tree.address.length + 1).replace(/#.*/, '') + (range ? ` ${range}` : '')
  )));
  const missed = finest(tree.folder).filter((name) => !asked.has(name));
  check(missed.length === 0, `not asked for: ${missed.join(', ')}`);
}

function openTree({ page, requests }, tree, { description }) {
  requests.length = 0;
  return page.evaluate((all) => window.openseadragon.open(...all), [`${tree.address}/${description}`, SIZE]);
}

async function showsPhantom(watched, tree, form) {
  const { page } = watched;
  const size = await openTree(watched, tree, form);
  check(size.columns === COLUMNS && size.rows === ROWS, `${size.columns} x ${size.rows}`);
  const corners = [[150, 150], [COLUMNS - 150, 150], [150, ROWS - 150], [COLUMNS - 150, ROWS - 150]];
  const places = await page.evaluate((list) => list.map((at) => window.openseadragon.placeOf(...at)), corners);
  const shown = await harness.coloursAt(page, '#openseadragon', places);
  corners.forEach(([x, y], i) => check(Math.abs(shown[i][0] - valueAt(x, y)) <= CODING,
    `in the whole image, (${x}, ${y}) is shown as ${shown[i].map(Math.round)}, expected ${valueAt(x, y)}`));
  await harness.keepScreenshot(page, 'openseadragon');
  for (const view of views(size)) {
    await page.evaluate((at) => window.openseadragon.showAt(...at), view);
    await checkView(page, view);
  }
  await checkTiles(watched, tree, form);
}

async function showsRadiograph(watched, tree, form) {
  const { page } = watched;
  const size = await openTree(watched, tree, form);
  for (const view of views(size)) {
    await page.evaluate((at) => window.openseadragon.showAt(...at), view);
    const { mean, worst } = await harness.differenceFrom(page, '#openseadragon', tree.rendered, view);
    check(mean <= MEAN && worst <= WORST, `view ${view} is ${mean.toFixed(2)} away from rendered, ${worst} at most`);
  }
  await checkTiles(watched, tree, form);
}

// -------------------------------------------------------------------------------------------------------------------

/* The tree of tiles of a file's first frame, and where its picture is. */
function treeOf({ site, origin }, file) {
  const instance = harness.listInstances(site).find((row) => row.source === file);
  check(instance, `${file} is not published`);
  const { study_instance_uid: study, series_instance_uid: series, sop_instance_uid: uid } = instance;
  const row = harness.listRows(site, 'artefacts').find(({ stage, path: at }) => (
    stage === 'tiles' && at.startsWith(`studies/${study}/${series}/${uid}/tiles-1`)
  ));
  return {
    address: `${origin}/${row.path}`, folder: path.join(site, 'public', row.path),
    rendered: `${origin}/dicomweb/studies/${study}/series/${series}/instances/${uid}/rendered`,
  };
}

async function run({ pages }) {
  const watched = await harness.openPage({ width: SIZE[0] + 20, height: SIZE[1] + 20 });
  await watched.page.goto(`${pages}/openseadragon.html`);
  await watched.page.waitForFunction(() => window.openseadragon);
  const large = writeLarge(), radiograph = path.join(harness.DATA, RADIOGRAPH);
  const port = await harness.freePort(); // info.json has the address
  const settings = ['tiles.min_size=1024', 'tiles.forms=dzi,iiif,pack', `tiles.iiif_base=http://127.0.0.1:${port}/`];
  const options = ['--stages', 'rendered,tiles', ...settings.flatMap((setting) => ['--set', setting])];
  const site = harness.makeSite('tiles', [large, radiograph], options);
  const published = { site, origin: await harness.serveSite(site, port) };
  const [known, real] = [large, radiograph].map((file) => treeOf(published, file));
  for (const [name, form] of Object.entries(FORMS)) {
    await test(`tiles-${name}-phantom`, () => showsPhantom(watched, known, form), watched);
    await test(`tiles-${name}-radiograph`, () => showsRadiograph(watched, real, form), watched);
  }
  await watched.context.close();
}

module.exports = { name: 'tiles', run };
