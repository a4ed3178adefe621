/* viv.js - Viv on a published OME-Zarr image: `window.viv` holds what the tests call */
import { Deck, OrthographicView } from '@deck.gl/core';
import { MultiscaleImageLayer, loadOmeZarr } from '@hms-dbmi/viv';

let image = null, deck = null;

/* Opens an image; tells of each of its levels. */
async function open(address) {
  image = await loadOmeZarr(address, { type: 'multiscales' });
  return image.data.map(({ shape, labels }) => ({ shape, labels }));
}

/* All voxels of the finest level, plane by plane as the loader gives them. */
async function voxels() {
  const [{ shape, labels }] = image.data;
  const [slices, rows, columns] = shape.slice(-3);
  const [times] = shape.length > 3 ? shape : [1];
  let all = null;
  for (let k = 0; k < times * slices; k++) {
    const selection = { z: k % slices, ...(shape.length > 3 ? { [labels[0]]: Math.floor(k / slices) } : {}) };
    const { data } = await image.data[0].getRaster({ selection });
    all ||= new data.constructor(times * slices * rows * columns);
    all.set(data, k * rows * columns);
  }
  return all;
}

/* The levels that Viv can show a plane of: it takes each for half the size of the one before, and the same slice index
 * in all (hms-dbmi/viv issue 901). Where slices are thin a level halves them, too, and later ones cannot be shown. */
function planeLevels() {
  const [{ shape: finest }] = image.data;
  const fits = ({ shape }, level) => shape.every((size, axis) => (
    size === (axis < finest.length - 2 ? finest[axis] : Math.ceil(finest[axis] / 2 ** level))
  ));
  const end = image.data.findIndex((level, i) => !fits(level, i));
  return image.data.slice(0, end < 0 ? undefined : end);
}

/* Shows a plane through the image's own window (omero), scaled by 2^zoom, its middle in the canvas' middle. Resolves
 * when all tiles have come. */
async function show(selection, zoom, [width, height]) {
  const [rows, columns] = image.data[0].shape.slice(-2);
  const { start, end } = image.metadata.omero.channels[0].window;
  deck?.finalize();
  const canvas = document.createElement('canvas');
  canvas.id = 'viv';
  document.body.replaceChildren(canvas);
  await new Promise((resolve, reject) => {
    deck = new Deck({
      canvas, width, height, controller: false, onError: reject,
      views: new OrthographicView({ id: 'plane', flipY: true }),
      initialViewState: { target: [columns / 2, rows / 2, 0], zoom },
      layers: [new MultiscaleImageLayer({
        id: 'image', loader: planeLevels(), selections: [selection], contrastLimits: [[start, end]],
        colors: [[255, 255, 255]], channelsVisible: [true], onViewportLoad: resolve, onTileError: reject,
      })],
    });
  });
}

window.viv = { open, show, voxels };
