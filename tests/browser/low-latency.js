/**
 * Watches a camera live on the page of a running service, in a real Chromium, by low-latency HLS: of a media server that answers
 * WebRTC with nothing to be played, and looks whether cookies come back. Says `playing` when it does; when its standard input
 * ends, the media server has forgotten the path, and the page gets over it.
 *
 * usage: node low-latency.js BASE_URL MEDIA_URL [DIRECTORY_FOR_SCREENSHOTS]
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [base, media, screenshots] = process.argv.slice(2);
const CAMERA = 'cam-001-entrance';
const SEGMENT_SECONDS = 6;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page: ${error}`));
page.on('console', (message) => {
  if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
});
/** What was asked of the media server: method, file and query. */
const asked = [];
page.on('request', (request) => {
  const { origin, pathname, search } = new URL(request.url());
  if (origin === media) asked.push(`${request.method()} ${pathname.replace(/^\/[^/]*\//, '')}${search}`);
});
const times = (pattern) => asked.filter((line) => pattern.test(line)).length;

/** Waits until there is a moving picture by HLS, in another session than `before`. */
async function watching(before) {
  await page.waitForFunction((before) => {
    const { live } = window.playback;
    const { videoWidth, paused } = document.querySelector('video');
    return live.state === 'playing' && live.format === 'hls' && live.sessionId !== before && videoWidth > 0 && !paused;
  }, before, { timeout: 40_000 }).catch(async (error) => {
    const seen = await page.evaluate(() => ({ ...window.playback.live, text: document.body.innerText }));
    throw new Error(`${JSON.stringify(seen)}\n${asked.slice(-20).join('\n')}\n${error}`);
  });
  const from = await page.evaluate(() => document.querySelector('video').currentTime);
  await page.waitForFunction((from) => document.querySelector('video').currentTime > from + 4, from, { timeout: 20_000 });
  return page.evaluate(() => ({ ...window.playback.live }));
}

await page.goto(`${base}/?camera=${CAMERA}&live=1`);
const first = await watching(null);
if (screenshots) await page.screenshot({ path: join(screenshots, 'low-latency.png') });
console.log(`behind: ${first.latency} s`);
// Without parts a player stays three segments behind.
assert.ok(first.latency > 0 && first.latency < SEGMENT_SECONDS, `${first.latency} s behind`);
assert.deepEqual([times(/^POST whep$/), times(/^DELETE whep\//)], [1, 1], 'the WebRTC session was given back');
assert.equal(times(/^GET index\.m3u8\?cookieCheck=1$/), 1, asked.join('\n'));
assert.ok(times(/^GET part\d+-\d+\.mp4\?session=/) >= 4, 'part by part');
assert.ok(times(/^GET main_stream\.m3u8\?.*_HLS_msn=\d+.*_HLS_part=\d+/) >= 3, 'reloads that wait');
console.log('playing');
process.stdin.resume();
await once(process.stdin, 'end');

const second = await watching(first.sessionId);
assert.notEqual(second.sessionId, first.sessionId);
await page.getByText('Recorded', { exact: true }).click();
await page.waitForFunction(() => window.playback.state === 'playing', undefined, { timeout: 30_000 });
assert.deepEqual(complaints, []);
await browser.close();
console.log('low latency: everything plays');
