'use strict';
/* microscopy_test.js - dicom-microscopy-viewer: the whole-slide sample at full resolution, every tile */
const path = require('path');
const harness = require('./harness');

const { check, test } = harness;
const SLIDE = 'studies/wsi_camelyon/multiframe_camelyon_challenge_image.dcm';

async function run({ pages }) {
  const site = harness.makeSite('slide', [path.join(harness.DATA, SLIDE)]);
  const [instance] = harness.listInstances(site);
  const root = `${await harness.serveSite(site)}/dicomweb`;
  const watched = await harness.openPage({ width: 1300, height: 800 });
  const { page } = watched;

  await test('microscopy-slide', async () => {
    check(instance, 'the slide is not published');
    await page.goto(`${pages}/microscopy.html`);
    await page.waitForFunction(() => window.microscopy);
    const tiles = await page.evaluate(
      ([from, study, series]) => window.microscopy.showSlide(from, study, series),
      [root, instance.study_instance_uid, instance.series_instance_uid],
    );
    check(tiles.failed === 0, `${tiles.failed} of ${tiles.started} tiles failed`);
    const asked = new Set(watched.requests.map((request) => request.url).filter((url) => /\/frames\/[0-9]+$/.test(url)));
    check(asked.size === tiles.frames, `${asked.size} of ${tiles.frames} frames were asked for`);
    await harness.keepScreenshot(page, 'microscopy');
    const levels = Math.max(...await harness.levelsOf(page, '#slide canvas')); // an overview map has its own
    check(levels > 100, `the slide shows ${levels} levels`);
  }, watched);
  await watched.context.close();
}

module.exports = { name: 'microscopy', run };
