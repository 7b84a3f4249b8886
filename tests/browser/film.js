/**
 * Seeks to moments of a film on the page of a running service, in a real Chromium, plays on from each, and compares the wall
 * time that the page shows with the one that is drawn into the picture.
 *
 * usage: node film.js BASE_URL hls.js|native MICROSECONDS_A_PICTURE SECOND...
 */
import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

import { installReader } from './counter.js';

const [base, mode, pictureUs, ...seconds] = process.argv.slice(2);
const START_US = Date.UTC(2026, 2, 14, 10) * 1000;
const PICTURE_US = Number(pictureUs);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });

/** Waits until the picture stands still, and says what it shows and what the page does. */
async function settled(what) {
  const clocks = await page.waitForFunction(() => {
    const video = document.querySelector('video');
    if (!video.paused || video.seeking || video.readyState < 2) return null;
    const clocks = window.compareClocks();
    // Twice the same: a picture that is on its way is on screen now.
    const key = clocks && `${clocks.counter} ${clocks.shownUs}`;
    const same = key !== null && key === window.lastClocks;
    window.lastClocks = key;
    return same ? clocks : null;
  }, undefined, { polling: 100, timeout: 30_000 }).catch(async (error) => {
    throw new Error(`${what}: the picture does not settle: ${await page.evaluate(() => document.body.innerText)}\n${error}`);
  });
  const value = await clocks.jsonValue();
  console.log(`${what}: picture of ${(value.drawnUs - START_US) / 1e6} s, page is off by ${value.offUs} µs`);
  assert.ok(Math.abs(value.offUs) <= PICTURE_US, `${what}: the page is off by ${value.offUs} µs`);
  return value;
}

const player = mode === 'native' ? '&player=native' : '';
const first = new Date(START_US / 1000 + seconds[0] * 1000).toISOString();
await page.goto(`${base}/?camera=cam-003-film&t=${first}&paused=1${player}`);
await page.evaluate(installReader);
for (const second of seconds) {
  const wantedUs = START_US + second * 1e6;
  await page.evaluate((us) => { window.playback.pause(); window.lastClocks = null; return window.playback.seek(us); }, wantedUs);
  const found = await settled(`seek to ${second} s`);
  assert.ok(Math.abs(found.drawnUs - wantedUs) <= PICTURE_US, `wanted ${wantedUs}, found ${found.drawnUs}`);
  // Into the next segments, which may begin elsewhere than the playlist says.
  await page.evaluate(() => { window.playback.setRate(16); return window.playback.play(); });
  await page.waitForFunction((us) => window.playback.wallUs >= us, wantedUs + 35e6, { timeout: 60_000 });
  await page.evaluate(() => { window.playback.pause(); window.lastClocks = null; });
  await settled('further on');
}
await browser.close();
console.log('film: all clocks agree');
