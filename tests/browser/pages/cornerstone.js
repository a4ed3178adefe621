/* cornerstone.js - Cornerstone3D on a static DICOMweb root: `window.cornerstone` holds what the tests call */
import * as core from '@cornerstonejs/core';
import * as loader from '@cornerstonejs/dicom-image-loader';
import { utilities as metadataUtilities } from '@cornerstonejs/metadata';
import openJpegFactory from '@cornerstonejs/codec-openjpeg/decodewasmjs';
import openJphFactory from '@cornerstonejs/codec-openjph/wasmjs';
import { crc32 } from '../values';

const { Enums, RenderingEngine, eventTarget, imageLoader, metaData, utilities, volumeLoader } = core;

await core.init();
loader.init({ maxWebWorkers: 2, wasmBasePath: '/' });
volumeLoader.registerVolumeLoader('cornerstoneStreamingImageVolume', core.cornerstoneStreamingImageVolumeLoader);
const inRoot = { locateFile: (name) => `/${name}` };
const [openJpeg, openJph] = await Promise.all([openJpegFactory(inRoot), openJphFactory(inRoot)]);
const decoders = { 'image/jp2': openJpeg.J2KDecoder, 'image/jphc': openJph.HTJ2KDecoder }; // by the part's type

// -- metadata -------------------------------------------------------------------------------------------------------

/* Reads a series' metadata, tells the loader of it, and returns {sop_instance_uid: [imageId of each frame]}. */
async function addSeries(root, study, series) {
  const address = `${root}/studies/${study}/series/${series}`;
  const response = await fetch(`${address}/metadata`, { headers: { Accept: 'application/dicom+json' } });
  if (!response.ok) {
    throw new Error(`${address}/metadata: status ${response.status}`);
  }
  const found = {};
  for (const instance of await response.json()) {
    const uid = instance['00080018'].Value[0];
    const frames = instance['00280008']?.Value?.[0] || 1;
    found[uid] = [];
    for (let frame = 1; frame <= frames; frame++) {
      const imageId = `wadors:${address}/instances/${uid}/frames/${frame}`;
      found[uid].push(imageId);
    }
    metadataUtilities.addDicomWebInstance(found[uid][0], instance);
  }
  return found;
}

// -- values ---------------------------------------------------------------------------------------------------------

function summary(values) {
  let min = Infinity, max = -Infinity, sum = 0;
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i]);
    max = Math.max(max, values[i]);
    sum += values[i];
  }
  return { count: values.length, min, max, mean: sum / values.length };
}

/* The stored values behind an image that the loader has put through the rescale, as EXPECTED.tsv sums them up: in
 * containers of so many bits. */
function storedValues(image, bitsAllocated = image.imageFrame.bitsAllocated) {
  const pixels = image.getPixelData();
  const { intercept, slope } = image.preScale?.scaled ? image : { intercept: 0, slope: 1 };
  const stored = bitsAllocated > 8 ? new Uint16Array(pixels.length) : new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    stored[i] = Math.round((pixels[i] - intercept) / slope); // negative ones wrap, as they do in the file
  }
  return { crc32: crc32(new Uint8Array(stored.buffer)), columns: image.columns, rows: image.rows };
}

// -- stacks ---------------------------------------------------------------------------------------------------------

let engine = null;

function makeViewports(list) {
  engine?.destroy();
  document.body.replaceChildren();
  engine = new RenderingEngine('engine');
  engine.setViewports(list.map(({ id, type, orientation, size }) => {
    const element = document.createElement('div');
    element.id = id;
    element.style.width = element.style.height = `${size}px`;
    document.body.append(element);
    return { viewportId: id, type, element, defaultOptions: { orientation, background: [0, 0, 0] } };
  }));
  return list.map(({ id }) => engine.getViewport(id));
}

/* Shows one frame of a stack by byte ranges: the first `initialChunkSize` bytes, then the rest. Every image that
 * reaches the viewport is told, in order. */
async function showProgressively(imageId, initialChunkSize) {
  const chunk = { initialChunkSize, chunkSize: initialChunkSize };
  core.cache.purgeCache();
  utilities.imageRetrieveMetadataProvider.add('stack', {
    stages: [{ id: 'first', retrieveType: 'first' }, { id: 'rest', retrieveType: 'rest' }],
    retrieveOptions: { first: { rangeIndex: 0, decodeLevel: 3, ...chunk }, rest: { rangeIndex: -1, ...chunk } },
  });
  const [viewport] = makeViewports([{ id: 'stack', type: Enums.ViewportType.STACK, size: 512 }]);
  const shown = [];
  const begin = performance.now();
  const complete = new Promise((resolve, reject) => {
    viewport.element.addEventListener(Enums.Events.STACK_NEW_IMAGE, ({ detail: { image } }) => {
      shown.push({
        after_ms: performance.now() - begin, quality: image.imageQualityStatus,
        columns: image.columns, rows: image.rows, mean: summary(image.getPixelData()).mean,
      });
      if (image.imageQualityStatus === Enums.ImageQualityStatus.FULL_RESOLUTION) {
        resolve(image);
      }
    });
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_ERROR, ({ detail }) => {
      reject(new Error(String(detail.error)));
    });
  });
  await viewport.setStack([imageId]);
  const image = await complete;
  viewport.render();
  await new Promise((resolve) => setTimeout(resolve, 500));
  utilities.imageRetrieveMetadataProvider.clear();
  return { shown, final: storedValues(image), full: Enums.ImageQualityStatus.FULL_RESOLUTION };
}

