/** Plays a session with the browser's own HLS; see `Engine` in engine-hls.js. */

import { fetchPlaylist, fetchSession } from './api.js';
import { bufferedAt } from './playhead.js';
import { PlaylistClock } from './playlist-clock.js';
import { readStretches } from './playlist.js';
import { readEarlySound, readOverhang } from './sound.js';

/** A frame so far from where a seek leads does not belong to it. */
const STALE_SECONDS = 0.5;

/** So long before a stretch ends it is looked up how the next one joins. */
const BORDER_AHEAD_SECONDS = 30;

const HLS_TYPE = 'application/vnd.apple.mpegurl';

/** @param {HTMLVideoElement} video */
export function canPlayNatively(video) {
  return video.canPlayType(HLS_TYPE) !== '';
}

/**
 * @typedef {import('./engine-hls.js').Engine} Engine
 * @implements {Engine}
 */
export class NativeEngine {
  name = 'native';

  /**
   * @param {HTMLVideoElement} video
   * @param {import('./session.js').Plan} plan
   * @param {import('./engine-hls.js').EngineEvents} events
   */
  constructor(video, plan, events) {
    this.video = video;
    this.plan = plan;
    this.events = events;
    /** @type {PlaylistClock | null} */
    this.clock = null;
    /** Lookups of sound that are done or under way, by what they are about.  @type {Map<string, 'asked' | 'done'>} */
    this.lookups = new Map();
    this.hasShownFrames = false;
    this.listeners = new AbortController();
  }

  load() {
    const { signal } = this.listeners;
    this.video.addEventListener('error', () => this.#onError(), { signal });
    this.video.addEventListener('loadedmetadata', () => this.events.onProgress(), { signal });
    this.video.src = this.plan.url;
    fetchPlaylist(this.plan.url).then(
      (text) => {
        this.clock = new PlaylistClock(this.plan, readStretches(text));
        if (!signal.aborted) this.events.onProgress();
      },
      () => this.#onError(),
    );
  }

  /** @param {number} seconds */
  onFrame(seconds) {
    // While a seek is under way the frame from before it may be reported once more: nothing to learn from.
    if (this.video.seeking && Math.abs(seconds - this.video.currentTime) > STALE_SECONDS) return null;
    this.hasShownFrames = true;
    this.#lookAhead(seconds);
    return this.clock?.onFrame(seconds) ?? null;
  }

  /** @param {number} seconds */
  onSeek(seconds) {
    this.clock?.onSeek(seconds, bufferedAt(this.video, seconds));
  }

  /** @param {number} wallUs */
  mediaAt(wallUs) {
    const stretch = this.clock?.stretchOf(wallUs);
    if (!this.clock || !stretch || !this.#knowsBeginning(stretch)) return null;
    return this.clock.mediaAt(wallUs, (seconds) => bufferedAt(this.video, seconds));
  }

  /** @param {number} seconds */
  pieceAt(seconds) {
    const stretch = this.clock?.stretchAt(seconds);
    return stretch ? this.plan.pieceOf(stretch.discontinuity) : null;
  }

  /** @param {number} seconds */
  loadFrom(seconds) {
    return seconds;
  }

  hasLoaded() {
    return false;
  }

  onRate() {}

  retry() {
    // The element has given up for good; only a new session brings it back.
    this.events.onFailure({ kind: 'session', detail: 'The connection was lost.' });
  }

  destroy() {
    this.listeners.abort();
    this.video.removeAttribute('src');
    this.video.load();
  }

  /** Makes sure that it is known in time how the next stretch joins this one.  @param {number} seconds */
  #lookAhead(seconds) {
    const stretch = this.clock?.stretchAt(seconds);
    const next = stretch && this.clock?.stretchAfter(stretch.discontinuity);
    const ahead = BORDER_AHEAD_SECONDS * Math.max(1, this.video.playbackRate);
    if (!stretch || !next || seconds < stretch.end - ahead) return;
    this.#knowsBeginning(next);
    this.#knowsEnd(stretch);
  }

  /** @param {import('./playlist.js').Stretch} stretch */
  #knowsBeginning({ discontinuity, firstUri }) {
    return this.#lookUp(`beginning ${discontinuity}`, async (signal) => {
      const earlyUs = await readEarlySound(this.#resolve(firstUri), signal);
      this.#noteSound(discontinuity, { earlyUs });
    });
  }

  /** @param {import('./playlist.js').Stretch} stretch */
  #knowsEnd({ discontinuity, lastUri }) {
    const piece = this.plan.pieceOf(discontinuity);
    return this.#lookUp(`end ${discontinuity}`, async (signal) => {
      if (piece) this.#noteSound(discontinuity, { overhangUs: await readOverhang(this.#resolve(lastUri), piece, signal) });
    });
  }

  /**
   * Whether something is known; asks for it the first time. What cannot be found out counts as nothing special.
   *
   * @param {string} what
   * @param {(signal: AbortSignal) => Promise<void>} ask
   */
  #lookUp(what, ask) {
    const state = this.lookups.get(what);
    if (state === undefined) {
      const { signal } = this.listeners;
      this.lookups.set(what, 'asked');
      ask(signal).catch(() => {}).then(() => {
        this.lookups.set(what, 'done');
        if (!signal.aborted) this.events.onProgress();
      });
    }
    return state === 'done';
  }

  /** @param {number} discontinuity  @param {Partial<import('./playlist-clock.js').Sound>} sound */
  #noteSound(discontinuity, sound) {
    const known = this.clock?.sounds.get(discontinuity) ?? { earlyUs: 0, overhangUs: 0 };
    this.clock?.sounds.set(discontinuity, { ...known, ...sound });
  }

  /** @param {string} uri  as it stands in the playlist */
  #resolve(uri) {
    return new URL(uri, new URL(this.plan.url, location.href)).href;
  }

  /** The element does not say why it failed: asks the service whether the session is still there. */
  async #onError() {
    const { signal } = this.listeners;
    if (signal.aborted) return;
    const failure = await fetchSession(this.plan.id).then(
      () => this.#failureOfMedia(),
      (problem) => failureOf(problem),
    );
    if (!signal.aborted) this.events.onFailure(failure);
  }

  /** @returns {import('./engine-hls.js').Failure} */
  #failureOfMedia() {
    if (this.video.error?.code === MediaError.MEDIA_ERR_NETWORK) {
      return { kind: 'network', detail: 'The recording could not be loaded.' };
    }
    const reason = this.video.error?.message;
    // Chromium trips over its own parser when a seek comes while it loads; what has played before will play again.
    if (this.hasShownFrames) return { kind: 'session', detail: `Playing was interrupted (${reason}).` };
    return { kind: 'media', detail: `This browser cannot play the recording${reason ? ` (${reason})` : ''}.` };
  }
}

/** @param {import('./api.js').Problem} problem  @returns {import('./engine-hls.js').Failure} */
function failureOf(problem) {
  const gone = problem.status === 404 || problem.status === 410;
  return { kind: gone ? 'session' : 'network', detail: problem.message };
}
