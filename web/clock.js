/**
 * Which moment a frame shows, and where on the media timeline a moment lies. Pure: no player, no DOM.
 *
 * The service sends every picture with the timestamp `source time - zero + 10 s`, where zero is the time of its
 * recording's first random access point, and says which wall time that zero was. So a timestamp alone dates a frame.
 * A player shifts timestamps onto its own timeline; a clock undoes that shift. This one is for hls.js, the one for a browser's
 * own HLS is in playlist-clock.js.
 */

import { SECOND } from './time.js';

/** The service's lead: output timestamps are this late so that decoding times never fall below zero. */
const TIMESTAMP_LEAD_SECONDS = 10;

/** Players hand out times that were rounded to microseconds; a border between two fragments must not depend on it. */
const ROUNDING_SECONDS = 0.000_5;

/** Timestamps have 33 bits at 90 kHz: they start over after 26.5 hours. */
const TIMESTAMP_PERIOD_SECONDS = 2 ** 33 / 90_000;

/**
 * The formula: wall time of what lies at `seconds` of a timeline on which the timestamp `initPts` is 0.
 * Media time is taken back to whole ticks first, so that the answer is exact. hls.js adds whole periods to `initPts` until
 * it is positive; they are taken out again.
 *
 * @param {number} zeroUs
 * @param {number} seconds
 * @param {Anchor} anchor
 * @returns {number}
 */
export function wallTime(zeroUs, seconds, { initPts, timescale }) {
  const period = TIMESTAMP_PERIOD_SECONDS * timescale;
  const ticks = Math.round(seconds * timescale) + initPts;
  const timestamp = ticks - Math.floor(ticks / period) * period;
  return zeroUs + Math.round(((timestamp - TIMESTAMP_LEAD_SECONDS * timescale) * SECOND) / timescale);
}

/**
 * The inverse of `wallTime`: of all the places a period apart, the one nearest to where the moment should lie.
 *
 * @param {number} zeroUs
 * @param {number} wallUs
 * @param {Anchor} anchor
 * @param {number} expectedSeconds
 */
export function mediaTime(zeroUs, wallUs, { initPts, timescale }, expectedSeconds) {
  const seconds = timestampSeconds(zeroUs, wallUs) - initPts / timescale;
  const periods = Math.round((expectedSeconds - seconds) / TIMESTAMP_PERIOD_SECONDS);
  return seconds + periods * TIMESTAMP_PERIOD_SECONDS;
}

/** The timestamp, in seconds, of a moment.  @param {number} zeroUs  @param {number} wallUs */
export function timestampSeconds(zeroUs, wallUs) {
  return (wallUs - zeroUs) / SECOND + TIMESTAMP_LEAD_SECONDS;
}

/**
 * The anchors that put a session's recordings end to end, `leadIn` seconds behind the beginning of the timeline.
 *
 * @param {import('./session.js').Plan} plan
 * @param {number} leadIn
 * @returns {Map<number, Anchor>}  by discontinuity
 */
export function plannedAnchors(plan, leadIn) {
  const timescale = 90_000;
  return new Map(plan.pieces.map(({ discontinuity, zeroUs, startUs, mediaStart }) => {
    const initSeconds = timestampSeconds(zeroUs, startUs) - mediaStart - leadIn;
    return [discontinuity, { initPts: Math.round(initSeconds * timescale), timescale }];
  }));
}

/**
 * The clock for hls.js, which knows for every discontinuity which timestamp is the timeline's beginning, and tells for
 * every fragment where it was put.
 *
 * @typedef {{ initPts: number, timescale: number }} Anchor
 * @typedef {{ discontinuity: number, start: number, end: number, anchor: Anchor }} Placed
 */
export class FragmentClock {
  /**
   * @param {import('./session.js').Plan} plan
   * @param {Map<number, Anchor>} anchors
   */
  constructor(plan, anchors) {
    this.plan = plan;
    this.anchors = new Map(anchors);
    /** Fragments as they were appended, the latest last: an anchor may change, what was placed before stays.
     * @type {Map<number, Placed>} */
    this.placed = new Map();
  }

  /** @param {number} discontinuity  @param {Anchor} anchor */
  onAnchor(discontinuity, anchor) {
    this.anchors.set(discontinuity, anchor);
  }

  /**
   * @param {number} fragment  its sequence number
   * @param {Placed} placed
   */
  onPlaced(fragment, placed) {
    this.placed.delete(fragment);
    this.placed.set(fragment, placed);
  }

  /** @param {number} seconds  @returns {number | null} */
  wallAt(seconds) {
    const fragment = this.#fragmentAt(seconds);
    const piece = fragment && this.plan.pieceOf(fragment.discontinuity);
    return fragment && piece ? wallTime(piece.zeroUs, seconds, fragment.anchor) : null;
  }

  /** @param {number} wallUs  @returns {number | null}  null outside of the plan */
  mediaAt(wallUs) {
    const piece = this.plan.pieceAt(wallUs);
    if (!piece) return null;
    const anchor = this.anchors.get(piece.discontinuity);
    const expected = this.plan.mediaAt(piece, wallUs);
    return anchor ? mediaTime(piece.zeroUs, wallUs, anchor, expected) : expected;
  }

  /** @param {number} seconds  @returns {number | null} the recording being shown */
  discontinuityAt(seconds) {
    return this.#fragmentAt(seconds)?.discontinuity ?? null;
  }

  /** @param {number} seconds */
  #fragmentAt(seconds) {
    const newestFirst = [...this.placed.values()].reverse();
    return newestFirst.find(({ start, end }) => seconds >= start - ROUNDING_SECONDS && seconds < end - ROUNDING_SECONDS);
  }
}
