/**
 * Plays a session with hls.js.
 *
 * An engine puts one session into the video element and knows which moment each of its frames shows:
 *
 * @typedef {Object} Engine
 * @property {string} name
 * @property {(startUs: number) => void} load  begins to load at a moment
 * @property {(seconds: number) => number | null} onFrame  the moment of a frame that has come on screen
 * @property {(seconds: number) => void} onSeek  the position is about to change
 * @property {(wallUs: number) => number | null} mediaAt  where a moment lies, in seconds
 * @property {(seconds: number) => import('./session.js').Piece | null} pieceAt  the recording shown at a position
 * @property {(seconds: number) => number} loadFrom  where loading must begin to have all of a position
 * @property {(seconds: number) => boolean} hasLoaded  whether it was all media of this position that has just arrived
 * @property {(rate: number) => void} onRate
 * @property {() => void} retry  tries to load again after a failure that may pass
 * @property {() => void} destroy
 *
 * @typedef {Object} EngineEvents
 * @property {() => void} onProgress  media has arrived; positions may be known better than before
 * @property {(failure: Failure) => void} onFailure
 *
 * What stopped an engine: it needs a new session, the service does not answer, or this browser cannot play the media.
 *
 * @typedef {{ kind: 'session' | 'network' | 'media', detail: string }} Failure
 */

import { FragmentClock, plannedAnchors } from './clock.js';

/** Seconds of media kept ahead at normal speed, and behind for stepping back. */
const AHEAD_SECONDS = 30;
const BEHIND_SECONDS = 60;

const SOUND_BEFORE_SECONDS = 0.6;

/**
 * The timeline begins a little before the first picture: hls.js moves everything rather than let anything, decoding times
 * and early sound included, lie below zero.
 */
const LEAD_IN_SECONDS = 0.5;
const TIMESCALE = 90_000;

/** Retries are left to the player, which can say what is going on; hls.js only rides over a hiccup. */
const LOAD_POLICY = {
  maxTimeToFirstByteMs: 15_000,
  maxLoadTimeMs: 60_000,
  timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 2_000 },
};

/** @implements {Engine} */
export class HlsEngine {
  name = 'hls.js';

  /**
   * @param {any} Hls  the library
   * @param {HTMLVideoElement} video
   * @param {import('./session.js').Plan} plan
   * @param {EngineEvents & { onError?: (error: object) => void }} events
   */
  constructor(Hls, video, plan, events) {
    this.Hls = Hls;
    this.video = video;
    this.plan = plan;
    this.events = events;
    this.anchors = plannedAnchors(plan, LEAD_IN_SECONDS);
    this.clock = new FragmentClock(plan, this.anchors);
    this.rate = 1;
    this.recoveredMedia = false;
    this.hls = null;
    /** The fragment that was buffered last.  @type {{ start: number, end: number } | null} */
    this.latest = null;
  }

  /** @param {number} startUs */
  load(startUs) {
    this.hls = new this.Hls({
      streamController: anchoredController(this.Hls, this.anchors),
      startPosition: this.loadFrom(this.mediaAt(startUs) ?? 0),
      // Otherwise it may wait for its next tick, a tenth of a second, where the playlist is there before the video element is.
      startFragPrefetch: true,
      backBufferLength: BEHIND_SECONDS,
      maxBufferLength: AHEAD_SECONDS * this.rate,
      manifestLoadPolicy: { default: LOAD_POLICY },
      playlistLoadPolicy: { default: LOAD_POLICY },
      fragLoadPolicy: { default: LOAD_POLICY },
    });
    this.#listen();
    this.hls.loadSource(this.plan.url);
    this.hls.attachMedia(this.video);
  }

  /** @param {number} seconds */
  onFrame(seconds) {
    return this.clock.wallAt(seconds);
  }

  onSeek() {}

  /** @param {number} wallUs */
  mediaAt(wallUs) {
    return this.clock.mediaAt(wallUs);
  }

  /** @param {number} seconds */
  pieceAt(seconds) {
    const discontinuity = this.clock.discontinuityAt(seconds);
    return discontinuity === null ? null : this.plan.pieceOf(discontinuity);
  }

  /**
   * The sound at the beginning of a segment lies in the segment before, since a packet of sound holds up to half a second.
   * Loading begins early enough to have it.
   *
   * @param {number} seconds
   */
  loadFrom(seconds) {
    return Math.max(0, seconds - SOUND_BEFORE_SECONDS);
  }

