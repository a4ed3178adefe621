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

/* A pack: its tiles are byte ranges of one file, where the index says (schema/layout.md). `address`: of tiles.json. */
async function packSource(address) {
  const [about, index] = await Promise.all([
    fetch(address).then((response) => response.json()),
    fetch(new URL('image.index', address)).then(async (response) => new DataView(await response.arrayBuffer())),
  ]);
  const levels = new Map(about.levels.map((level) => [level.level, level]));
  return {
    width: about.columns, height: about.rows, tileSize: about.tile_size, tileOverlap: about.overlap,
    minLevel: 0, maxLevel: about.levels[0].level,
    getTileUrl: (level, x, y) => `${new URL(about.forms.pack, address)}#${level},${x},${y}`,
    async downloadTileStart(job) {
      const [level, x, y] = new URL(job.src).hash.slice(1).split(',').map(Number);
      const record = 12 * (levels.get(level).first + y * levels.get(level).across + x);
      const begin = Number(index.getBigUint64(record, true));
      const end = begin + index.getUint32(record + 8, true);
      const response = await fetch(job.src, { headers: { Range: `bytes=${begin}-${end - 1}` } });
      const bytes = await response.arrayBuffer();
      if (response.status === 206 && bytes.byteLength === end - begin) {
        job.finish(new Blob([bytes], { type: about.media_type }), null, 'rasterBlob');
      } else {
        job.fail(`status ${response.status}, ${bytes.byteLength} bytes`);
      }
    },
    downloadTileAbort() {},
  };
}

/* Opens a pyramid (the address of its description), the whole image in view; tells its size. */
async function open(address, [width, height]) {
  const source = address.endsWith('/tiles.json') ? await packSource(address) : address;
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
