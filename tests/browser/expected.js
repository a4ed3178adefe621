'use strict';
/* expected.js - EXPECTED.tsv, and what of a source file the tests need beside it: its palette */
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const dicomParser = require('dicom-parser');
const { DATA, work } = require('./harness');

function readRows() {
  const [head, ...lines] = fs.readFileSync(path.join(DATA, 'EXPECTED.tsv'), 'utf8').trimEnd().split('\n');
  const names = head.split('\t');
  return lines.map((line) => {
    const row = Object.fromEntries(line.split('\t').map((value, i) => [names[i], value]));
    row.frame = Number(row.frame) + 1; // clients count from 1
    return row;
  });
}

/* Images whose frames hold 8-bit colour: the viewers' canvas has no more. */
function colourRows(rows) {
  const colours = ['RGB', 'PALETTE COLOR', 'YBR_FULL', 'YBR_FULL_422'];
  return rows.filter((row) => row.path.startsWith('conformance/') && colours.includes(row.photometric_decoded) &&
    row.bits_stored === '8');
}

/* The path as offered to the run: zstd files are unpacked for it. */
function offered(name) {
  if (!name.endsWith('.zst')) {
    return path.join(DATA, name);
  }
  const target = path.join(work, 'unpacked', name.slice(0, -'.zst'.length));
  if (!fs.existsSync(target)) {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    execFileSync('zstd', ['-q', '-d', '-o', target, path.join(DATA, name)]);
  }
  return target;
}

/* A data set as another program reads it; a file without meta is implicit little endian here. */
function parse(file, untilTag) {
  const bytes = new Uint8Array(fs.readFileSync(file));
  const hasMeta = String.fromCharCode(...bytes.subarray(128, 132)) === 'DICM';
  return dicomParser.parseDicom(bytes, { untilTag, ...(hasMeta ? {} : { TransferSyntaxUID: '1.2.840.10008.1.2' }) });
}

/* Of a file with File Meta. */
const transferSyntax = (file) => parse(file, 'x00080005').string('x00020010');

/* The three UIDs; the path of a file that this reader does not understand. */
function identity(file) {
  try {
    const set = parse(file, 'x0020000e');
    return [set.string('x0020000d'), set.string('x0020000e'), set.string('x00080018')].join(' ');
  } catch {
    return file;
  }
}

/* First index and 8-bit tables of a palette (PS3.3 C.7.6.3.1.5), straight from the source file. */
function palette(file) {
  const set = parse(file, 'x7fe00010');
  const bits = set.uint16('x00281101', 2);
  const first = set.uint16('x00281101', 1);
  const entries = set.uint16('x00281101', 0) || 65536;
  const table = (tag) => {
    const { length } = set.elements[tag];
    const wide = length >= entries * 2; // 8-bit tables too may stand in 16-bit words, one entry each
    return Array.from({ length: entries }, (_, i) => {
      if (!wide) {
        return set.byteArray[set.elements[tag].dataOffset + i];
      }
      const value = set.uint16(tag, i);
      return bits === 16 ? value / 256 : value;
    });
  };
  return { first, red: table('x00281201'), green: table('x00281202'), blue: table('x00281203') };
}

module.exports = { colourRows, identity, offered, palette, readRows, transferSyntax };