  /** @param {number} seconds */
  hasLoaded(seconds) {
    return this.latest !== null && this.latest.start <= seconds && seconds < this.latest.end;
  }

  /** @param {number} rate */
  onRate(rate) {
    this.rate = Math.max(1, rate);
    if (this.hls) this.hls.config.maxBufferLength = AHEAD_SECONDS * this.rate;
  }

  retry() {
    this.hls?.startLoad(this.video.currentTime);
  }

  destroy() {
    this.hls?.destroy();
    this.hls = null;
  }

  #listen() {
    const { Events } = this.Hls;
    this.hls.on(Events.INIT_PTS_FOUND, (/** @type {any} */ _, /** @type {any} */ { frag, initPTS, timescale }) => {
      this.clock.onAnchor(frag.cc, { initPts: initPTS, timescale });
    });
    this.hls.on(Events.BUFFER_APPENDING, (/** @type {any} */ _, /** @type {any} */ data) => this.#onAppending(data));
    this.hls.on(Events.FRAG_BUFFERED, (/** @type {any} */ _, /** @type {any} */ { frag }) => {
      this.latest = frag;
      this.events.onProgress();
    });
    this.hls.on(Events.ERROR, (/** @type {any} */ _, /** @type {any} */ error) => this.#onError(error));
  }

  /** Pictures are what the clock is about; sound counts only where there is nothing else.  @param {any} data */
  #onAppending({ frag, type, offset }) {
    if (frag.sn === 'initSegment' || offset === undefined) return;
    const streams = frag.elementaryStreams;
    const placed = streams.video ?? streams.audiovideo ?? streams.audio;
    if (!placed || (type === 'audio' && streams.video)) return;
    const anchor = { initPts: Math.round(-offset * TIMESCALE), timescale: TIMESCALE };
    this.clock.onPlaced(frag.sn, { discontinuity: frag.cc, start: placed.startPTS, end: placed.endPTS, anchor });
  }

  /** @param {any} error */
  #onError(error) {
    const { type, details, fatal, reason, response, frag } = error;
    // A seek elsewhere ends the loading that it makes useless.
    if (details === this.Hls.ErrorDetails.INTERNAL_ABORTED) return;
    const seconds = this.video.currentTime;
    this.events.onError?.({ type, details, fatal, reason: reason ?? error.error?.message ?? '', fragment: frag?.sn, seconds });
    if (!fatal) return;
    const { ErrorTypes } = this.Hls;
    if (response?.code === 404 || response?.code === 410) {
      this.events.onFailure({ kind: 'session', detail: 'The playback session has ended.' });
    } else if (type === ErrorTypes.NETWORK_ERROR) {
      this.events.onFailure({ kind: 'network', detail: networkDetail(response) });
    } else if (type === ErrorTypes.MEDIA_ERROR && !isCodecError(details) && !this.recoveredMedia) {
      // A decoder that stumbled once usually gets over it with a fresh start; twice is no accident.
      this.recoveredMedia = true;
      this.hls?.recoverMediaError();
    } else {
      this.events.onFailure({ kind: 'media', detail: mediaDetail(error) });
    }
  }
}

/**
 * Left alone, hls.js puts each recording where the first fragment that it happens to load begins, by decoding time and
 * sound: the same moment lies elsewhere from one visit to the next, and recordings that were loaded out of order overlap
 * by a few pictures, whereupon a browser throws the whole group of pictures away. The service's timestamps leave no doubt
 * where everything belongs, so hls.js is given the answer before it can guess.
 *
 * `initPTS` is no public property. Without it hls.js guesses again, and the clock follows what it says.
 *
 * @param {any} Hls
 * @param {Map<number, import('./clock.js').Anchor>} anchors
 */
function anchoredController(Hls, anchors) {
  return class extends Hls.DefaultConfig.streamController {
    onManifestLoading() {
      super.onManifestLoading();
      for (const [discontinuity, { initPts, timescale }] of anchors) {
        this.initPTS[discontinuity] = { baseTime: initPts, timescale, trackId: -1 };
      }
    }
  };
}

/** @param {{ code?: number } | undefined} response */
function networkDetail(response) {
  return response?.code ? `The service answered ${response.code}.` : 'The service cannot be reached.';
}

/** @param {string} details */
function isCodecError(details) {
  return /codec/i.test(details);
}

/** @param {any} error */
function mediaDetail({ details, mimeType, reason, error }) {
  if (isCodecError(details)) return `This browser cannot play ${mimeType ?? 'the codec of this recording'}.`;
  return `The recording cannot be played (${reason ?? error?.message ?? details}).`;
}