// -- volumes --------------------------------------------------------------------------------------------------------

/* A streamed volume in three orthogonal planes; returns what each slice holds in the end. */
async function showVolume(imageIds) {
  const volumeId = 'cornerstoneStreamingImageVolume:test';
  const volume = await volumeLoader.createAndCacheVolume(volumeId, { imageIds });
  const planes = ['AXIAL', 'CORONAL', 'SAGITTAL'];
  makeViewports(planes.map((plane) => ({
    id: plane.toLowerCase(), type: Enums.ViewportType.ORTHOGRAPHIC, size: 300,
    orientation: Enums.OrientationAxis[plane],
  })));
  const loaded = new Promise((resolve) => {
    eventTarget.addEventListener(Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, resolve);
  });
  volume.load();
  await core.setVolumesForViewports(engine, [{ volumeId }], planes.map((plane) => plane.toLowerCase()));
  await loaded;
  engine.render();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const slices = {};
  for (const imageId of volume.imageIds) {
    slices[imageId] = storedValues(core.cache.getImage(imageId));
  }
  return { dimensions: volume.dimensions, spacing: Array.from(volume.spacing), slices };
}

// -- colour ---------------------------------------------------------------------------------------------------------

/* The samples of a published frame, decoded without the loader and without any colour conversion of its own. */
async function rawSamples(imageId) {
  const bytes = new Uint8Array(await (await fetch(imageId.slice('wadors:'.length))).arrayBuffer());
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 1000));
  const start = text.indexOf('\r\n\r\n') + 4;
  const tail = text.slice(0, text.indexOf('\r\n')).length + 6; // CR LF, the boundary, "--" and CR LF
  const type = /Content-Type: ([^;\r]*)/.exec(text)[1];
  const coded = bytes.subarray(start, bytes.length - tail);
  if (!decoders[type]) {
    return { type, samples: type === 'application/octet-stream' ? coded : null };
  }
  const decoder = new decoders[type]();
  decoder.getEncodedBuffer(coded.length).set(coded);
  decoder.decode();
  return { type, samples: new Uint8Array(decoder.getDecodedBuffer()) };
}

const clamp = (value) => Math.min(255, Math.max(0, value));

/* R, G, B of raw samples by what they ARE according to the reference, not by what the metadata says of them. */
function referenceColour(raw, space, palette) {
  if (space === 'RGB') {
    return raw;
  }
  const out = new Float64Array(space === 'PALETTE COLOR' ? raw.length * 3 : raw.length);
  for (let i = 0; i < out.length; i += 3) {
    if (space === 'PALETTE COLOR') {
      const entry = Math.min(Math.max(raw[i / 3] - palette.first, 0), palette.red.length - 1);
      out.set([palette.red[entry], palette.green[entry], palette.blue[entry]], i);
    } else { // full-range YCbCr (PS3.3 C.7.6.3.1.2)
      const y = raw[i], cb = raw[i + 1] - 128, cr = raw[i + 2] - 128;
      out.set([clamp(y + 1.402 * cr), clamp(y - 0.344136 * cb - 0.714136 * cr), clamp(y + 1.772 * cb)], i);
    }
  }
  return out;
}

function halfChroma(raw) { // native YBR_FULL_422 as it stands in the file: Y1 Y2 Cb Cr
  const out = new Uint8Array(Math.floor(raw.length / 6) * 4);
  for (let i = 0, k = 0; i + 5 < raw.length; i += 6, k += 4) {
    out.set([raw[i], raw[i + 3], raw[i + 1], raw[i + 2]], k);
  }
  return out;
}

/* What the viewer shows of a colour frame, beside what the frame holds. `space`: what its samples are, "" for lossy
 * ones of unknown chroma. `frameId`: where the frame is, when imageId is a whole object. */
async function colourOf(imageId, space, palette, frameId = imageId) {
  const image = await imageLoader.loadAndCacheImage(imageId);
  const shown = image.getPixelData();
  const told = metaData.get('imagePixelModule', imageId)?.photometricInterpretation;
  const bytes = new Uint8Array(shown.buffer, shown.byteOffset, shown.byteLength);
  const result = { told, crc32: crc32(bytes), ...summary(shown) };
  if (space) {
    const { type, samples } = await rawSamples(frameId);
    result.type = type;
    if (samples) {
      result.raw_crc32 = crc32(space === 'YBR_FULL_422' ? halfChroma(samples) : samples);
      const reference = referenceColour(samples, space, palette);
      result.difference = shown.length === reference.length ? 0 : 255;
      for (let i = 0; i < reference.length; i++) {
        result.difference = Math.max(result.difference, Math.abs(shown[i] - reference[i]));
      }
    }
  }
  core.cache.purgeCache();
  return result;
}

/* The stored values of a grey frame of a whole object (wadouri). */
async function storedOf(imageId, bitsAllocated) {
  const stored = storedValues(await imageLoader.loadAndCacheImage(imageId), bitsAllocated);
  core.cache.purgeCache();
  return stored;
}

/* Loads one frame, shown or not. */
async function load(imageId) {
  await imageLoader.loadAndCacheImage(imageId);
}

window.cornerstone = { addSeries, colourOf, load, showProgressively, showVolume, storedOf };
