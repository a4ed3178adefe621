'use strict';
/* phantom.js - a series whose every voxel is known here, with another mark in each corner of each slice
 *
 * A flip, a turn or a swap of axes moves a mark; the mark at the bottom right tells the slice. The slices are oblique,
 * their files and numbers run against their positions, and the stored values are not the modality values.
 */
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { work } = require('./harness');

const COLUMNS = 150, ROWS = 130, SLICES = 40;
const SIDE = 48;
const SLOPE = 2, INTERCEPT = -100;
const WINDOW = { low: 0, high: 1000 }; // in stored values
const COLUMN_MM = 0.6, ROW_MM = 0.8, SLICE_MM = 2;
const ALONG_ROW = [0.96, 0.28, 0], DOWN = [0, 0, -1], NORMAL = [-0.28, 0.96, 0];
const FIRST = [10, -20, 30];

const BACKGROUND = 210; // at most
const MARKS = { topLeft: 1000, topRight: 700, bottomLeft: 400, bottomRight: (z) => 100 + 20 * z };

/* The stored value of a voxel; z along the normal. */
function valueAt(x, y, z) {
  const left = x < SIDE, right = x >= COLUMNS - SIDE;
  if (y < SIDE && (left || right)) {
    return left ? MARKS.topLeft : MARKS.topRight;
  }
  if (y >= ROWS - SIDE && (left || right)) {
    return left ? MARKS.bottomLeft : MARKS.bottomRight(z);
  }
  return (z + y * COLUMNS + x) % (BACKGROUND + 1);
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
const rect = (x, y, value) => `pixels = rect x=${x} y=${y} w=${SIDE} h=${SIDE} value=${value}`;
const RECIPE = `study = browser
series = phantom
instance = {i}
instances = ${SLICES}
file = {i}.dcm
rows = ${ROWS}
columns = ${COLUMNS}
pixels = ramp first={${z}} step=1 modulo=${BACKGROUND + 1}
${rect(0, 0, MARKS.topLeft)}
${rect(COLUMNS - SIDE, 0, MARKS.topRight)}
${rect(0, ROWS - SIDE, MARKS.bottomLeft)}
${rect(COLUMNS - SIDE, ROWS - SIDE, `{${MARKS.bottomRight(0)} + 20 * ${z}}`)}
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
    const program = path.join(process.env.SLICEPRESS_BUILD, 'support/make_dicom');
    fs.mkdirSync(folder);
    execFileSync(program, ['--study', '-', folder], { input: RECIPE });
  }
  return folder;
}

module.exports = {
  AFFINE, BACKGROUND, COLUMNS, COLUMN_MM, INTERCEPT, MARKS, ROWS, ROW_MM, SIDE, SLICES, SLICE_MM, SLOPE, WINDOW,
  valueAt, voxels, write,
};
