'use strict';
/* values.js - voxels and pixels summed up as EXPECTED.tsv and GEOMETRY.tsv have them; for pages and tests */

const table = new Uint32Array(256).map((_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

/* zlib's CRC-32, as eight hex digits. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0');
}

const bytesOf = (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/* The CRC of a volume, or of several, in the order of GEOMETRY.tsv's converter: its rows run from bottom to top. */
function converterCrc(values, columns, rows) {
  const flipped = new values.constructor(values.length);
  for (let row = 0, all = values.length / columns; row < all; row++) {
    const slice = Math.floor(row / rows);
    const to = slice * rows + (rows - 1 - row % rows);
    flipped.set(values.subarray(row * columns, (row + 1) * columns), to * columns);
  }
  return crc32(bytesOf(flipped));
}

module.exports = { bytesOf, converterCrc, crc32 };
