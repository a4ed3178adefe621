/* neuroglancer.js - neuroglancer on a published OME-Zarr image: `window.neuroglancer` holds what the tests call */
import 'neuroglancer';
import { makeMinimalViewer } from 'neuroglancer/unstable/ui/minimal_viewer.js';

let viewer = null;

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/* Its parts become ready one by one: what stays ready for some frames has all it needs for the picture. */
async function settled() {
  for (let calm = 0; calm < 10; calm++) {
    await nextFrame();
    const [managed] = viewer.layerManager.managedLayers;
    if (!managed?.isReady() || !viewer.display.isReady()) {
      calm = -1;
    }
  }
}

/* Opens an image, found out by neuroglancer itself to be Zarr 2 or 3. `spacing` in mm as the image has it, x, y, z. */
async function open(address, spacing, range, [width, height]) {
  const element = document.createElement('div');
  element.id = 'neuroglancer';
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  document.body.replaceChildren(element);
  viewer = makeMinimalViewer({ target: element });
  viewer.state.restoreState({
    dimensions: Object.fromEntries(['x', 'y', 'z'].map((name, i) => [name, [spacing[i] / 1000, 'm']])),
    layers: [{
      type: 'image', name: 'image', source: `zarr://${address}`, opacity: 1,
      shaderControls: { normalized: { range } },
    }],
    layout: 'xy', showAxisLines: false, showScaleBar: false, showDefaultAnnotations: false,
  });
  await settled();
}

/* Shows a plane, the place in the middle, in voxels: their centres are whole numbers; `scale` in voxels of the finest
 * axis for a pixel. Tells what part of the page the plane's panel fills: left, top, width, height. */
async function show(place, scale) {
  viewer.position.value = Float32Array.from(place);
  viewer.navigationState.zoomFactor.value = scale;
  await settled();
  document.querySelector('.neuroglancer-display-dimensions-widget')?.remove(); // it lies over the picture
  const panel = document.querySelector('.neuroglancer-rendered-data-panel').getBoundingClientRect();
  return [panel.x, panel.y, panel.width, panel.height];
}

/* The voxels of a plane that is shown at full resolution, as the viewer tells them under the mouse. */
function plane(columns, rows, z) {
  const [layer] = viewer.layerManager.managedLayers[0].layer.renderLayers;
  const values = new Uint16Array(columns * rows);
  for (let i = 0; i < values.length; i++) {
    values[i] = layer.getValueAt(Float32Array.of(i % columns, Math.floor(i / columns), z));
  }
  return values;
}

window.neuroglancer = { open, plane, show };
