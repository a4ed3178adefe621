/* niivue.js - NiiVue on a published .nii.gz: `window.niivue` holds what the tests call */
import { Niivue, SLICE_TYPE } from '@niivue/niivue';

let viewer = null;

/* Opens a volume; tells what its header says, and the window that it is shown through. */
async function open(url, [width, height]) {
  const canvas = document.createElement('canvas');
  canvas.id = 'niivue';
  canvas.width = width;
  canvas.height = height;
  document.body.replaceChildren(canvas);
  viewer = new Niivue({
    isResizeCanvas: false, crosshairWidth: 0, isNearestInterpolation: true, isOrientationTextVisible: false,
  });
  await viewer.attachToCanvas(canvas);
  await viewer.loadVolumes([{ url }]);
  const [{ hdr, nFrame4D, cal_min, cal_max }] = viewer.volumes;
  return {
    dimensions: hdr.dims.slice(1, 4), times: nFrame4D, affine: hdr.affine.slice(0, 3),
    slope: hdr.scl_slope, intercept: hdr.scl_inter, low: cal_min, high: cal_max,
  };
}

/* Stored voxels in the file's order, all points of time. */
const voxels = () => viewer.volumes[0].img;

/* The modality values at places in millimetre (RAS). */
function valuesAt(places) {
  const [volume] = viewer.volumes;
  return places.map((mm) => volume.getValue(...volume.mm2vox(mm)));
}

/* Shows the plane nearest to the coronal one through a place. */
function showCoronal(mm) {
  viewer.setSliceType(SLICE_TYPE.CORONAL);
  viewer.scene.crosshairPos = viewer.mm2frac(mm, 0, true);
  viewer.drawScene();
}

window.niivue = { open, showCoronal, valuesAt, voxels };
