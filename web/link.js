/**
 * The address of a moment: `/?camera=…&t=2026-03-14T10:01:02.400Z`. Pure.
 *
 * Besides these two the page understands `player=native` (the browser's own HLS), `window` (seconds that one session
 * spans) and `paused=1` (show the frame, do not play). `live=1` watches the camera live; `live=hls` and `live=webrtc` in
 * that way and no other.
 */

import { formatMomentForLink, parseMoment, SECOND } from './time.js';

export const DEFAULT_WINDOW_SECONDS = 3600;
const SHORTEST_WINDOW_SECONDS = 20;

/**
 * @typedef {Object} Link
 * @property {string | null} camera
 * @property {number | null} us
 * @property {boolean} badTime  there was a time, and it could not be read
 * @property {string | null} live
 * @property {boolean} native
 * @property {boolean} paused
 * @property {number} windowUs
 */

/** @param {string} search  as in `location.search`  @returns {Link} */
export function readLink(search) {
  const query = new URLSearchParams(search);
  const time = query.get('t');
  // A '+02:00' that nobody escaped arrives as a blank.
  const us = time === null ? null : parseMoment(time.replace(/ (\d\d:?\d\d)$/, '+$1'));
  return {
    camera: query.get('camera') || null,
    us,
    badTime: time !== null && us === null,
    live: query.get('live') || null,
    native: query.get('player') === 'native',
    paused: query.get('paused') === '1',
    windowUs: Math.max(SHORTEST_WINDOW_SECONDS, Number(query.get('window')) || DEFAULT_WINDOW_SECONDS) * SECOND,
  };
}

/**
 * The query of a moment; whatever else the present one says about the player is kept.
 *
 * @param {string} search
 * @param {string} camera
 * @param {number | null} us
 * @param {boolean} [isLive]
 */
export function writeLink(search, camera, us, isLive = false) {
  const query = new URLSearchParams({ camera });
  const present = new URLSearchParams(search);
  if (isLive) query.set('live', present.get('live') || '1');
  else if (us !== null) query.set('t', formatMomentForLink(us));
  for (const name of ['player', 'window']) {
    const value = present.get(name);
    if (value !== null) query.set(name, value);
  }
  // Colons and slashes are allowed in a query, and a link that people send each other should be readable.
  return `?${query.toString().replace(/%3A/g, ':').replace(/%2F/g, '/')}`;
}
