/**
 * Plays three recordings on the page of a running service, in a real Chromium, while what answers behind its address changes.
 * Says `playing` when it does; when its standard input ends, the other replica has taken over, and it plays on to the end.
 *
 * usage: node scenario.js BASE_URL
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';

import { chromium } from 'playwright-core';

const [base] = process.argv.slice(2);
const at = (time) => Date.parse(`2026-03-14T${time}Z`) * 1000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const complaints = [];
page.on('pageerror', (error) => complaints.push(`page: ${error}`));

/** Waits until the page has played to a moment. */
async function playedTo(time) {
  await page.waitForFunction((us) => window.playback.wallUs >= us, at(time), { timeout: 60_000 }).catch(async (error) => {
    const seen = await page.evaluate(() => ({ ...window.playback, text: document.body.innerText }));
    throw new Error(`${time} is not reached: ${JSON.stringify(seen)}\n${error}`);
  });
}

await page.goto(`${base}/?camera=cam-001-entrance&t=2026-03-14T10:00:30Z`);
await page.waitForFunction(() => window.playback?.state === 'playing', undefined, { timeout: 30_000 });
await playedTo('10:00:32.000');
const session = await page.evaluate(() => window.playback.sessionId);
console.log('playing');
process.stdin.resume();
await once(process.stdin, 'end');

// Over two boundaries between recordings, in the same session.
await page.evaluate(() => window.playback.setRate(8));
await playedTo('10:02:55.000');
assert.equal(await page.evaluate(() => window.playback.sessionId), session, 'the session is the one that was opened');
const errors = await page.evaluate(() => window.playback.errors);
errors.forEach((error) => console.log('said:', JSON.stringify(error)));
assert.deepEqual(errors.filter(({ fatal }) => fatal), []);
assert.deepEqual(complaints, []);
const stopped = await fetch(`${base}/api/v1/playback/sessions/${session}`, { method: 'DELETE' });
assert.equal(stopped.status, 200);
await browser.close();
console.log('scenario: played to the end');
