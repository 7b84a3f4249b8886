/**
 * Which moment a frame shows that a browser's own HLS plays, and where on its timeline a moment lies. Pure.
 */

import { SECOND } from './time.js';

/** Players hand out times that were rounded to microseconds; a border must not depend on it. */
const ROUNDING_SECONDS = 0.000_5;

/** A frame off the grid now and then is a lost picture; more of them are a camera without a grid. */
const STRAY_FRAMES_ALLOWED = 4;

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
    /** How late each part was when it was last seen.  @type {Map<number, number>} */
    this.lateness = new Map();
    /** How late the part on screen should be. */
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
    const stretch = this.stretchAt(seconds);
    if (!stretch) return;
    const part = partOf(stretch, seconds);
    if (!isBuffered) {
      this.lateness.clear();
      this.expectedUs = this.#latenessWhenLoaded(part);
    } else if (part !== this.shown) {
      this.expectedUs = this.#latenessWhenJoined(part);
    }
    this.shown = part;
  }

  /** A frame is on screen; learns from it.  @param {number} seconds  @returns {number | null} */
  onFrame(seconds) {
    const stretch = this.stretchAt(seconds);
    if (!stretch) return null;
    const part = partOf(stretch, seconds);
    if (part !== this.shown) {
      this.expectedUs = this.#latenessWhenJoined(part);
      this.shown = part;
    }
    const seemsUs = stretch.wallUs + (seconds - stretch.start) * SECOND;
    return Math.round(seemsUs - this.#latenessOf(part, seemsUs));
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
    const part = partOf(stretch, seconds);
    const latenessUs = isBuffered(seconds) ? this.#latenessWhenJoined(part) : this.#latenessWhenLoaded(part);
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

  /** @param {number} part */
  #latenessWhenLoaded(part) {
    return isBeginning(part) ? this.#soundOf(part).earlyUs : 0;
  }

  /** @param {number} part */
  #latenessWhenJoined(part) {
    const known = this.lateness.get(part);
    if (known !== undefined) return known;
    const before = this.lateness.get(part - 1);
    if (before === undefined) return this.#latenessWhenLoaded(part);
    return isBeginning(part) ? before + this.#soundOf(part - 1).overhangUs + this.#soundOf(part).earlyUs : before;
  }

  /** @param {number} part  @returns {Sound}  of its stretch */
  #soundOf(part) {
    return this.sounds.get(Math.floor(part / 2)) ?? { earlyUs: 0, overhangUs: 0 };
  }

  /** @param {number} part  @param {number} seemsUs  where the playlist says that the frame lies */
  #latenessOf(part, seemsUs) {
    const piece = this.plan.pieceOf(Math.floor(part / 2));
    if (!piece?.frameRate || this.strayFrames > STRAY_FRAMES_ALLOWED) return this.expectedUs;
    const frameUs = SECOND / piece.frameRate;
    const latenessUs = latenessOnGrid(seemsUs - piece.zeroUs, frameUs, this.expectedUs);
    const before = this.lateness.get(part);
    if (before !== undefined && Math.abs(before - latenessUs) > frameUs / 5) this.strayFrames += 1;
    this.lateness.set(part, latenessUs);
    return latenessUs;
  }
}

/**
 * A stretch has two parts, its first segment and the rest: the rest is on time when it is loaded by itself. They are
 * numbered through.
 *
 * @param {import('./playlist.js').Stretch} stretch
 * @param {number} seconds
 */
function partOf({ discontinuity, firstEnd }, seconds) {
  return 2 * discontinuity + (seconds < firstEnd - ROUNDING_SECONDS ? 0 : 1);
}

/** @param {number} part */
function isBeginning(part) {
  return part % 2 === 0;
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
