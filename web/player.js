/**
 * Plays a camera: opens a session around the wanted moment, moves within it, opens the next one where it ends, and gets
 * over failures that pass. It draws nothing; what happens is told through events:
 *
 * - `frame`    a frame is on screen (`wallUs`)
 * - `state`    `state` has changed
 * - `session`  another session is loaded (`plan`)
 * - `skipped`  `detail: { fromUs, toUs }` nothing is recorded in between
 * - `waiting`  `detail: string` why something is tried again, `null` when that is over
 * - `nothing`  `detail: { us, nearest }` nothing is recorded there; `nearest` as the service sent it, or null
 * - `problem`  `detail: string` it cannot go on by itself
 * - `notice`   `detail: string`
 *
 * @typedef {'empty' | 'opening' | 'playing' | 'buffering' | 'paused' | 'ended' | 'failed'} State
 *
 * @typedef {Object} Surroundings  What the player needs to know of the page around it.
 * @property {(plan: Plan, events: import('./engine-hls.js').EngineEvents) => import('./engine-hls.js').Engine} createEngine
 * @property {number} windowUs  how much one session spans
 * @property {(us: number) => Promise<number | null>} recordedFrom  the next recorded moment of this camera
 * @property {(us: number) => Promise<number | null>} recordedUpTo  the last one before
 */

import { Problem, startSession, stopSession } from './api.js';
import { watchFrames } from './frames.js';
import { Playhead } from './playhead.js';
import { Retries } from './retries.js';
import { Plan } from './session.js';
import { SECOND } from './time.js';

export const RATES = [0.25, 0.5, 1, 2, 4, 8, 16];

/** The part of a session's span that lies before the wanted moment: people look back more often than far ahead. */
const SHARE_BEFORE = 1 / 6;

/** Two frames whose moments differ by so much more than their positions have a gap between them. */
const GAP_US = 2 * SECOND;

