/**
 * Which moment a frame shows, and where on the media timeline a moment lies. Pure: no player, no DOM.
 *
 * The service sends every picture with the timestamp `source time - zero + 10 s`, where zero is the time of its
 * recording's first random access point, and says which wall time that zero was. So a timestamp alone dates a frame.
 * A player shifts timestamps onto its own timeline, by an amount that depends on what it happened to load first; the two
 * clocks below undo that shift for the two kinds of player.
 */

import { SECOND } from './time.js';

/** The service's lead: output timestamps are this late so that decoding times never fall below zero. */
const TIMESTAMP_LEAD_SECONDS = 10;

/** Players hand out times that were rounded to microseconds; a border between two fragments must not depend on it. */
const ROUNDING_SECONDS = 0.000_5;

/** A frame off the grid now and then is a lost picture; more of them are a camera without a grid. */
const STRAY_FRAMES_ALLOWED = 4;

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

/**
 * The clock for a browser's own HLS, which tells nothing. Its timeline is the sum of the playlist's durations, and each
 * stretch behind a discontinuity has a date in the playlist. Pictures come later than that says in two cases, as seen in
 * Chromium: where sound begins before the pictures, the sound is put in their place; and where it plays on over a
 * discontinuity, it joins the next stretch to the end of the sound, which outlasts the pictures. How much that is stands
 * in the segments (`Sound`), and the rest follows from the grid of frames: a picture lies a whole number of frames
 * after zero.
 *
 * @typedef {Object} Sound  of one stretch
 * @property {number} earlyUs  by how much it puts the pictures off at the beginning
 * @property {number} overhangUs  by how much it outlasts them at the end
 */
export class PlaylistClock {
  /**
   * @param {import('./session.js').Plan} plan
   * @param {import('./playlist.js').Stretch[]} stretches
   */
  constructor(plan, stretches) {
    this.plan = plan;
    this.stretches = stretches;
    /** @type {Map<number, Sound>} */
    this.sounds = new Map();
    /** How late each stretch was when it was last seen, by discontinuity.  @type {Map<number, number>} */
    this.lateness = new Map();
    /** How late the stretch on screen should be. */
    this.expectedUs = 0;
    /** @type {number | null} */
    this.shown = null;
    /** Frames that were not where the grid says. A camera with a variable frame rate has no grid. */
    this.strayFrames = 0;
  }

  /**
   * A seek is under way.
   *
   * @param {number} seconds  where to
   * @param {boolean} isBuffered  false: what will be shown is loaded anew
   */
  onSeek(seconds, isBuffered) {
    const target = this.stretchAt(seconds);
    if (!target) return;
    if (!isBuffered) {
      this.lateness.clear();
      this.expectedUs = this.#latenessWhenLoaded(target, seconds);
    } else if (target.discontinuity !== this.shown) {
      this.expectedUs = this.#latenessWhenJoined(target.discontinuity);
    }
    this.shown = target.discontinuity;
  }

