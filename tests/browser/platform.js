/**
 * Opens the page of a service beside a platform, in a real Chromium: cameras are listed without their footage, or not at all;
 * what is newest plays all the same.
 *
 * usage: node platform.js BASE_URL listed|not-listed [DIRECTORY_FOR_SCREENSHOTS]
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [base, listed, screenshots] = process.argv.slice(2);
const RECORDED = 'cam-001-entrance';
const EMPTY = 'cam-002-yard';
const MINUTE_US = 60_000_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page: ${error}`));
const shoot = (name) => screenshots && page.screenshot({ path: join(screenshots, `${name}.png`) });
const panel = () => page.waitForFunction(() => !document.querySelector('#panel').hidden, undefined, { timeout: 20_000 });

/** Waits until the newest footage plays, which was recorded about an hour ago. */
async function playsTheNewest() {
  await page.waitForFunction(() => window.playback?.state === 'playing', undefined, { timeout: 30_000 }).catch(async (error) => {
    throw new Error(`${await page.evaluate(() => document.body.innerText)}\n${error}`);
  });
  const { cameraId, wallUs } = await page.evaluate(() => ({ ...window.playback }));
  const ago = (Date.now() * 1_000 - wallUs) / MINUTE_US;
  assert.equal(cameraId, RECORDED);
  assert.ok(ago > 57 && ago < 61, `${ago} minutes ago`);
}

async function openByName(name) {
  await page.locator('#camera-filter').fill(name);
  await page.keyboard.press('Enter');
}

await page.goto(base);
if (listed === 'listed') {
  await playsTheNewest();
  await shoot('listed');
  assert.doesNotMatch(await page.locator('#cameras').innerText(), /nothing recorded/);
  await page.locator(`[data-camera="${EMPTY}"]`).click();
} else {
  await panel();
  await shoot('no-list');
  await openByName('cam-999');
  await page.waitForFunction(() => /There is no camera cam-999/.test(document.querySelector('#panel').innerText));
  await shoot('unknown-name');
  await openByName(RECORDED);
  await playsTheNewest();
  await shoot('by-name');
  await openByName(EMPTY);
}
await page.waitForFunction((name) => document.querySelector('#panel').innerText.includes(`no footage of ${name}`), EMPTY);
await shoot('empty');

// A link goes where it says.
await page.goto(`${base}/?camera=${RECORDED}`);
await playsTheNewest();
const wanted = await page.evaluate(() => window.playback.wallUs) + MINUTE_US / 2;
await page.goto(`${base}/?camera=${RECORDED}&t=${new Date(wanted / 1_000).toISOString()}`);
await page.waitForFunction((us) => window.playback?.state === 'playing' && window.playback.wallUs >= us, wanted, { timeout: 30_000 });
await shoot('link');
assert.deepEqual(complaints, []);
await browser.close();
console.log('platform: the newest footage plays');
