'use strict';
/* bundle.js - the pages of tests/browser/pages with the viewers in them, made by esbuild into build/browser/pages
 *
 * Made anew only when a source or the lock file is newer.
 */
const fs = require('fs');
const path = require('path');
const esbuild = require('esbuild');

const packages = process.env.BROWSER_PACKAGES;
const modules = path.join(packages, 'node_modules');
const sources = path.join(__dirname, 'pages');
const out = path.join(packages, 'pages');

const html = (script) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>${script}</title>
<style>body { margin: 0; background: #000 } body > div { position: relative }</style>
<link rel="stylesheet" href="${fs.existsSync(path.join(out, `${script}.css`)) ? `${script}.css` : 'data:text/css,'}">
<script type="module" src="${script}.js"></script>\n`;

/* Emscripten's loaders and an XML writer name node's modules; in a browser they never get as far as using them. */
const withoutNode = {
  name: 'without-node',
  setup(build) {
    build.onResolve({ filter: /^(node:)?(events|fs|path|crypto|module|url|worker_threads)$/ }, (found) => ({
      path: found.path, namespace: 'nothing',
    }));
    build.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({
      contents: 'module.exports = { EventEmitter: class {} };',
    }));
  },
};

/* Neuroglancer's icons are in a package that only GitHub has, and the lock file has not: its buttons stay blank. */
const withoutIcons = {
  name: 'without-icons',
  setup(build) {
    build.onResolve({ filter: /^ikonate\/.*\.svg\?raw$/ }, (found) => ({ path: found.path, namespace: 'icon' }));
    build.onLoad({ filter: /.*/, namespace: 'icon' }, () => ({ contents: '<svg/>', loader: 'text' }));
  },
};

/* Of its many sources only those that are tested, as its package.json offers. */
const neuroglancerParts = ['datasource:none_by_default', 'datasource/zarr:enabled', 'kvstore:none_by_default',
  'kvstore/http:enabled', 'layer:none_by_default', 'layer/image:enabled'].map((part) => `neuroglancer/${part}`);

function isCurrent() {
  const pages = fs.readdirSync(sources).map((name) => path.join(sources, name));
  const needed = [...pages, path.join(__dirname, 'values.js'), __filename, path.join(packages, 'installed')];
  const newest = Math.max(...needed.map((name) => fs.statSync(name).mtimeMs));
  const made = path.join(out, 'made');
  return fs.existsSync(made) && fs.statSync(made).mtimeMs > newest;
}

async function bundle() {
  if (isCurrent()) {
    return out;
  }
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
  const pages = fs.readdirSync(sources).map((name) => path.basename(name, '.js'));
  const loader = path.join(modules, '@cornerstonejs/dicom-image-loader/dist/esm');
  await esbuild.build({
    entryPoints: {
      ...Object.fromEntries(pages.map((name) => [name, path.join(sources, `${name}.js`)])),
      // The loader starts its worker by this name, beside the page.
      decodeImageFrameWorker: path.join(loader, 'decodeImageFrameWorker.js'),
      // So does neuroglancer.
      'chunk_worker.bundle': path.join(modules, 'neuroglancer/lib/chunk_worker.bundle.js'),
      'async_computation.bundle': path.join(modules, 'neuroglancer/lib/async_computation.bundle.js'),
    },
    outdir: out, bundle: true, format: 'esm', target: 'chrome115', nodePaths: [modules], logLevel: 'error',
    plugins: [withoutNode, withoutIcons], conditions: neuroglancerParts, external: ['/dicom-microscopy-viewer/*'],
  });
  pages.forEach((name) => fs.writeFileSync(path.join(out, `${name}.html`), html(name)));
  for (const wasm of ['charls/dist/charlswasm_decode', 'libjpeg-turbo-8bit/dist/libjpegturbowasm_decode',
    'openjpeg/dist/openjpegwasm_decode', 'openjph/dist/openjphjs']) {
    const from = path.join(modules, `@cornerstonejs/codec-${wasm}.wasm`);
    fs.copyFileSync(from, path.join(out, path.basename(from)));
  }
  const microscopy = path.join(modules, 'dicom-microscopy-viewer/dist/dynamic-import');
  fs.cpSync(microscopy, path.join(out, 'dicom-microscopy-viewer'), {
    recursive: true, filter: (name) => !name.endsWith('.map'),
  });
  fs.writeFileSync(path.join(out, 'made'), '');
  return out;
}

module.exports = { bundle };
