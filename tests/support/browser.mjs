// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Plays a page or a bare playlist in headless Chromium and prints what happened as one JSON line.
//
//   node browser.mjs --url http://127.0.0.1:8080/watch/demo [--seconds 20] [--screenshots DIR] [--shot-every S]
//     [--press 3:y,5:#hide-ad]  keys, or elements that are clicked once they are there, so many seconds after it plays
//   node browser.mjs --playlist http://127.0.0.1:8080/live/demo/index.m3u8 [...]
//
// --playlist serves a page of its own with hls.js; a browser that does not enforce origins then fetches from anywhere.
// {played, seconds, waiting_after_playing, hls_errors, buffered_ranges, frames_decoded, frames_dropped, progress,
//  current_time, stalls, said, decoder_errors, page_errors, failed_requests, values, stats, screenshots}
// progress: media seconds per wall second since it first played. values: [wall s, media s, number on the frame or null].
// Exit code: 0 when it played, 1 when it never did, 2 for a wrong call.
import { createServer } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.DVPE_NODE_MODULES ?? join(here, '..', '..', 'node_modules');
const require = createRequire(join(modules, 'x.js'));

function parseOptions(argv) {
  const options = { seconds: 20, screenshots: '', 'shot-every': 0, press: '', chromium: '/usr/bin/chromium', width: 1280, height: 800, 'start-timeout': 20 };
  for (let k = 0; k < argv.length; k += 2) {
    const name = argv[k].replace(/^--/, '');
    if (!argv[k].startsWith('--') || k + 1 >= argv.length) {
      console.error('usage: browser.mjs --url PAGE | --playlist URL [--seconds S] [--screenshots DIR] [--shot-every S] [--chromium PATH]');
      process.exit(2);
    }
    options[name] = typeof options[name] === 'number' ? Number(argv[k + 1]) : argv[k + 1];
  }
  if (!options.url === !options.playlist) {
    console.error('one of --url and --playlist');
    process.exit(2);
  }
  return options;
}

// A page with nothing but hls.js and a video element.
const testPage = (playlist) => `<!doctype html><meta charset="utf-8"><title>hls.js</title>
<style>body{margin:0;background:#111}video{width:100vw;height:100vh;background:#000}</style>
<video id="v" muted autoplay playsinline></video><script src="/hls.js"></script><script>
const video = document.getElementById('v'), hls = new Hls({enableWorker: true, lowLatencyMode: false});
window.dvpeStats = {waiting: 0, errors: [], playing: false, get bufferedRanges() { return video.buffered.length; }};
// Before the first picture a slow browser may step over the start of the sound's first frame: nothing is missing.
hls.on(Hls.Events.ERROR, (_, e) => (window.dvpeStats.playing || e.details !== Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE) && window.dvpeStats.errors.push({type: e.type, details: e.details, fatal: e.fatal, reason: String(e.reason || (e.error && e.error.message) || ''), code: e.response && e.response.code}));
video.addEventListener('playing', () => { window.dvpeStats.playing = true; });
hls.loadSource(${JSON.stringify(playlist)}); hls.attachMedia(video); hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
</script>`;

