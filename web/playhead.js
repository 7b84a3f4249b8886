/**
 * Puts exactly the wanted frame on screen.
 *
 * Where a moment lies on a player's timeline is certain only once the media around it is loaded, and a browser says that a
 * seek is done before its picture is there. So a move is over when the frame on screen is the right one, and not earlier.
 */

import { MILLISECOND, SECOND } from './time.js';

/** Aims a little behind a frame's start: a rounding error must not show the frame before. */
const AIM_US = MILLISECOND;
const MOST_CORRECTIONS = 3;

/** While playing, frames move on between the end of a seek and the first look at the screen. */
const PLAYING_SLACK_US = 250 * MILLISECOND;

/** When nothing has happened for so long, nothing will. */
const QUIET_MS = 300;
const USUAL_FRAME_SECONDS = 0.04;

/** So many quiet times in a seek to the very beginning or end, and its pictures will not come. */
const LOST_AFTER = 5;

/** Holes this short between two recordings are where their sound or pictures begin a little later. */
const SHORT_HOLE_SECONDS = 0.5;
const LONGEST_HOLE_SECONDS = 2;

/** Chromium begins to play before all of the media has set in, if that is so near to the beginning of the timeline. */
const OPEN_START_SECONDS = 1;

/** @typedef {{ seconds: number, wallUs: number, serial: number }} Frame */

export class Playhead {
  /**
   * @param {HTMLVideoElement} video
   * @param {import('./engine-hls.js').Engine} engine
   */
  constructor(video, engine) {
    this.video = video;
    this.engine = engine;
    /** The frame on screen.  @type {Frame | null} */
    this.frame = null;
    /** Where a move under way leads.  @type {number | null} */
    this.targetUs = null;
    /** Where the video is to be put as soon as there is media.  @type {number | null} */
    this.landingSeconds = null;
    /** Counts moves: each gives way to the next. */
    this.moves = 0;
    this.wake = () => {};
    this.listeners = new AbortController();
    video.addEventListener('seeked', () => this.wake(), { signal: this.listeners.signal });
  }

  dispose() {
    this.listeners.abort();
    this.#begin(null);
  }

  /**
   * Shows the frame of a moment.
   *
   * @param {number} wallUs
   * @returns {Promise<boolean>}  false: another move came first
   */
  async goTo(wallUs) {
    const move = this.#begin(wallUs);
    let seconds = await this.#locate(wallUs, move);
    for (let correction = 0; correction <= MOST_CORRECTIONS && seconds !== null; correction += 1) {
      if (!(await this.#show(seconds, move))) return false;
      const better = this.#correct(wallUs);
      const isBetter = better !== null && Math.abs(better - seconds) > AIM_US / SECOND;
      seconds = isBetter ? better : null;
    }
    if (move !== this.moves) return false;
    this.targetUs = null;
    return true;
  }

  /**
   * Moves by one frame.
   *
   * @param {1 | -1} direction
   * @returns {Promise<boolean>}  false: there is no further frame in this session; true also where another move came first
   */
  async step(direction) {
    const from = this.frame;
    if (!from) return false;
    const move = this.#begin(null);
    const length = this.frameSeconds();
    // The middle of the next frame; further where a frame lasts longer than it should.
    const aims = direction > 0 ? [1.5, 2, 2.5, 3.5] : [-0.5, -1, -1.5, -2.5];
    for (const aim of aims) {
      const seconds = this.#besidesHole(from.seconds + aim * length, direction);
      if (seconds < 0 || seconds >= this.video.duration) return false;
      if (!(await this.#show(seconds, move))) return true;
      if (this.frame && (this.frame.seconds - from.seconds) * direction > 0) return true;
    }
    return false;
  }

  /** Media has arrived. */
  onProgress() {
    if (this.video.readyState >= HTMLMediaElement.HAVE_METADATA) this.#land();
    this.wake();
  }

  /** @param {number} seconds  @returns {Frame | null} */
  onFrame(seconds) {
    const wallUs = this.engine.onFrame(seconds);
    if (wallUs === null) return null;
    this.frame = { seconds, wallUs, serial: (this.frame?.serial ?? 0) + 1 };
    this.wake();
    return this.frame;
  }

  /** How long the frame on screen lasts. */
  frameSeconds() {
    const rate = this.frame && this.engine.pieceAt(this.frame.seconds)?.frameRate;
    return rate ? 1 / rate : USUAL_FRAME_SECONDS;
  }

  /** @param {number | null} targetUs */
  #begin(targetUs) {
    this.targetUs = targetUs;
    this.landingSeconds = null;
    this.moves += 1;
    this.wake();
    return this.moves;
  }

  /**
   * Where to seek to for a moment, as soon as that is known.
   *
   * @param {number} wallUs
   * @param {number} move
   */
  async #locate(wallUs, move) {
    while (move === this.moves) {
      const place = this.engine.mediaAt(wallUs);
      if (place !== null && this.video.readyState >= HTMLMediaElement.HAVE_METADATA) return place + AIM_US / SECOND;
      await this.#somethingHappens();
    }
    return null;
  }

  /**
   * Seeks and waits for the picture.
   *
   * @param {number} seconds
   * @param {number} move
   * @returns {Promise<boolean>}  false: another move came first
   */
  async #show(seconds, move) {
    const serial = this.frame?.serial ?? 0;
    let triedAgain = false;
    let quiet = 0;
    this.#seek(seconds);
    while (move === this.moves) {
      if (this.#isShown(seconds, serial)) return true;
      const isQuiet = await this.#somethingHappens();
      if (!isQuiet || move !== this.moves) continue;
      quiet += 1;
      if (quiet === LOST_AFTER) this.#settleForNearest(seconds);
      if (this.#isSeeking()) continue;
      if (triedAgain && this.frame) return true;
      // Now and then a browser ends a seek on the picture before; asked for a little more, it shows the right one.
      triedAgain = true;
      this.video.currentTime = seconds + this.frameSeconds() / 2;
    }
    return false;
  }

  /**
   * @param {number} seconds  the position whose frame is wanted
   * @param {number} serial  of the frame that was on screen before
   */
  #isShown(seconds, serial) {
    const { frame, video } = this;
    if (!frame || this.#isSeeking()) return false;
    if (!video.paused) {
      return frame.serial > serial && Math.abs(video.currentTime - frame.seconds) < SHORT_HOLE_SECONDS;
    }
    const end = frame.seconds + this.frameSeconds() + AIM_US / SECOND / 2;
    return [seconds, video.currentTime].some((at) => at > frame.seconds - AIM_US / SECOND && at < end);
  }

  #isSeeking() {
    return this.video.seeking || this.landingSeconds !== null;
  }

  /**
   * Chromium's own HLS keeps the last pictures to itself until it has played to the end, and not every browser forgives
   * sound that sets in after the first picture: such seeks would never end.
   *
   * @param {number} seconds
   */
  #settleForNearest(seconds) {
    if (!this.#isSeeking()) return;
    const ranges = bufferedRanges(this.video);
    const last = ranges.findLast(({ end }) => end <= seconds);
    const first = ranges.at(0);
    if (this.video.duration - seconds < SHORT_HOLE_SECONDS && last) {
      this.video.currentTime = last.end - this.frameSeconds() / 2;
    } else if (seconds < OPEN_START_SECONDS && first) {
      this.video.currentTime = first.start + AIM_US / SECOND;
    }
  }

  /** Where to seek to instead, if the frame on screen is not the one of `wallUs`.  @param {number} wallUs */
  #correct(wallUs) {
    if (!this.frame) return null;
    const missingUs = wallUs - this.frame.wallUs;
    const aheadUs = this.video.paused ? 2 * AIM_US : PLAYING_SLACK_US;
    const isThere = missingUs > -aheadUs && missingUs < this.frameSeconds() * SECOND;
    return isThere ? null : this.frame.seconds + (missingUs + AIM_US) / SECOND;
  }

  /** Ends with the next event, or, with `true`, when there is none.  @returns {Promise<boolean>} */
  #somethingHappens() {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), QUIET_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }

  /**
   * Sends the video to a position; by way of an earlier one where the engine has to load from there.
   *
   * @param {number} seconds
   */
  #seek(seconds) {
    this.engine.onSeek(seconds);
    const target = Math.max(0, seconds);
    const from = bufferedAt(this.video, target) ? target : this.engine.loadFrom(target);
    this.landingSeconds = from < target ? target : null;
    this.video.currentTime = from;
  }