  /** A frame is on screen; learns from it.  @param {number} seconds  @returns {number | null} */
  onFrame(seconds) {
    const stretch = this.stretchAt(seconds);
    if (!stretch) return null;
    if (stretch.discontinuity !== this.shown) {
      this.expectedUs = this.#latenessWhenJoined(stretch.discontinuity);
      this.shown = stretch.discontinuity;
    }
    const seemsUs = stretch.wallUs + (seconds - stretch.start) * SECOND;
    return Math.round(seemsUs - this.#latenessOf(stretch.discontinuity, seemsUs));
  }

  /**
   * @param {number} wallUs
   * @param {(seconds: number) => boolean} isBuffered
   * @returns {number | null}
   */
  mediaAt(wallUs, isBuffered) {
    const stretch = this.stretchOf(wallUs);
    if (!stretch) return null;
    const seconds = stretch.start + (wallUs - stretch.wallUs) / SECOND;
    const latenessUs = isBuffered(seconds)
      ? this.#latenessWhenJoined(stretch.discontinuity)
      : this.#latenessWhenLoaded(stretch, seconds);
    return seconds + latenessUs / SECOND;
  }

  /** @param {number} wallUs  @returns {import('./playlist.js').Stretch | null} */
  stretchOf(wallUs) {
    const piece = this.plan.pieceAt(wallUs);
    return this.stretches.find(({ discontinuity }) => discontinuity === piece?.discontinuity) ?? null;
  }

  /** @param {number} seconds  @returns {import('./playlist.js').Stretch | null} */
  stretchAt(seconds) {
    return this.stretches.findLast(({ start }) => start <= seconds + ROUNDING_SECONDS) ?? null;
  }

  /** @param {number} discontinuity  @returns {import('./playlist.js').Stretch | null} */
  stretchAfter(discontinuity) {
    return this.stretches.find((stretch) => stretch.discontinuity === discontinuity + 1) ?? null;
  }

  /** @param {import('./playlist.js').Stretch} stretch  @param {number} seconds */
  #latenessWhenLoaded(stretch, seconds) {
    return seconds < stretch.firstEnd ? this.#soundOf(stretch.discontinuity).earlyUs : 0;
  }

  /** @param {number} discontinuity */
  #latenessWhenJoined(discontinuity) {
    const known = this.lateness.get(discontinuity);
    if (known !== undefined) return known;
    const before = this.lateness.get(discontinuity - 1);
    if (before === undefined) return 0;
    return before + this.#soundOf(discontinuity - 1).overhangUs + this.#soundOf(discontinuity).earlyUs;
  }

  /** @param {number} discontinuity  @returns {Sound} */
  #soundOf(discontinuity) {
    return this.sounds.get(discontinuity) ?? { earlyUs: 0, overhangUs: 0 };
  }

  /** @param {number} discontinuity  @param {number} seemsUs  where the playlist says that the frame lies */
  #latenessOf(discontinuity, seemsUs) {
    const piece = this.plan.pieceOf(discontinuity);
    if (!piece?.frameRate || this.strayFrames > STRAY_FRAMES_ALLOWED) return this.expectedUs;
    const frameUs = SECOND / piece.frameRate;
    const latenessUs = latenessOnGrid(seemsUs - piece.zeroUs, frameUs, this.expectedUs);
    const before = this.lateness.get(discontinuity);
    if (before !== undefined && Math.abs(before - latenessUs) > frameUs / 5) this.strayFrames += 1;
    this.lateness.set(discontinuity, latenessUs);
    return latenessUs;
  }
}

/**
 * How late a frame is: of all that puts it on the grid of frames, what is nearest to what was expected.
 *
 * @param {number} sinceZeroUs  where the frame seems to lie
 * @param {number} frameUs
 * @param {number} expectedUs
 */
export function latenessOnGrid(sinceZeroUs, frameUs, expectedUs) {
  const offGrid = sinceZeroUs - expectedUs;
  return expectedUs + offGrid - Math.round(offGrid / frameUs) * frameUs;
}

/**
 * What the sound of a stretch does to its pictures.
 *
 * @param {import('./ts-times.js').Times} first  of its first segment
 * @returns {number}  microseconds
 */
export function earlySound({ picture, decoding, sound }) {
  if (picture === null || decoding === null || sound === null || sound > decoding) return 0;
  return Math.round((picture - sound) * SECOND);
}

/**
 * @param {import('./ts-times.js').Times} last  of its last segment
 * @param {number} pictureEnd  in seconds of its timestamps
 * @returns {number}  microseconds
 */
export function overhangingSound({ soundEnd }, pictureEnd) {
  return soundEnd === null ? 0 : Math.max(0, Math.round((soundEnd - pictureEnd) * SECOND));
}

/** The timestamp, in seconds, of a moment.  @param {number} zeroUs  @param {number} wallUs */
export function timestampSeconds(zeroUs, wallUs) {
  return (wallUs - zeroUs) / SECOND + TIMESTAMP_LEAD_SECONDS;
}
