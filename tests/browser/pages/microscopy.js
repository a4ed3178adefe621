/* microscopy.js - dicom-microscopy-viewer on a static DICOMweb root */
import { api } from 'dicomweb-client';

window.PUBLIC_LIB_URL = '/dicom-microscopy-viewer/'; // where its worker lies
await import('/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js'); // no module: it leaves its name in the window
const microscopy = window.dicomMicroscopyViewer;

/* Opens the slide of a series and zooms to full resolution; resolves with the count of tiles once all have come. */
async function showSlide(root, study, series) {
  const client = new api.DICOMwebClient({ url: root });
  const metadata = await client.retrieveSeriesMetadata({ studyInstanceUID: study, seriesInstanceUID: series });
  const volumes = metadata
    .map((item) => new microscopy.metadata.VLWholeSlideMicroscopyImage({ metadata: item }))
    .filter((image) => image.ImageType[2] === 'VOLUME');
  const element = document.createElement('div');
  element.id = 'slide';
  element.style.width = '800px';
  element.style.height = '600px';
  document.body.replaceChildren(element);

  const tiles = { started: 0, ended: 0, failed: 0 };
  const count = (event, name) => element.addEventListener(event, () => { tiles[name]++; });
  const prefix = 'dicommicroscopyviewer_';
  count(`${prefix}frame_loading_started`, 'started');
  count(`${prefix}frame_loading_ended`, 'ended');
  count(`${prefix}frame_loading_error`, 'failed');

  const viewer = new microscopy.viewer.VolumeImageViewer({ client, metadata: volumes });
  viewer.render({ container: element });
  const settled = async () => {
    let calm = 0;
    for (let before = -1; calm < 4; calm = before === tiles.ended && tiles.started === tiles.ended ? calm + 1 : 0) {
      before = tiles.ended;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  await settled();
  viewer.navigate({ level: viewer.numLevels - 1 });
  await settled();
  return { ...tiles, levels: viewer.numLevels, frames: volumes[volumes.length - 1].NumberOfFrames };
}

window.microscopy = { showSlide };