export class Player extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {Surroundings} surroundings
   */
  constructor(video, surroundings) {
    super();
    this.video = video;
    this.surroundings = surroundings;
    /** @type {State} */
    this.state = 'empty';
    /** @type {string | null} */
    this.cameraId = null;
    /** @type {Plan | null} */
    this.plan = null;
    /** @type {import('./engine-hls.js').Engine | null} */
    this.engine = null;
    /** @type {Playhead | null} */
    this.playhead = null;
    /** The moment on screen, or the one that is being opened.  @type {number | null} */
    this.wallUs = null;
    this.wantsToPlay = false;
    this.rate = 1;
    /** Counts what the user asked for: answers to earlier wishes are thrown away. */
    this.wish = 0;
    this.isStepping = false;
    /** @type {import('./playhead.js').Frame | null} */
    this.lastFrame = null;
    /** False while frames on screen may still belong to the session before. */
    this.mayShowFrames = false;
    this.retries = new Retries((reason) => this.#emit('waiting', reason));
    watchFrames(video, (seconds) => this.#onFrame(seconds));
    this.#listen();
  }

  /**
   * Opens a session around a moment and shows it.
   *
   * @param {string} cameraId
   * @param {number} us
   */
  async open(cameraId, us) {
    const wish = this.#newWish();
    this.cameraId = cameraId;
    this.#setWall(us);
    this.#setState('opening');
    this.#release();
    /** @type {Plan} */
    let plan;
    try {
      plan = new Plan(await startSession(cameraId, this.#windowAround(us)));
    } catch (error) {
      if (wish === this.wish) this.#onOpenFailure(error, us);
      return;
    }
    if (wish !== this.wish) return stopSession(plan.id);
    this.plan = plan;
    this.#emit('session');
    const recordedUs = plan.recordedFrom(us);
    if (recordedUs === null) return this.#nothingAt(us);
    if (recordedUs !== us) this.#emit('skipped', { fromUs: us, toUs: recordedUs });
    await this.#begin(plan, recordedUs, wish);
  }

  /** Shows a moment of the same camera.  @param {number} us */
  async seek(us) {
    if (this.cameraId === null) return;
    const recordedUs = this.plan?.covers(us) ? this.plan.recordedFrom(us) : null;
    if (recordedUs === null || !this.playhead || this.state === 'failed') return this.open(this.cameraId, us);
    const wish = this.#newWish();
    if (recordedUs !== us) this.#emit('skipped', { fromUs: us, toUs: recordedUs });
    this.#setWall(recordedUs);
    this.#setState('buffering');
    await this.#arrive(this.playhead.goTo(recordedUs), wish);
  }

  play() {
    this.wantsToPlay = true;
    if (this.state === 'ended' || this.state === 'paused') this.#resume();
  }

  pause() {
    this.wantsToPlay = false;
    this.video.pause();
    if (this.state === 'playing' || this.state === 'buffering') this.#setState('paused');
  }

  toggle() {
    if (this.wantsToPlay && this.state !== 'ended') this.pause();
    else this.play();
  }

  /** Moves by one frame and stays there.  @param {1 | -1} direction */
  async step(direction) {
    const { playhead, cameraId } = this;
    if (!playhead?.frame || cameraId === null || this.isStepping || this.state === 'opening') return;
    this.isStepping = true;
    this.pause();
    const wish = this.#newWish();
    this.#setState('paused');
    const moved = await playhead.step(direction);
    this.isStepping = false;
    if (moved || wish !== this.wish) return;
    const frameUs = playhead.frameSeconds() * SECOND;
    if (direction > 0) await this.#continueFrom(playhead.frame.wallUs + frameUs);
    else await this.#continueBefore(playhead.frame.wallUs - frameUs / 2);
  }

  /** @param {number} rate */
  setRate(rate) {
    this.rate = rate;
    // Loading a source sets the rate back to the default one.
    this.video.defaultPlaybackRate = rate;
    this.video.playbackRate = rate;
    this.engine?.onRate(rate);
    this.#emit('state');
  }

  /** Tries at once what was to be tried later. */
  retryNow() {
    this.retries.now();
  }

  /** Gives the session back; the moment stays known, and `reopen` goes on from there. */
  close() {
    this.#newWish();
    this.#release();
    this.#setState('empty');
  }

  reopen() {
    if (this.cameraId !== null && this.wallUs !== null) this.open(this.cameraId, this.wallUs);
  }

  #listen() {
    const { video } = this;
    // Frames of the session before must not be taken for frames of this one.
    video.addEventListener('emptied', () => { this.mayShowFrames = false; });
    video.addEventListener('loadedmetadata', () => {
      this.mayShowFrames = true;
      this.playhead?.onProgress();
    });
    video.addEventListener('waiting', () => this.state === 'playing' && this.#setState('buffering'));
    video.addEventListener('playing', () => this.state === 'buffering' && this.#setState('playing'));
    video.addEventListener('ended', () => this.#onEnded());
    video.addEventListener('pause', () => this.#onPausedFromOutside());
    video.addEventListener('play', () => this.#onPlayedFromOutside());
  }

  /** @param {Plan} plan  @param {number} us  @param {number} wish */
  async #begin(plan, us, wish) {
    const events = {
      onProgress: () => this.#onProgress(),
      onFailure: (/** @type {import('./engine-hls.js').Failure} */ failure) => this.#onFailure(failure),
    };
    this.engine = this.surroundings.createEngine(plan, events);
    this.engine.onRate(this.rate);
    this.playhead = new Playhead(this.video, this.engine);
    this.lastFrame = null;
    this.#setWall(us);
    this.engine.load(us);
    await this.#arrive(this.playhead.goTo(us), wish);
  }

  /** @param {Promise<boolean>} move  @param {number} wish */
  async #arrive(move, wish) {
    const arrived = await move;
    if (!arrived || wish !== this.wish) return;
    if (this.playhead?.frame) this.#setWall(this.playhead.frame.wallUs);
    if (this.wantsToPlay) this.#resume();
    else this.#setState('paused');
  }

  async #resume() {
    if (this.state === 'ended') return this.seek(this.wallUs ?? 0);
    this.#setState('playing');
    try {
      await this.video.play();
    } catch (error) {
      await this.#onPlayRefused(error);
    }
  }

  /** Browsers let a page play sound only after the user has touched it.  @param {unknown} error */
  async #onPlayRefused(error) {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
    if (this.video.muted) return this.pause();
    this.video.muted = true;
    this.#emit('notice', 'The browser starts pages without sound. Press M to hear it.');
    await this.video.play().catch(() => this.pause());
  }

  /** @param {number} seconds */
  #onFrame(seconds) {
    if (!this.mayShowFrames || !this.playhead) return;
    const frame = this.playhead.onFrame(seconds);
    if (!frame) return;
    const before = this.lastFrame;
    this.lastFrame = frame;
    if (this.playhead.targetUs !== null) return;
    this.#setWall(frame.wallUs);
    if (before) this.#tellGap(before, frame);
  }

  /**
   * @param {import('./playhead.js').Frame} before
   * @param {import('./playhead.js').Frame} now
   */
  #tellGap(before, now) {
    const playedUs = (now.seconds - before.seconds) * SECOND;
    const passedUs = now.wallUs - before.wallUs;
    const isPlayingOn = playedUs > 0 && playedUs < GAP_US;
    if (isPlayingOn && passedUs - playedUs > GAP_US) {
      this.#emit('skipped', { fromUs: before.wallUs, toUs: now.wallUs });
    }
  }

  #onProgress() {
    this.retries.succeed();
    this.playhead?.onProgress();
  }

  #onEnded() {
    if (!this.playhead?.frame || this.isStepping || !this.wantsToPlay) return;
    this.#continueFrom(this.playhead.frame.wallUs + this.playhead.frameSeconds() * SECOND);
  }

  /** The session is played to its end.  @param {number} us  the first moment that it no longer shows */
  async #continueFrom(us) {
    const { cameraId, wish } = this;
    const next = await this.surroundings.recordedFrom(us).catch(() => us);
    if (wish !== this.wish || cameraId === null) return;
    if (next !== null) return this.open(cameraId, next);
    this.wantsToPlay = false;
    this.#setState('ended');
    this.#emit('notice', 'This is the end of what is recorded.');
  }

  /** Back over the beginning of the session.  @param {number} us */
  async #continueBefore(us) {
    const { cameraId, wish } = this;
    const previous = await this.surroundings.recordedUpTo(us).catch(() => us);
    if (wish !== this.wish || cameraId === null) return;
    if (previous !== null) return this.open(cameraId, previous);
    this.#emit('notice', 'This is the beginning of what is recorded.');
  }

  #onPausedFromOutside() {
    const byUs = !this.wantsToPlay || this.playhead?.targetUs !== null || this.video.ended;
    if (!byUs && this.state === 'playing') this.pause();
  }

  #onPlayedFromOutside() {
    if (this.state === 'paused') {
      this.wantsToPlay = true;
      this.#setState('playing');
    }
  }

  /** @param {import('./engine-hls.js').Failure} failure */
  #onFailure({ kind, detail }) {
    if (kind === 'network') return this.retries.later(detail, () => this.engine?.retry());
    if (kind === 'session' && this.retries.mayReopen()) return this.reopen();
    this.#fail(detail);
  }

  /** @param {unknown} error  @param {number} us */
  #onOpenFailure(error, us) {
    const problem = error instanceof Problem ? error : new Problem(String(error), { status: 400 });
    if (problem.passing) return this.retries.later(problem.message, () => this.reopen());
    if (problem.nearest) return this.#nothingAt(us, problem.nearest);
    this.#fail(problem.message);
  }

  /**
   * @param {number} us
   * @param {{ before: import('./api.js').StretchJson | null, after: import('./api.js').StretchJson | null } | null} [nearest]
   */
  #nothingAt(us, nearest = null) {
    this.#setState('failed');
    this.#emit('nothing', { us, nearest });
  }

  /** @param {string} message */
  #fail(message) {
    this.video.pause();
    this.#setState('failed');
    this.#emit('problem', message);
  }

  #newWish() {
    this.wish += 1;
    this.lastFrame = null;
    this.retries.cancel();
    return this.wish;
  }

  #release() {
    this.playhead?.dispose();
    this.engine?.destroy();
    if (this.plan) stopSession(this.plan.id);
    this.playhead = null;
    this.engine = null;
    this.plan = null;
    this.mayShowFrames = false;
  }

  /** @param {number} us */
  #windowAround(us) {
    const { windowUs } = this.surroundings;
    const startUs = us - Math.round(windowUs * SHARE_BEFORE);
    return { startUs, endUs: startUs + windowUs };
  }

  /** @param {number} us */
  #setWall(us) {
    this.wallUs = us;
    this.#emit('frame');
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#emit('state');
  }

  /** @param {string} type  @param {unknown} [detail] */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
