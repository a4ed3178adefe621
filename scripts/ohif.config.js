/* OHIF's app-config.js for a site made by slicepress, served as plain files below /dicomweb of OHIF's own server.
 *
 * staticWado: the study list is one file; OHIF filters and pages it by itself. Frames come as multipart/related with
 * their transfer syntax inside, thumbnails as JPEG files. On another server the three roots are the absolute address
 * of the site's dicomweb folder, which must then allow this origin (CORS).
 */
window.config = {
  name: 'slicepress',
  routerBasename: null,
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showWarningMessageForCrossOrigin: true,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  defaultDataSourceName: 'slicepress',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'slicepress',
      configuration: {
        friendlyName: 'Static DICOMweb made by slicepress',
        name: 'slicepress',
        qidoRoot: '/dicomweb',
        wadoRoot: '/dicomweb',
        wadoUriRoot: '/dicomweb',
        staticWado: true,
        qidoSupportsIncludeField: false,
        supportsFuzzyMatching: false,
        supportsWildcard: false,
        supportsReject: false,
        enableStudyLazyLoad: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'thumbnail',
        thumbnailRequestStrategy: 'fetch',
        omitQuotationForMultipartRequest: true,
        // Segmentations come frame by frame, as everything else: there is no Part 10 file on a published site.
        loadMultiframeAsPart10: false,
        singlepart: 'bulkdata',
        bulkDataURI: { enabled: true, relativeResolution: 'series' },
      },
    },
  ],
};
