/** Live view as the page has it: who watches, the switch to it, and what is said of it. */

import { startLive, stopSession } from './api.js';
import { explainNoLive } from './explain.js';
import { LiveHls, LiveWebRtc } from './live-engines.js';
import { LiveView } from './live-view.js';
import { LivePlayer, playable } from './live.js';
import { Retries } from './retries.js';

/**
 * @typedef {Object} LiveSurroundings
 * @property {import('./notices.js').Notices} notices
 * @property {(view: import('./live-view.js').View) => void} onSwitch  somebody wants to see the one or the other
 * @property {() => void} onState
 * @property {(reason: string | null) => void} onWaiting
 * @property {() => 'hls.js' | 'native' | 'none'} mode  how this browser plays HLS
 */

export class LiveTab {
  /**
   * @param {HTMLVideoElement} video
   * @param {LiveSurroundings} surroundings
   */
  constructor(video, surroundings) {
    this.video = video;
    this.surroundings = surroundings;
    this.view = new LiveView(surroundings.onSwitch);
    this.player = new LivePlayer(video, {
      start: startLive,
      stop: stopSession,
      createEngine: (format, url, events) => this.#createEngine(format, url, events),
      createRetries: (onWait) => new Retries(onWait),
    });
    this.#listen();
  }

  /** Whether the page shows a camera live now. */
  get isOn() {
    return this.view.isOn;
  }

  /** Whether it could. */
  get isPossible() {
    return this.player.formats.length > 0;
  }

  /**
   * @param {string[]} formats  what the service offers
   * @param {string | null} wanted  what the address asks for
   */
  offer(formats, wanted) {
    const hls = this.surroundings.mode() !== 'none';
    this.player.formats = playable(formats, { webrtc: 'RTCPeerConnection' in window, hls }, wanted);
    this.view.offer(this.isPossible);
    if (wanted === null) return;
    if (this.isPossible) this.choose();
    else this.surroundings.notices.toast('This service does not show cameras live.');
  }

  /** From now on cameras are shown live. */
  choose() {
    this.view.choose('live');
  }

  /** @param {string} cameraId */
  open(cameraId) {
    this.video.defaultPlaybackRate = 1;
    this.video.playbackRate = 1;
    this.surroundings.notices.clearPanel();
    this.player.open(cameraId);
  }

  leave() {
    this.player.close();
    this.view.choose('recorded');
    this.surroundings.notices.clearPanel();
  }

  /** Tells in the bar below the picture how it is. */
  show() {
    if (this.isOn) this.view.show(this.player);
  }

  /**
   * @param {import('./live.js').Format} format
   * @param {string} url
   * @param {import('./live-engines.js').LiveEvents} events
   */
  #createEngine(format, url, events) {
    if (format === 'webrtc') return new LiveWebRtc(this.video, url, events);
    const library = this.surroundings.mode() === 'hls.js' ? /** @type {any} */ (window).Hls : null;
    return new LiveHls(library, this.video, url, events);
  }

  #listen() {
    const { notices, onSwitch, onState, onWaiting } = this.surroundings;
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      this.player.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on('state', onState);
    on('waiting', onWaiting);
    on('notice', (text) => notices.toast(text));
    on('problem', (detail) => explainNoLive(notices, detail, () => this.player.reopen(), () => onSwitch('recorded')));
  }
}
