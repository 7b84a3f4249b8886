/** Reads the few lines of a media playlist that say when its media was recorded. Pure. */

import { parseMoment } from './time.js';

/**
 * What lies between two discontinuities.
 *
 * @typedef {Object} Stretch
 * @property {number} discontinuity  how many came before
 * @property {number} start  on the media timeline, in seconds
 * @property {number} end
 * @property {number} wallUs  the moment at `start`
 * @property {number} firstEnd  where its first segment ends
 * @property {string} firstUri
 * @property {string} lastUri
 */

/**
 * @param {string} text
 * @returns {Stretch[]}
 */
export function readStretches(text) {
  /** @type {Stretch[]} */
  const stretches = [];
  let discontinuity = 0;
  let start = 0;
  let end = 0;
  /** @type {number | null} */
  let dateUs = null;
  for (const line of text.split(/\r?\n/)) {
    const [tag, value] = splitTag(line);
    if (tag === '#EXT-X-DISCONTINUITY') {
      discontinuity += 1;
    } else if (tag === '#EXT-X-PROGRAM-DATE-TIME') {
      dateUs = parseMoment(value);
    } else if (tag === '#EXTINF') {
      start = end;
      end += parseFloat(value);
    } else if (line !== '' && !line.startsWith('#') && dateUs !== null) {
      addSegment(stretches, { discontinuity, start, end, wallUs: dateUs, firstEnd: end, firstUri: line, lastUri: line });
    }
  }
  return stretches;
}

/** @param {Stretch[]} stretches  @param {Stretch} segment  a stretch of its own, unless it goes on with the last one */
function addSegment(stretches, segment) {
  const last = stretches.at(-1);
  if (last?.discontinuity === segment.discontinuity) {
    last.end = segment.end;
    last.lastUri = segment.lastUri;
  } else {
    stretches.push(segment);
  }
}

/** @param {string} line */
function splitTag(line) {
  const colon = line.indexOf(':');
  return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}
