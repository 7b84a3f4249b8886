/**
 * How long it takes from a click to the picture, in a real Chromium: on the page of a running service, and in a page that
 * holds nothing but hls.js. `benches/clicks` says what to do, a line of JSON at a time, and is answered by one:
 *
 * - `{ "open": URL, "drag": SHARE }`  a fresh browser profile, the page, its timeline a day long and dragged by so much of it
 * - `{ "click": SHARE }`              a click so far along the timeline
 * - `{ "leave": true }`              the page is left
 * - `{ "plain": URL, "seconds": S }`  hls.js alone, which lies beside the playlist, plays it from a moment on
 */
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
});
/** @type {import('playwright-core').Page} */
let page;

async function freshPage() {
  await page?.context().close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
}

async function open({ open: url, drag }) {
  await freshPage();
  await page.goto(url);
  await page.waitForFunction(() => window.playback?.state === 'failed');
  await page.evaluate(installStopwatch);
  await page.locator('[data-zoom-seconds="86400"]').click();
  const { x, y, width } = await timeline();
  const from = x + width * (drag > 0 ? 0.01 : 0.99);
  await page.mouse.move(from, y);
  await page.mouse.down();
  await page.mouse.move(from + width * drag, y, { steps: 4 });
  await page.mouse.up();
  // What is recorded is listed once the timeline has come to rest.
  await page.waitForLoadState('networkidle');
  return {};
}

async function timeline() {
  const { x, y, width, height } = await page.locator('#timeline').boundingBox();
  return { x, y: y + height / 2, width };
}

async function click({ click: share }) {
  const { x, y, width } = await timeline();
  await page.mouse.click(x + share * width, y);
  await page.waitForFunction(() => window.stopwatch.uncovered !== null, undefined, { timeout: 60_000 }).catch(async (error) => {
    throw new Error(`${JSON.stringify(await page.evaluate(() => ({ ...window.stopwatch, ...window.playback })))}\n${error}`);
  });
  return page.evaluate(() => window.stopwatch);
}

/** Starts with a click into the timeline; stops when the picture of that moment is there, and when nothing covers it. Runs in the page. */
function installStopwatch() {
  const video = document.querySelector('video');
  const still = document.querySelector('#still');
  let started = 0;
  const since = () => performance.now() - started;
  document.querySelector('#timeline').addEventListener('pointerup', (event) => {
    started = event.timeStamp;
    performance.clearResourceTimings();
    window.stopwatch = { wantedUs: window.playback.wallUs, presented: null, uncovered: null, offUs: null, requests: [] };
  });
  const look = () => {
    const { stopwatch, playback } = window;
    if (stopwatch && stopwatch.uncovered === null && playback.frame) {
      const offUs = playback.frame.wallUs - stopwatch.wantedUs;
      if (Math.abs(offUs) > 40_000) return;
      stopwatch.presented ??= since();
      stopwatch.offUs ??= offUs;
      if (still.hidden) stop(stopwatch);
    }
  };
  const stop = (stopwatch) => {
    stopwatch.uncovered = since();
    stopwatch.requests = performance.getEntriesByType('resource').map(({ name, startTime, responseStart, responseEnd }) => ({
      name: new URL(name).pathname.split('/').slice(-2).join('/'),
      at: [startTime, responseStart, responseEnd].map((time) => Math.round(time - started)),
    }));
  };
  const next = () => {
    video.requestVideoFrameCallback(next);
    look();
  };
  // The page asked for frames first, and so knows of each before this is called.
  video.requestVideoFrameCallback(next);
  new MutationObserver(look).observe(still, { attributes: true });
}

async function plain({ plain: url, seconds }) {
  await freshPage();
  await page.goto(new URL('index.html', url).href);
  const shown = await page.evaluate(([url, seconds]) => new Promise((resolve) => {
    const video = document.querySelector('video');
    const hls = new window.Hls({ startPosition: seconds });
    const started = performance.now();
    hls.on(window.Hls.Events.ERROR, (_, { fatal, details, reason }) => fatal && resolve({ error: `${details} ${reason ?? ''}` }));
    video.requestVideoFrameCallback((_, { mediaTime }) => resolve({ presented: performance.now() - started, mediaTime }));
    hls.loadSource(url);
    hls.attachMedia(video);
  }), [url, seconds]);
  await page.goto('about:blank');
  return shown;
}

async function leave() {
  await page.goto('about:blank');
  return {};
}

const acts = { open, click, leave, plain };
for await (const line of createInterface({ input: process.stdin })) {
  const wish = JSON.parse(line);
  const [act] = Object.keys(acts).filter((name) => name in wish);
  console.log(JSON.stringify(await acts[act](wish)));
}
await browser.close();
