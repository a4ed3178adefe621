/* tile_forms.js - OpenSeadragon on a tree of tiles, in each of its forms */
import OpenSeadragon from 'openseadragon';

/* Tiles of image.szi by ranges; where each of them is, image.index and tiles.json say (schema/layout.md). */
async function packSource(tree) {
  const description = await (await fetch(`${tree}/tiles.json`)).json();
  const index = new DataView(await (await fetch(`${tree}/${description.forms.index}`)).arrayBuffer());
  const source = new OpenSeadragon.TileSource({
    width: description.columns, height: description.rows, tileSize: description.tile_size,
    tileOverlap: description.overlap, minLevel: 0, maxLevel: description.levels.length - 1,
  });
  source.getTileUrl = (level, x, y) => `${tree}/${description.forms.pack}#${level}/${x}_${y}`;
  source.downloadTileStart = async (context) => {
    const [level, x, y] = context.src.split('#')[1].split(/[/_]/).map(Number);
    const { first, across } = description.levels[description.levels.length - 1 - level];
    const at = 12 * (first + y * across + x);
    const offset = Number(index.getBigUint64(at, true)), size = index.getUint32(at + 8, true);
    const response = await fetch(context.src, { headers: { Range: `bytes=${offset}-${offset + size - 1}` } });
    if (response.status !== 206) {
      context.fail(`status ${response.status}`, null);
      return;
    }
    context.finish(await response.blob(), null, 'rasterBlob');
  };
  source.downloadTileAbort = () => {};
  return source;
}

/* Opens it whole, then at full resolution; resolves with the count of tiles once all have come. */
async function show(form, tree) {
  const element = document.createElement('div');
  element.style.width = '800px';
  element.style.height = '600px';
  document.body.replaceChildren(element);
  const tiles = { loaded: 0, failed: 0, finest: 0 };
  const sources = { dzi: `${tree}/image.dzi`, iiif: `${tree}/iiif/info.json` };
  const viewer = OpenSeadragon({
    element, tileSources: form === 'pack' ? await packSource(tree) : sources[form], showNavigationControl: false,
    animationTime: 0, drawer: 'canvas', crossOriginPolicy: 'Anonymous',
  });
  viewer.addHandler('tile-loaded', ({ tile }) => {
    tiles.loaded++;
    tiles.finest = Math.max(tiles.finest, tile.level);
  });
  viewer.addHandler('tile-load-failed', () => { tiles.failed++; });
  await new Promise((resolve, reject) => {
    viewer.addHandler('open', resolve);
    viewer.addHandler('open-failed', ({ message }) => reject(new Error(message)));
  });
  const settled = async () => {
    let calm = 0;
    for (let before = -1; calm < 4; calm = before === tiles.loaded ? calm + 1 : 0) {
      before = tiles.loaded;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  const item = () => viewer.world.getItemAt(0);
  await settled();
  const whole = tiles.loaded;
  for (const [x, y] of [[0, 0], [1, 1], [0.5, 0.5]]) { // both corners, and the middle
    const { x: columns, y: rows } = item().getContentSize();
    viewer.viewport.zoomTo(item().imageToViewportZoom(1), null, true);
    viewer.viewport.panTo(item().imageToViewportCoordinates(x * columns, y * rows), true);
    await settled();
  }
  return { ...tiles, whole, maxLevel: item().source.maxLevel };
}

window.tileForms = { show };
