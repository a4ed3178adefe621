'use strict';
/* harness.js - what every browser test needs: result lines, sites, the web server, pages that are watched
 *
 * All that is made lies in one temporary folder and all that was started is stopped by `close`, whatever happened.
 */
const { execFileSync, spawn, spawnSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');
const { chromium } = require('playwright-core');

const DATA = process.env.SLICEPRESS_TEST_DATA;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'slicepress-browser-'));
const children = [];
const servers = [];
const counts = { passed: 0, failed: 0, skipped: 0 };
let browser = null;

// -- results --------------------------------------------------------------------------------------------------------

function ok(name) {
  counts.passed++;
  console.log(`ok ${name}`);
}

function notOk(name, why) {
  counts.failed++;
  console.log(`not ok ${name} - ${String(why).replace(/\s+/g, ' ').slice(0, 600)}`);
}

function skip(name, why) {
  counts.skipped++;
  console.log(`skip ${name} - ${why}`);
}

class Skipped extends Error {}

function check(condition, why) {
  if (!condition) {
    throw new Error(why);
  }
}

const LIMIT_MS = 90000; // for one test: nothing here takes a fifth of it on an idle machine

function withinLimit(promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/* ONLY picks tests by a word of their name. */
function isWanted(name) {
  return !process.env.ONLY || name.includes(process.env.ONLY);
}

/* Runs body; with a watched page, what the page complained of is printed after a failure. */
async function test(name, body, watched) {
  if (!isWanted(name)) {
    return;
  }
  const begin = Date.now();
  try {
    await withinLimit(body());
    if (watched) {
      check(watched.complaints.length === 0, `${watched.complaints.length} complaints of the page`);
    }
    ok(name);
  } catch (error) {
    if (error instanceof Skipped) {
      skip(name, error.message);
      return;
    }
    notOk(name, error.message || error);
    if (watched) {
      watched.complaints.slice(0, 20).forEach((line) => console.log(`    ${line}`));
      watched.complaints.length = 0;
    }
  } finally {
    console.error(`browser: ${name}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  }
}

// -- sites and servers ----------------------------------------------------------------------------------------------

/* make_dicom (tests/support) on a recipe: writes a file, or with --study a folder. */
function makeDicom(recipe, ...parameters) {
  execFileSync(path.join(process.env.SLICEPRESS_BUILD, 'support/make_dicom'), parameters, { input: recipe });
}

/* `slicepress run` over paths; returns the site's folder. Objects that fail are the other suites' business. */
function makeSite(name, paths, options) {
  const site = path.join(work, name);
  const run = spawnSync(process.env.SLICEPRESS, ['run', '--quiet', '--jobs', '2', ...(options || []), site, ...paths], {
    encoding: 'utf8',
  });
  const ended = run.error ? run.error.message : `exit status ${run.status}: ${run.stderr}`;
  check(run.status === 0 || run.status === 1, `slicepress run: ${ended}`);
  return site;
}

function listRows(site, what) {
  const text = execFileSync(process.env.SLICEPRESS, ['list', site, what, '--json'], {
    encoding: 'utf8', maxBuffer: 1 << 28,
  });
  return JSON.parse(text);
}

function listInstances(site) {
  return listRows(site, 'instances').filter((row) => row.is_current && row.state === 'done');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

function start(program, parameters, options) {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.said = '';
  child.stdout.on('data', (text) => { child.said += text; });
  child.stderr.on('data', (text) => { child.said += text; });
  child.on('error', (error) => { child.said += error.message; });
  children.push(child);
  return child;
}

/* nginx with what `slicepress server-config nginx` says, at a port if the site must know it; returns the origin. */
async function serveSite(site, wanted) {
  const port = wanted || await freePort();
  const rules = execFileSync(process.env.SLICEPRESS, [
    'server-config', 'nginx', site, '--listen', `127.0.0.1:${port}`,
  ], { encoding: 'utf8' });
  const folder = fs.mkdtempSync(path.join(work, 'nginx-'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ');
  const config = path.join(folder, 'nginx.conf');
  fs.writeFileSync(path.join(folder, 'site.conf'), rules);
  fs.writeFileSync(config, `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
    ${process.getuid() === 0 ? 'user root;' : ''}
    events { worker_connections 256; }
    http { access_log off; ${temporary} include ${folder}/site.conf; }\n`);
  const child = start('nginx', ['-e', 'stderr', '-c', config]);
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    if (await answers(port)) {
      return `http://127.0.0.1:${port}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx does not answer: ${child.said}`);
}

const PAGE_TYPES = {
  '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.wasm': 'application/wasm',
};

/* The folder of bundled pages, from an origin of its own: what the pages read of the site is cross-origin. */
async function servePages(folder) {
  const server = http.createServer((request, response) => {
    const name = path.join(folder, path.normalize(new URL(request.url, 'http://x').pathname));
    fs.readFile(name, (error, bytes) => {
      response.writeHead(error ? 404 : 200, {
        'Content-Type': PAGE_TYPES[path.extname(name)] || 'application/octet-stream',
      });
      response.end(error ? '' : bytes);
    });
  });
  servers.push(server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

// -- pages ----------------------------------------------------------------------------------------------------------

async function openBrowser() {
  if (!browser) {
    const flags = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
    if (process.getuid() === 0) {
      flags.push('--no-sandbox');
    }
    const executablePath = execFileSync('sh', ['-c', 'command -v "$BROWSER"'], { encoding: 'utf8' }).trim();
    browser = await chromium.launch({ executablePath, args: flags, headless: true });
  }
  return browser;
}

/* A page whose console errors, exceptions, failed and refused requests are kept as `complaints`; `requests` holds what
 * was asked of a site, in its dicomweb/ and studies/. An address that `probes` fits may be absent: answered 404 it is
 * one of `absent`. Requests to any other host than this one are refused and complained of. */
async function openPage(size, probes) {
  const context = await (await openBrowser()).newContext({ viewport: size || { width: 800, height: 700 } });
  const page = await context.newPage();
  const watched = { page, context, complaints: [], requests: [], absent: [] };
  const complain = (line) => watched.complaints.push(line.slice(0, 400));
  page.setDefaultTimeout(60000);
  page.on('console', (message) => {
    const isProbe = probes && probes.test(message.location().url) && message.text().includes('status of 404');
    if (message.type() === 'error' && !isProbe) {
      complain(`console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complain(`exception: ${error.message}`));
  // Chromium calls a HEAD aborted when it was answered and nobody has waited for the body that it has not.
  const answered = new Set();
  page.on('requestfailed', (request) => {
    if (request.method() !== 'HEAD' || !answered.has(request)) {
      complain(`failed: ${request.method()} ${request.url()} ${request.failure().errorText}`);
    }
  });
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') {
      complain(`foreign: ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    const request = response.request();
    answered.add(request);
    if (response.status() === 404 && probes && probes.test(response.url())) {
      watched.absent.push(response.url());
    } else if (response.status() >= 400) {
      complain(`status ${response.status()}: ${request.method()} ${response.url()}`);
    }
    if (/\/(dicomweb|studies)\//.test(response.url())) {
      watched.requests.push({
        url: response.url(), status: response.status(), headers: request.headers(),
        encoding: response.headers()['content-encoding'],
      });
    }
  });
  return watched;
}

/* How many grey levels each canvas of a selector holds, read in the page: cheaper than pictures of it. */
function levelsOf(page, selector) {
  return page.evaluate((wanted) => Array.from(document.querySelectorAll(wanted), (canvas) => {
    const flat = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    flat.drawImage(canvas, 0, 0);
    const { data } = flat.getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) {
      seen.add((data[i] * 2 + data[i + 1] * 5 + data[i + 2]) >> 3);
    }
    return seen.size;
  }), selector);
}

/* How far what an element shows is from the part of a picture that begins at (left, top): mean and worst of all
 * samples. */
async function differenceFrom(page, selector, address, [left, top]) {
  const shown = await page.locator(selector).screenshot();
  return page.evaluate(async ([png, url, x, y]) => {
    const [one, other] = await Promise.all([`data:image/png;base64,${png}`, url].map(async (from) => (
      createImageBitmap(await (await fetch(from)).blob())
    )));
    const samples = [[one, 0, 0], [other, x, y]].map(([bitmap, fromX, fromY]) => {
      const flat = new OffscreenCanvas(one.width, one.height).getContext('2d');
      flat.drawImage(bitmap, -fromX, -fromY);
      return flat.getImageData(0, 0, one.width, one.height).data;
    });
    let sum = 0, worst = 0;
    samples[0].forEach((value, i) => {
      const difference = Math.abs(value - samples[1][i]);
      sum += difference;
      worst = Math.max(worst, difference);
    });
    return { mean: sum / samples[0].length, worst };
  }, [shown.toString('base64'), address, left, top]);
}

/* R, G, B around each of some points of what an element shows, the means of 3 x 3 pixels of a picture of it. */
async function coloursAt(page, selector, points) {
  const picture = await page.locator(selector).screenshot();
  return page.evaluate(async ([png, places]) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
    const flat = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    flat.drawImage(bitmap, 0, 0);
    return places.map(([x, y]) => {
      const { data } = flat.getImageData(Math.round(x) - 1, Math.round(y) - 1, 3, 3);
      return [0, 1, 2].map((channel) => data.reduce((sum, value, i) => sum + (i % 4 === channel ? value / 9 : 0), 0));
    });
  }, [picture.toString('base64'), points]);
}

/* Keeps what a page shows, where SCREENSHOTS names a folder for it. */
async function keepScreenshot(page, name) {
  if (process.env.SCREENSHOTS) {
    fs.mkdirSync(process.env.SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.jpg`), type: 'jpeg', quality: 80 });
  }
}

async function close() {
  if (browser) {
    await browser.close();
  }
  servers.forEach((server) => server.close());
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map((child) => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    return ended;
  }));
  fs.rmSync(work, { recursive: true, force: true, maxRetries: 5 });
}

module.exports = {
  DATA, Skipped, check, close, coloursAt, counts, differenceFrom, freePort, isWanted, keepScreenshot, levelsOf,
  listInstances, listRows, makeDicom, makeSite, notOk, openPage, servePages, serveSite, start, test, work,
};
