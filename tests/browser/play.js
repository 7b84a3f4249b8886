/**
 * Plays the sample footage on the page of a running service, in a real Chromium, and compares every wall time that the page
 * shows with the frame on screen.
 *
 * usage: node play.js BASE_URL hls.js|native ts|m4s [SCREENSHOT.png]
 */
import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

import { installReader } from './counter.js';

const [base, mode, extension, screenshot] = process.argv.slice(2);
const FRAME_US = 40_000;
/**
 * How far from the wanted moment a seek may end. Chromium's own HLS withholds the last pictures before a discontinuity; the
 * time shown must be that of the picture all the same.
 */
const LANDING_US = mode === 'native' ? 10 * FRAME_US : FRAME_US;
const DAY = '2026-03-14T';

const at = (time) => Date.parse(`${DAY}${time}Z`) * 1000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page: ${error}`));
page.on('console', (message) => {
  if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
});
const loaded = new Set();
page.on('response', (response) => {
  const segment = /\/segment\/\d+\.(\w+)$/.exec(response.url());
  if (segment) loaded.add(segment[1]);
  if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
});

/** Waits until the picture stands still and has been read. */
async function settled(what) {
  const clocks = await page.waitForFunction(() => {
    const video = document.querySelector('video');
    if (!video.paused || video.seeking || video.readyState < 2) return null;
    const clocks = window.compareClocks?.();
    // Twice the same, a frame apart: a picture that is on its way is on screen now.
    const key = clocks && `${clocks.counter} ${clocks.shownUs}`;
    const same = key !== null && key === window.lastClocks;
    window.lastClocks = key;
    return same ? clocks : null;
  }, undefined, { polling: 100, timeout: 30_000 }).catch(async (error) => {
    throw new Error(`${what}: the picture does not settle: ${await page.evaluate(() => document.body.innerText)}\n${error}`);
  });
  const value = await clocks.jsonValue();
  console.log(`${what}: frame ${value.counter}, page is off by ${value.offUs} µs`);
  // To within a frame: a canvas may draw the frame that comes next just as playing is paused.
  assert.ok(Math.abs(value.offUs) <= FRAME_US, `${what}: the page shows ${value.shownUs}, the picture is of ${value.drawnUs}`);
  return value;
}

async function seek(us, what) {
  await page.evaluate((us) => { window.playback.pause(); window.lastClocks = null; return window.playback.seek(us); }, us);
  await page.waitForFunction((us) => Math.abs((window.playback.wallUs ?? 0) - us) < 1e6, us, { timeout: 30_000 });
  return settled(what);
}

async function playUntil(us, rate) {
  await page.evaluate((rate) => { window.playback.setRate(rate); return window.playback.play(); }, rate);
  await page.waitForFunction((us) => window.playback.wallUs >= us, us, { timeout: 60_000 });
  await page.evaluate(() => { window.playback.pause(); window.lastClocks = null; });
}

async function open(camera, time) {
  const player = mode === 'native' ? '&player=native' : '';
  await page.goto(`${base}/?camera=${camera}&t=${DAY}${time}Z&paused=1${player}`);
  await page.evaluate(installReader);
  return settled(`${camera} at ${time}`);
}

// Starts at the second that was asked for: in the middle of a GOP of 2 s, and of one of 10 s with B-frames.
const first = await open('cam-001-entrance', '10:00:31.000');
assert.equal(first.drawnUs, at('10:00:31.000'));
assert.equal(await page.evaluate(() => window.playback.mode), mode);
const second = await open('cam-002-yard', '10:05:37.000');
assert.equal(second.drawnUs, at('10:05:37.000'));
assert.equal(second.camera, 2);

await open('cam-001-entrance', '10:00:57.000');
await playUntil(at('10:01:02.000'), 1);
const boundary = await settled('over a boundary between recordings');
assert.ok(boundary.drawnUs >= at('10:01:02.000'));

await seek(at('10:02:57.000'), 'before the gap');
await playUntil(at('10:07:02.000'), 2);
const gap = await settled('over the gap');
assert.ok(gap.drawnUs < at('10:07:20.000'), `jumped too far: ${gap.drawnUs}`);

// Anywhere, but the same places every time.
const seconds = [5.2, 130.48, 61, 59.96, 425.12, 14.2, 478.36, 90.04, 179.92, 420];
for (const offset of seconds) {
  const wanted = at('10:00:00.000') + offset * 1e6;
  const found = await seek(wanted, `seek to ${offset} s`);
  assert.ok(Math.abs(found.drawnUs - wanted) <= LANDING_US, `wanted ${wanted}, found ${found.drawnUs}`);
}

const before = await settled('before a step');
await page.evaluate(() => { window.lastClocks = null; return window.playback.step(1); });
await page.waitForFunction((us) => window.playback.wallUs > us, before.shownUs, { timeout: 10_000 });
const after = await settled('after a step');
assert.equal(after.counter, before.counter + 1);

// hls.js says so, now and then, of a fragment that it has loaded twice at a border; nothing is lost by it.
const isHarmless = ({ details, fatal }) => details === 'bufferAppendNoProgress' && !fatal;
const errors = await page.evaluate(() => window.playback.errors);
errors.filter(isHarmless).forEach((error) => console.log('harmless:', JSON.stringify(error)));
assert.deepEqual(errors.filter((error) => !isHarmless(error)), [], 'hls.js complained');
assert.deepEqual(complaints, []);
assert.deepEqual([...loaded], [extension]);
if (screenshot) {
  await open('cam-001-entrance', '10:01:12.000');
  await page.screenshot({ path: screenshot });
}
await browser.close();
console.log(`${mode}: all clocks agree`);
