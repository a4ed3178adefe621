'use strict';
/* geometry.js - GEOMETRY.tsv: the volume that another converter makes of a study */
const fs = require('fs');
const path = require('path');
const { DATA } = require('./harness');

const TOLERANCE_MM = 0.02; // its numbers have six digits

/* The study's one volume: {dimensions, times, affine, crc32}. */
function volumeOf(study) {
  const [head, ...lines] = fs.readFileSync(path.join(DATA, 'GEOMETRY.tsv'), 'utf8').trimEnd().split('\n');
  const names = head.split('\t');
  const rows = lines.map((line) => Object.fromEntries(line.split('\t').map((value, i) => [names[i], value])));
  const row = rows.find((one) => one.study === study);
  const [columns, height, slices, times] = row.dims.split('x').map(Number);
  const numbers = row.affine_ras_3x4.split(' ').map(Number);
  return {
    dimensions: [columns, height, slices], times: times || 1, crc32: row.crc32,
    affine: [0, 4, 8].map((at) => numbers.slice(at, at + 4)),
  };
}

const apply = (affine, at) => affine.map((row) => row[0] * at[0] + row[1] * at[1] + row[2] * at[2] + row[3]);

/* How far the eighth corner that fits worst is from where the converter has it; its rows run the other way. */
function cornerDistance(affine, theirs) {
  let worst = 0;
  for (let corner = 0; corner < 8; corner++) {
    const at = theirs.dimensions.map((size, axis) => (corner >> axis & 1) * (size - 1));
    const there = apply(theirs.affine, [at[0], theirs.dimensions[1] - 1 - at[1], at[2]]);
    apply(affine, at).forEach((mm, i) => { worst = Math.max(worst, Math.abs(mm - there[i])); });
  }
  return worst;
}

module.exports = { TOLERANCE_MM, apply, cornerDistance, volumeOf };
