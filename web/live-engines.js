/**
 * Puts a live stream into the video element.
 *
 * @typedef {Object} LiveEngine
 * @property {() => void} start
 * @property {() => void} toEdge  forgets what was missed
 * @property {number | null} latency  how many seconds it is behind, where that is known
 * @property {() => void} destroy
 *
 * @typedef {Object} LiveEvents
 * @property {() => void} onPicture  there is something to see
 * @property {(failure: import('./engine-hls.js').Failure) => void} onFailure
 */

import { Whep, WhepError } from './whep.js';

/** A camera that nobody has watched has to be called first. */
const ANSWER_MS = 8_000;
const PICTURE_MS = 6_000;

/** A media server keeps a request waiting until it has a picture. */
const FIRST_BYTE_MS = 20_000;

/** @implements {LiveEngine} */
export class LiveHls {
  /**
   * @param {any} Hls  the library; null: the browser has to do it
   * @param {HTMLVideoElement} video
   * @param {string} url
   * @param {LiveEvents} events
   */
  constructor(Hls, video, url, events) {
    this.Hls = Hls;
    this.video = video;
    this.url = url;
    this.events = events;
    this.listening = new AbortController();
    this.recoveredMedia = false;
    this.hls = null;
  }

  start() {
    listenForPicture(this);
    if (this.Hls) this.#startLibrary();
    else this.#startNatively();
  }

  /** @returns {number | null} */
  get latency() {
    const seconds = this.hls?.latency;
    return seconds > 0 ? seconds : null;
  }

  toEdge() {
    const { hls, video } = this;
    const edge = hls ? hls.liveSyncPosition : video.seekable.length > 0 && video.seekable.end(video.seekable.length - 1);
    if (edge > video.currentTime) video.currentTime = edge;
  }

  destroy() {
    this.listening.abort();
    if (this.hls) this.hls.destroy();
    else unload(this.video);
    this.hls = null;
  }

  #startLibrary() {
    const { Events, DefaultConfig } = this.Hls;
    const { manifestLoadPolicy: { default: policy } } = DefaultConfig;
    this.hls = new this.Hls({
      lowLatencyMode: true,
      backBufferLength: 30,
      manifestLoadPolicy: { default: { ...policy, maxTimeToFirstByteMs: FIRST_BYTE_MS, maxLoadTimeMs: FIRST_BYTE_MS } },
    });
    this.hls.on(Events.ERROR, (/** @type {any} */ _, /** @type {any} */ error) => this.#onError(error));
    this.hls.loadSource(this.url);
    this.hls.attachMedia(this.video);
  }

  #startNatively() {
    const { video } = this;
    const onError = () => this.events.onFailure({ kind: 'network', detail: 'The live stream broke off.' });
    video.addEventListener('error', onError, { signal: this.listening.signal });
    video.src = this.url;
  }

  /** @param {any} error */
  #onError({ type, details, fatal, response, mimeType }) {
    if (!fatal) return;
    const { ErrorTypes } = this.Hls;
    if (type === ErrorTypes.MEDIA_ERROR && !/codec/i.test(details) && !this.recoveredMedia) {
      // A decoder that stumbled once usually gets over it with a fresh start; twice is no accident.
      this.recoveredMedia = true;
      this.hls?.recoverMediaError();
    } else if (type === ErrorTypes.MEDIA_ERROR) {
      this.events.onFailure({ kind: 'media', detail: `This browser cannot play ${mimeType ?? 'the live stream'}.` });
    } else {
      this.events.onFailure({ kind: 'network', detail: networkDetail(response?.code) });
    }
  }
}

/** @implements {LiveEngine} */
export class LiveWebRtc {
  latency = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {string} url
   * @param {LiveEvents} events
   */
  constructor(video, url, events) {
    this.video = video;
    this.events = events;
    this.stream = new MediaStream();
    this.listening = new AbortController();
    this.timer = 0;
    this.whep = new Whep(url, {
      onTrack: (track) => this.stream.addTrack(track),
      onLost: () => this.#fail('The WebRTC connection was lost.'),
    });
  }

  async start() {
    listenForPicture(this, () => clearTimeout(this.timer));
    this.video.srcObject = this.stream;
    this.#failAfter(ANSWER_MS, 'The media server does not answer by WebRTC.');
    try {
      await this.whep.start();
      if (this.listening.signal.aborted || this.timer === 0) return;
      this.#failAfter(PICTURE_MS, 'No picture arrives by WebRTC.');
    } catch (error) {
      this.#fail(error instanceof WhepError ? error.message : 'WebRTC does not work here.');
    }
  }

  /** There is nothing else than the edge. */
  toEdge() {}

  destroy() {
    this.#end();
    this.whep.stop();
    for (const track of this.stream.getTracks()) track.stop();
    this.video.srcObject = null;
  }

  /** @param {number} ms  @param {string} detail */
  #failAfter(ms, detail) {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.#fail(detail), ms);
  }

  /** @param {string} detail */
  #fail(detail) {
    if (this.listening.signal.aborted) return;
    this.#end();
    this.events.onFailure({ kind: 'network', detail });
  }

  #end() {
    this.listening.abort();
    clearTimeout(this.timer);
  }
}

/**
 * @param {{ video: HTMLVideoElement, listening: AbortController, events: LiveEvents }} engine
 * @param {() => void} [also]
 */
function listenForPicture({ video, listening, events }, also = () => {}) {
  const onPicture = () => {
    also();
    events.onPicture();
  };
  video.addEventListener('loadeddata', onPicture, { signal: listening.signal });
}

/** @param {HTMLVideoElement} video */
function unload(video) {
  video.removeAttribute('src');
  video.load();
}

/** @param {number | undefined} code */
function networkDetail(code) {
  if (code === 404) return 'The media server has no picture of this camera.';
  if (code === 401 || code === 403) return 'The media server does not let this page watch.';
  return code ? `The media server answered ${code}.` : 'The media server cannot be reached.';
}