  /** Goes the rest of the way once its media is there. */
  #land() {
    const wanted = this.landingSeconds ?? (this.video.seeking ? this.video.currentTime : null);
    if (wanted === null) return;
    const isOpen = bufferedAt(this.video, wanted) || (wanted < OPEN_START_SECONDS && this.engine.hasLoaded(wanted));
    const reachable = isOpen ? wanted : this.#behindHole(wanted);
    if (reachable === null || (this.landingSeconds === null && reachable === wanted)) return;
    this.landingSeconds = null;
    this.video.currentTime = reachable;
  }

  /**
   * Where to go instead when all media of a position is there and some of it is missing, as where the sound of a
   * recording sets in late: a paused player would wait for ever.
   *
   * @param {number} seconds
   */
  #behindHole(seconds) {
    if (!this.engine.hasLoaded(seconds)) return null;
    const next = bufferedRanges(this.video).find(({ start }) => start > seconds);
    return next && next.start - seconds < LONGEST_HOLE_SECONDS ? next.start + AIM_US / SECOND : null;
  }

  /**
   * The position itself, or, where it falls into a short hole in what is loaded, the frame beyond the hole.
   *
   * @param {number} seconds
   * @param {1 | -1} direction
   */
  #besidesHole(seconds, direction) {
    if (bufferedAt(this.video, seconds)) return seconds;
    const half = this.frameSeconds() / 2;
    const ranges = bufferedRanges(this.video);
    const before = ranges.findLast(({ end }) => end <= seconds);
    const after = ranges.find(({ start }) => start > seconds);
    if (direction > 0 && after && after.start - seconds < SHORT_HOLE_SECONDS) return after.start + half;
    if (direction < 0 && before && seconds - before.end < SHORT_HOLE_SECONDS) return before.end - half;
    return seconds;
  }
}

/** @param {HTMLVideoElement} video */
export function bufferedRanges({ buffered }) {
  return Array.from({ length: buffered.length }, (_, i) => ({ start: buffered.start(i), end: buffered.end(i) }));
}

/** @param {HTMLVideoElement} video  @param {number} seconds */
export function bufferedAt(video, seconds) {
  return bufferedRanges(video).some(({ start, end }) => seconds >= start && seconds < end);
}
