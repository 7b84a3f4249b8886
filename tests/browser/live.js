/**
 * Watches cameras live on the page of a running service, in a real Chromium: by WebRTC, by HLS, and by HLS where WebRTC does
 * not work; goes over to what is recorded and back. The media server is `media.js`.
 *
 * usage: node live.js BASE_URL MEDIA_URL [DIRECTORY_FOR_SCREENSHOTS]
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [base, media, screenshots] = process.argv.slice(2);
const WITH_WEBRTC = 'cam-001-entrance';
const HLS_ONLY = 'cam-002-yard';
const SESSIONS = `${base}/api/v1/playback/sessions`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required',
    // Names of local addresses are resolved by multicast, which not every machine that runs tests has.
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const sender = await context.newPage();
await sender.goto(`${media}/sender`);
const page = await context.newPage();
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page: ${error}`));
page.on('console', (message) => {
  if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
});

const live = () => page.evaluate(() => window.playback.live);
const shoot = (name) => screenshots && page.screenshot({ path: join(screenshots, `${name}.png`) });

/** Waits until a moving picture has been on screen for a while, and says how it comes. */
async function watching(format) {
  await page.waitForFunction((format) => {
    const { live } = window.playback;
    const { videoWidth, paused } = document.querySelector('video');
    return live.state === 'playing' && live.format === format && videoWidth > 0 && !paused;
  }, format, { timeout: 40_000 }).catch(async (error) => {
    throw new Error(`${format}: ${JSON.stringify(await live())} ${await page.evaluate(() => document.body.innerText)}\n${error}`);
  });
  const from = await page.evaluate(() => document.querySelector('video').currentTime);
  await page.waitForFunction((from) => document.querySelector('video').currentTime > from + 1, from, { timeout: 20_000 });
  console.log(`${format}: ${JSON.stringify({ ...await live(), sessionId: undefined })}`);
  return (await live()).sessionId;
}

async function statusOf(session) {
  return (await fetch(`${SESSIONS}/${session}`)).status;
}

/** How many WebRTC sessions were deleted at the media server. */
async function givenBack() {
  return (await (await fetch(`${media}/deleted`)).json()).length;
}

async function gone(session, what) {
  const deadline = Date.now() + 10_000;
  while (await statusOf(session) !== 404) assert.ok(Date.now() < deadline, `${what}: the session is still there`);
}

const before = await givenBack();

// Recorded is what a page begins with; the tab is there.
await page.goto(`${base}/?camera=${WITH_WEBRTC}&t=2026-03-14T10:01:00Z`);
await page.waitForFunction(() => window.playback.state === 'playing');
await shoot('recorded');
const recorded = await page.evaluate(() => window.playback.sessionId);
await page.getByText('Live', { exact: true }).first().click();
const first = await watching('webrtc');
await shoot('webrtc');
await gone(recorded, 'live instead of recorded');
assert.equal(await statusOf(first), 200);
await page.waitForURL(/live=1/);

// Another camera, by HLS: nobody answers there by WebRTC.
await page.locator(`[data-camera="${HLS_ONLY}"]`).click();
const second = await watching('hls');
await shoot('hls');
await gone(first, 'another camera');
assert.equal(await givenBack(), before + 1, 'the WebRTC session was given back to the media server');
const { latency } = await live();
assert.ok(latency > 0 && latency < 20, `${latency} s behind`);

// What is recorded of the same camera, and back.
await page.getByText('Recorded', { exact: true }).click();
await page.waitForFunction(() => window.playback.state === 'playing', undefined, { timeout: 30_000 });
await gone(second, 'recorded instead of live');
assert.equal(await page.evaluate(() => window.playback.cameraId), HLS_ONLY);
await page.waitForURL((url) => !url.searchParams.has('live'));
await page.keyboard.press('l');
const third = await watching('hls');
assert.equal(await page.evaluate(() => window.playback.cameraId), HLS_ONLY);

// A pause, and on at the edge.
await page.keyboard.press('Space');
await page.waitForFunction(() => window.playback.live.state === 'paused');
await shoot('paused');
await page.keyboard.press('Space');
assert.equal(await watching('hls'), third);

// The timeline goes to what was recorded.
await page.locator('#timeline').click({ position: { x: 300, y: 50 } });
await page.waitForFunction(() => window.playback.view === 'recorded');
await gone(third, 'a click into the timeline');

// A link, and a page that is left.
await page.goto(`${base}/?camera=${WITH_WEBRTC}&live=hls`);
const fourth = await watching('hls');
await page.goto('about:blank');
await gone(fourth, 'the page was left');

// A camera that nobody streams says so, in words.
await page.goto(`${base}/?camera=cam-003-unknown&live=1`);
await page.waitForFunction(() => !document.querySelector('#panel').hidden);
await shoot('unknown');
console.log(await page.evaluate(() => document.querySelector('#panel').innerText));

await page.setViewportSize({ width: 390, height: 844 });
await page.goto(`${base}/?camera=${WITH_WEBRTC}&live=1`);
await watching('webrtc');
await shoot('phone');

assert.deepEqual(complaints, []);
await browser.close();
console.log('live: everything plays');