function servePage(playlist) {
  const script = readFileSync(join(dirname(require.resolve('hls.js/package.json')), 'dist', 'hls.min.js'));
  const server = createServer((request, response) => {
    const js = request.url === '/hls.js';
    response.writeHead(js || request.url === '/' ? 200 : 404, { 'Content-Type': js ? 'text/javascript' : 'text/html' });
    response.end(js ? script : request.url === '/' ? testPage(playlist) : '');
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

// Runs in the page before its own scripts: media events do not bubble, but they can be captured.
function instrument() {
  const watch = window.__watch = { playingAt: null, waiting: 0, stalled: 0, events: [], maxRanges: 0, mediaErrors: [], samples: [], start: null, last: null, frameSteps: {} };
  const note = (name, video) => watch.events.length < 500 && watch.events.push([Math.round(performance.now()), name, Number(video.currentTime.toFixed(3))]);
  let video = null;
  const frame = (now, meta) => {
    if (watch.lastMedia !== undefined) {
      const step = Math.round((meta.mediaTime - watch.lastMedia) * 1000);
      watch.frameSteps[step] = (watch.frameSteps[step] ?? 0) + 1;
    }
    watch.lastMedia = meta.mediaTime;
    video.requestVideoFrameCallback(frame);
  };
  for (const name of ['playing', 'waiting', 'stalled', 'error', 'seeking', 'pause', 'ended', 'loadedmetadata']) {
    document.addEventListener(name, (event) => {
      if (!(event.target instanceof HTMLVideoElement)) return;
      if (!video) {
        video = event.target;
        if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame);
      }
      note(name, video);
      if (name === 'playing' && watch.playingAt === null) {
        watch.playingAt = performance.now();
        watch.start = video.currentTime;
      }
      if (watch.playingAt === null) return;
      if (name === 'waiting') watch.waiting++;
      if (name === 'stalled') watch.stalled++;
      if (name === 'error') watch.mediaErrors.push(video.error ? `${video.error.code}: ${video.error.message}` : 'error');
    }, true);
  }
  // The machine-readable row (tests/support/blocks.py): 28 cells of 16x16 at 16,8 of 1280x720.
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 40;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const readRow = () => {
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 9, 0, 0, 640, 40);
    const pixels = context.getImageData(0, 0, 640, 40).data;
    const level = (k) => {
      let sum = 0;
      for (let y = 6; y < 10; y++) for (let x = 0; x < 4; x++) sum += pixels[4 * (640 * y + 8 + k * 8 + 2 + x) + 1];
      return sum / 16;
    };
    const white = Math.min(level(0), level(27)), black = level(1);
    if (white - black < 80) return null;
    let value = 0, parity = 0;
    for (let k = 0; k < 25; k++) {
      const part = (level(2 + k) - black) / (white - black);
      if (part > 0.35 && part < 0.65) return null;
      const bit = part >= 0.65 ? 1 : 0;
      parity ^= bit;
      if (k < 24) value = value * 2 + bit;
    }
    return parity ? null : value;
  };
  setInterval(() => {
    if (!video) return;
    watch.maxRanges = Math.max(watch.maxRanges, watch.playingAt === null ? 0 : video.buffered.length);
    watch.last = video.currentTime;
    if (watch.playingAt === null || watch.samples.length >= 20000) return;
    let value = null;
    try {
      value = readRow();
    } catch {
      value = null;
    }
    watch.samples.push([Number(((performance.now() - watch.playingAt) / 1000).toFixed(3)), Number(video.currentTime.toFixed(3)), value]);
  }, 250);
  window.__watchReport = () => {
    const quality = video && video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality() : {};
    const stats = window.dvpeStats ?? null;
    const ranges = video ? Array.from({ length: video.buffered.length }, (_, k) => [video.buffered.start(k), video.buffered.end(k)]) : [];
    return { ...watch, now: performance.now(), currentTime: video ? video.currentTime : 0, ranges, paused: video ? video.paused : true,
      width: video ? video.videoWidth : 0, height: video ? video.videoHeight : 0,
      decoded: quality.totalVideoFrames ?? 0, dropped: quality.droppedVideoFrames ?? 0, corrupted: quality.corruptedVideoFrames ?? 0,
      stats: stats && { waiting: stats.waiting, errors: JSON.parse(JSON.stringify(stats.errors ?? [])), bufferedRanges: stats.bufferedRanges, playing: stats.playing } };
  };
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  const { chromium } = require('playwright-core');
  const server = options.playlist ? await servePage(options.playlist) : null;
  const profile = mkdtempSync(join(tmpdir(), 'dvpe-browser-'));
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio', '--disable-dev-shm-usage'];
  if (options.playlist) args.push('--disable-web-security');
  const context = await chromium.launchPersistentContext(profile, { executablePath: options.chromium, headless: true, args,
    viewport: { width: options.width, height: options.height } });
  const out = { played: false, page_errors: [], failed_requests: [], screenshots: [] };
  try {
    const page = context.pages()[0] ?? await context.newPage();
    page.on('pageerror', (error) => out.page_errors.length < 50 && out.page_errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('/favicon.ico') && out.page_errors.length < 50 && out.page_errors.push(message.text()));
    page.on('response', (answer) => answer.status() >= 400 && !answer.url().endsWith('/favicon.ico') && out.failed_requests.length < 50
      && out.failed_requests.push([answer.status(), answer.url()]));
    await page.addInitScript(instrument);
    try {
      await page.goto(options.url ?? `http://127.0.0.1:${server.address().port}/`, { waitUntil: 'domcontentloaded', timeout: 15000 });
    } catch (error) {
      out.page_errors.push(String(error.message).split('\n')[0]);
    }
    const shoot = async (name) => {
      if (!options.screenshots) return;
      if (!existsSync(options.screenshots)) mkdirSync(options.screenshots, { recursive: true });
      const path = join(options.screenshots, `${name}.png`);
      await page.screenshot({ path });
      out.screenshots.push(path);
    };
    try {
      await page.waitForFunction(() => window.__watch && window.__watch.playingAt !== null, null, { timeout: options['start-timeout'] * 1000, polling: 100 });
      out.played = true;
    } catch {
      out.played = false;
    }
    const begun = Date.now();
    const presses = options.press.split(',').filter(Boolean).map(async (one) => {
      const [, seconds, what] = /^([0-9.]+):(.+)$/.exec(one);
      await page.waitForTimeout(Number(seconds) * 1000);
      if (what.startsWith('#')) await page.locator(what).click({ timeout: (options.seconds - Number(seconds)) * 1000 });
      else await page.keyboard.press(what);
      if (options.screenshots) await page.waitForTimeout(600);
      await shoot(`press-${what.replace(/\W/g, '')}`);
    });
    let shots = 0;
    while (out.played && Date.now() - begun < options.seconds * 1000) {
      const left = options.seconds * 1000 - (Date.now() - begun);
      await page.waitForTimeout(Math.min(left, options['shot-every'] ? options['shot-every'] * 1000 : left));
      if (options['shot-every']) await shoot(`play-${String(shots++).padStart(3, '0')}`);
    }
    for (const press of await Promise.allSettled(presses)) if (press.status === 'rejected') out.page_errors.push(String(press.reason.message).split('\n')[0]);
    await shoot('end');
    out.said = await page.evaluate(() => window.dvpeSaidStats ?? null);
    const seen = await page.evaluate(() => window.__watchReport());
    const played = seen.playingAt === null ? 0 : (seen.now - seen.playingAt) / 1000;
    Object.assign(out, { seconds: Number(played.toFixed(3)), waiting_after_playing: seen.waiting, stalls: seen.stalled, hls_errors: seen.stats ? seen.stats.errors : [],
      buffered_ranges: seen.maxRanges, ranges: seen.ranges, frames_decoded: seen.decoded, frames_dropped: seen.dropped, frames_corrupted: seen.corrupted,
      progress: played ? Number(((seen.currentTime - seen.start) / played).toFixed(4)) : 0, current_time: seen.currentTime, size: [seen.width, seen.height],
      decoder_errors: seen.mediaErrors, frame_steps_ms: seen.frameSteps, events: seen.events, values: seen.samples, stats: seen.stats });
  } finally {
    await context.close();
    server?.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  }
  console.log(JSON.stringify(out));
  return out.played ? 0 : 1;
}

process.exitCode = await main();
