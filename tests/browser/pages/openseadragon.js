/* openseadragon.js - OpenSeadragon on a published pyramid of tiles: `window.openseadragon` holds what the tests call */
import OpenSeadragon from 'openseadragon';

let viewer = null;
const tiles = { loaded: 0, failed: 0 };

/* Resolves when nothing is on its way and what is shown is no longer blended. */
async function settled() {
  for (let calm = 0; calm < 5; calm++) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const item = viewer.world.getItemAt(0);
    if (!item.getFullyLoaded() || viewer.imageLoader.jobsInProgress > 0) {
      calm = -1;
    }
  }
}

/* Opens a pyramid (the address of its description), the whole image in view; tells its size. */
async function open(source, [width, height]) {
  viewer?.destroy();
  const element = document.createElement('div');
  element.id = 'openseadragon';
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  document.body.replaceChildren(element);
  Object.assign(tiles, { loaded: 0, failed: 0 });
  await new Promise((resolve, reject) => {
    viewer = OpenSeadragon({
      element, tileSources: source, crossOriginPolicy: 'Anonymous', showNavigationControl: false,
      drawer: 'webgl', // the canvas drawer stretches tiles without overlap by a pixel
      animationTime: 0, blendTime: 0, immediateRender: true, minZoomImageRatio: 0, visibilityRatio: 0,
    });
    viewer.addHandler('tile-loaded', () => { tiles.loaded++; });
    viewer.addHandler('tile-load-failed', () => { tiles.failed++; });
    viewer.addHandler('open', resolve);
    viewer.addHandler('open-failed', ({ message }) => reject(new Error(message)));
  });
  await settled();
  const { x, y } = viewer.world.getItemAt(0).getContentSize();
  return { columns: x, rows: y };
}

/* Shows the image, a pixel of it for each of the element's, from (x, y) on. */
async function showAt(x, y) {
  const { clientWidth, clientHeight } = viewer.element;
  const item = viewer.world.getItemAt(0);
  viewer.viewport.fitBounds(item.imageToViewportRectangle(x, y, clientWidth, clientHeight), true);
  await settled();
}

/* Where an image pixel is in the element. */
function placeOf(x, y) {
  const at = viewer.world.getItemAt(0).imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
  return [at.x, at.y];
}

window.openseadragon = { open, placeOf, showAt, tiles: () => tiles };
