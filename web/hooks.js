/** `window.playback`: what a test can hold on to. The attributes of `#clock` and `#viewer` say the rest. */

import { formatMoment } from './time.js';

/** @param {import('./main.js').Page} page */
export function exposeToTests(page) {
  const { player } = page;
  const playback = {
    get wallTime() { return player.wallUs === null ? null : formatMoment(player.wallUs); },
    get wallUs() { return player.wallUs; },
    get frame() { return player.playhead?.frame ?? null; },
    get state() { return player.state; },
    get mode() { return page.mode; },
    get cameraId() { return page.footage.archive?.cameraId ?? null; },
    get sessionId() { return player.plan?.id ?? null; },
    get view() { return page.live.view.view; },
    get live() {
      const { state, format, session, latency } = page.live.player;
      return { state, format, latency, sessionId: session?.session_id ?? null };
    },
    get errors() { return page.errors; },
    seek: (/** @type {number} */ us) => player.seek(us),
    step: (/** @type {1 | -1} */ direction) => player.step(direction),
    play: () => player.play(),
    pause: () => player.pause(),
    setRate: (/** @type {number} */ rate) => player.setRate(rate),
  };
  Object.assign(window, { playback });
}
