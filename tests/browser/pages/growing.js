/* growing.js - a page of its own that lets a volume grow in the order of its volume.json: `window.growing`
 *
 * The voxels are zarrita's, out of nothing but the files of the steps so far; the canvas shows the middle slice.
 */
import * as zarr from 'zarrita';
import { converterCrc } from '../values';

let description = null, image = '', root = null, steps = [];
const fetched = new Map(), expected = new Set();

async function bytesOf(address) {
  const response = await fetch(address);
  if (response.status === 404) {
    return undefined;
  }
  if (!response.ok) {
    throw new Error(`${address}: status ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/* A chunk must have come before it is asked for; one that no step names is absent. Metadata come when asked for. */
const store = {
  async get(key) {
    const name = key.slice(1);
    if (!/(^|\/)(zarr\.json|\.z[a-z]+)$/.test(name)) {
      if (expected.has(name)) {
        throw new Error(`${name} is needed before its step`);
      }
    } else if (!fetched.has(name)) {
      fetched.set(name, await bytesOf(`${image}${name}`));
    }
    return fetched.get(name);
  },
  async getRange(key, range) {
    const all = await this.get(key);
    const { suffixLength, offset, length } = range;
    return all?.slice(suffixLength ? all.length - suffixLength : offset, suffixLength ? all.length : offset + length);
  },
};

/* Reads volume.json; returns it. */
async function open(address) {
  description = await (await fetch(address)).json();
  image = new URL(`${description.image}/`, address).href;
  steps = [...description.fetch];
  fetched.clear();
  expected.clear();
  steps.forEach((step) => step.files.forEach(([name]) => expected.add(name)));
  root = await zarr.open(store, { kind: 'group' });
  return description;
}

/* The middle slice through the volume's window. */
function show({ data, shape, stride }) {
  const { slope, intercept, window: { low, high } } = description;
  const [slices, rows, columns] = shape;
  const first = Math.floor(slices / 2) * stride[0];
  const slice = new ImageData(columns, rows);
  for (let i = 0; i < columns * rows; i++) {
    const grey = ((data[first + i] * slope + intercept) - low) / (high - low) * 255;
    slice.data.set([grey, grey, grey, 255], 4 * i);
  }
  const canvas = document.querySelector('canvas') || document.createElement('canvas');
  canvas.id = 'growing';
  canvas.width = columns;
  canvas.height = rows;
  canvas.style = `width: ${description.columns * 2}px; height: ${description.rows * 2}px; image-rendering: pixelated`;
  canvas.getContext('2d').putImageData(slice, 0, 0);
  document.body.replaceChildren(canvas);
}

/* Fetches the files of the next step and shows the volume that they give; null after the last one. */
async function grow(withVoxels) {
  const step = steps.shift();
  if (!step) {
    return null;
  }
  await Promise.all(step.files.map(async ([name, size]) => {
    const bytes = await bytesOf(`${image}${name}`);
    if (bytes?.length !== size) {
      throw new Error(`${name} has ${bytes?.length} bytes, volume.json says ${size}`);
    }
    fetched.set(name, bytes);
    expected.delete(name);
  }));
  const array = await zarr.open(root.resolve(description.levels[step.level].path), { kind: 'array' });
  const whole = array.shape.length > 3 ? [step.dimension, null, null, null] : null;
  const volume = await zarr.get(array, whole);
  show(volume);
  const [, rows, columns] = volume.shape;
  return {
    level: step.level, bytes: step.bytes, decoded: volume.data.byteLength,
    crc32: converterCrc(volume.data, columns, rows), voxels: withVoxels ? volume.data : null,
  };
}

window.growing = { grow, open };
