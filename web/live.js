/**
 * Watches a camera live: opens a session, puts its stream on screen, goes over to another format where one does not work,
 * and gets over failures that pass. It draws nothing; what happens is told through events:
 *
 * - `state`    `state`, or the format, has changed
 * - `waiting`  `detail: string` why something is tried again, `null` when that is over
 * - `problem`  `detail: string` it cannot go on by itself
 * - `notice`   `detail: string`
 *
 * @typedef {'empty' | 'opening' | 'playing' | 'buffering' | 'paused' | 'failed'} LiveState
 * @typedef {'webrtc' | 'hls'} Format
 *
 * @typedef {Object} LiveTools
 * @property {(cameraId: string, format: Format) => Promise<import('./api.js').LiveJson>} start
 * @property {(sessionId: string) => void} stop
 * @property {(format: Format, url: string, events: import('./live-engines.js').LiveEvents) => import('./live-engines.js').LiveEngine} createEngine
 * @property {(onWait: (reason: string | null) => void) => import('./retries.js').Retries} createRetries
 */

import { Problem } from './api.js';

export class LivePlayer extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {LiveTools} tools
   */
  constructor(video, tools) {
    super();
    this.video = video;
    this.tools = tools;
    /** What can be played here, the best first.  @type {Format[]} */
    this.formats = [];
    /** @type {LiveState} */
    this.state = 'empty';
    /** @type {string | null} */
    this.cameraId = null;
    /** @type {import('./api.js').LiveJson | null} */
    this.session = null;
    /** @type {import('./live-engines.js').LiveEngine | null} */
    this.engine = null;
    /** @type {Format | null} */
    this.format = null;
    /** Whether this session has shown anything. */
    this.hasPlayed = false;
    this.wantsToPlay = true;
    /** Counts what the user asked for: answers to earlier wishes are thrown away. */
    this.wish = 0;
    this.retries = tools.createRetries((reason) => this.#emit('waiting', reason));
    video.addEventListener('waiting', () => this.state === 'playing' && this.#setState('buffering'));
    video.addEventListener('playing', () => this.state === 'buffering' && this.#setState('playing'));
  }

  /** How far behind the picture is, in seconds; null where nobody can tell. */
  get latency() {
    return this.state === 'playing' ? this.engine?.latency ?? null : null;
  }

  /**
   * @param {string} cameraId
   * @param {Format} [format]
   */
  async open(cameraId, format = this.formats[0]) {
    const wish = this.#newWish();
    // One camera's picture under another one's name would be a lie; its session goes once there is the next one.
    if (cameraId !== this.cameraId) this.#dropPicture();
    this.cameraId = cameraId;
    this.wantsToPlay = true;
    this.#setState('opening');
    try {
      const session = await this.tools.start(cameraId, format);
      if (wish === this.wish) this.#begin(session, format);
      else this.tools.stop(session.session_id);
    } catch (error) {
      if (wish === this.wish) this.#onOpenFailure(error);
    }
  }

  toggle() {
    if (this.state === 'paused') this.#resume();
    else if (this.state === 'playing' || this.state === 'buffering') this.pause();
  }

  pause() {
    this.wantsToPlay = false;
    this.video.pause();
    this.#setState('paused');
  }

  /** Tries at once what was to be tried later. */
  retryNow() {
    this.retries.now();
  }

  reopen() {
    if (this.cameraId !== null) this.open(this.cameraId);
  }

  /** Gives the session back. */
  close() {
    this.#newWish();
    this.#release();
    this.#setState('empty');
  }

  /** @param {import('./api.js').LiveJson} session  @param {Format} format */
  #begin(session, format) {
    // Only now, so that the media server never finds itself without anybody who wants the path.
    this.#release();
    const { wish } = this;
    this.session = session;
    this.format = format;
    this.hasPlayed = false;
    this.engine = this.tools.createEngine(format, session.url, {
      onPicture: () => wish === this.wish && this.#onPicture(),
      onFailure: (failure) => wish === this.wish && this.#onFailure(failure),
    });
    this.#emit('state');
    this.engine.start();
  }

  #onPicture() {
    this.hasPlayed = true;
    this.retries.succeed();
    if (this.wantsToPlay) this.#play();
  }

  #resume() {
    this.wantsToPlay = true;
    this.engine?.toEdge();
    this.#play();
  }

  async #play() {
    const { wish } = this;
    this.#setState('playing');
    try {
      await this.video.play();
    } catch (error) {
      if (wish === this.wish) await this.#onPlayRefused(error);
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

  /** @param {import('./engine-hls.js').Failure} failure */
  #onFailure({ kind, detail }) {
    const { cameraId, format } = this;
    if (cameraId === null || format === null) return;
    const next = this.formats[this.formats.indexOf(format) + 1];
    if (!this.hasPlayed && next) {
      this.#emit('notice', `${detail} Going on with ${NAMES[next]}.`);
      this.open(cameraId, next);
    } else if (kind === 'media') {
      this.#fail(detail);
    } else {
      this.#setState('opening');
      this.retries.later(detail, () => this.open(cameraId, format));
    }
  }

  /** @param {unknown} error */
  #onOpenFailure(error) {
    const problem = error instanceof Problem ? error : new Problem(String(error), { status: 400 });
    if (problem.passing) this.retries.later(problem.message, () => this.reopen());
    else this.#fail(problem.message);
  }

  /** @param {string} detail */
  #fail(detail) {
    this.#newWish();
    this.#release();
    this.#setState('failed');
    this.#emit('problem', detail);
  }

  #newWish() {
    this.wish += 1;
    this.retries.cancel();
    return this.wish;
  }

  #dropPicture() {
    this.engine?.destroy();
    this.engine = null;
  }

  #release() {
    this.#dropPicture();
    if (this.session) this.tools.stop(this.session.session_id);
    this.session = null;
    this.format = null;
  }

  /** @param {LiveState} state */
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

/** @type {Record<Format, string>} */
export const NAMES = { webrtc: 'WebRTC', hls: 'HLS' };

/**
 * What of the service's formats this browser plays, in the order in which they are tried.
 *
 * @param {string[]} offered
 * @param {{ webrtc: boolean, hls: boolean }} able
 * @param {string | null} [only]  the one that the address asks for
 * @returns {Format[]}
 */
export function playable(offered, able, only = null) {
  /** @type {Format[]} */
  const order = ['webrtc', 'hls'];
  const found = order.filter((format) => offered.includes(format) && able[format]);
  const wanted = found.filter((format) => format === only);
  return wanted.length > 0 ? wanted : found;
}
