'use strict';
/* phantom.js - a series whose every voxel is known here, with another mark in each corner of each slice
 *
 * A flip, a turn or a swap of axes moves a mark; the mark at the bottom right tells the slice. The slices are oblique,
 * their files and numbers run against their positions, and the stored values are not the modality values.
 */
const fs = require('fs');
const path = require('path');
const { makeDicom, work } = require('./harness');

/* Which mark of a plane is at (x, y): 0 top left, 1 top right, 2 bottom left, 3 bottom right; -1 beside them. */
function markAt(x, y, { columns, rows, side }) {
  const isLeft = x < side, isTop = y < side;
  const inside = (isLeft || x >= columns - side) && (isTop || y >= rows - side);
  return inside ? (isLeft ? 0 : 1) + (isTop ? 0 : 2) : -1;
}

/* The lines of a recipe that paint the marks. */
function markLines(values, { columns, rows, side }) {
  return values.map((value, i) => {
    const x = i % 2 * (columns - side), y = Math.floor(i / 2) * (rows - side);
    return `pixels = rect x=${x} y=${y} w=${side} h=${side} value=${value}`;
  }).join('\n');
}

const COLUMNS = 150, ROWS = 130, SLICES = 40;
const SIDE = 48;
const SLOPE = 2, INTERCEPT = -100;
const WINDOW = { low: 0, high: 1000 }; // in stored values
const COLUMN_MM = 0.6, ROW_MM = 0.8, SLICE_MM = 2;
const ALONG_ROW = [0.96, 0.28, 0], DOWN = [0, 0, -1], NORMAL = [-0.28, 0.96, 0];
const FIRST = [10, -20, 30];

const BACKGROUND = 210; // at most
const PLANE = { columns: COLUMNS, rows: ROWS, side: SIDE };
const marks = (last) => [1000, 700, 400, last];

/* The stored value of a voxel; z along the normal. */
function valueAt(x, y, z) {
  const mark = markAt(x, y, PLANE);
  return mark < 0 ? (z + y * COLUMNS + x) % (BACKGROUND + 1) : marks(100 + 20 * z)[mark];
}

/* All stored values, x fastest. */
function voxels() {
  const out = [];
  for (let z = 0; z < SLICES; z++) {
    for (let y = 0; y < ROWS; y++) {
      for (let x = 0; x < COLUMNS; x++) {
        out.push(valueAt(x, y, z));
      }
    }
  }
  return out;
}

/* From (x, y, z, 1) to millimetres in LPS. */
const AFFINE = [0, 1, 2].map((i) => [
  ALONG_ROW[i] * COLUMN_MM, DOWN[i] * ROW_MM, NORMAL[i] * SLICE_MM, FIRST[i],
]);

const z = '(n - 1 - i)';
const position = FIRST.map((first, k) => `{${first} + ${NORMAL[k] * SLICE_MM} * ${z}}`).join('\\');
const RECIPE = `study = browser
series = phantom
instance = {i}
instances = ${SLICES}
file = {i}.dcm
rows = ${ROWS}
columns = ${COLUMNS}
pixels = ramp first={${z}} step=1 modulo=${BACKGROUND + 1}
${markLines(marks(`{100 + 20 * ${z}}`), PLANE)}
0008,0016 UI 1.2.840.10008.5.1.4.1.1.2
0008,0060 CS CT
0020,0013 IS {i + 1}
0020,0032 DS ${position}
0020,0037 DS ${[...ALONG_ROW, ...DOWN].join('\\')}
0028,0030 DS ${ROW_MM}\\${COLUMN_MM}
0028,1050 DS ${(WINDOW.low + WINDOW.high) / 2 * SLOPE + INTERCEPT}
0028,1051 DS ${(WINDOW.high - WINDOW.low) * SLOPE}
0028,1052 DS ${INTERCEPT}
0028,1053 DS ${SLOPE}
`;

/* Writes the series; returns its folder. */
function write() {
  const folder = path.join(work, 'phantom');
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(folder);
    makeDicom(RECIPE, '--study', '-', folder);
  }
  return folder;
}

module.exports = {
  AFFINE, BACKGROUND, COLUMNS, COLUMN_MM, INTERCEPT, ROWS, ROW_MM, SIDE, SLICES, SLICE_MM, SLOPE, WINDOW,
  markAt, markLines, valueAt, voxels, write,
};
