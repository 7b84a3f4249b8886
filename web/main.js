/**
 * Puts the page together: the cameras, the player, the timeline, the address. Each of them knows only itself; what one of
 * them says to another passes through here.
 */

import { Address } from './address.js';
import { Problem } from './api.js';
import { readSpan } from './archive.js';
import { CameraList } from './cameras.js';
import { element } from './dom.js';
import { HlsEngine } from './engine-hls.js';
import { canPlayNatively, NativeEngine } from './engine-native.js';
import * as explain from './explain.js';
import { Footage } from './footage.js';
import { exposeToTests } from './hooks.js';
import { describeKeys, listenForKeys } from './keyboard.js';
import { keysOf } from './keys.js';
import { readLink } from './link.js';
import { LiveTab } from './live-tab.js';
import { Notices } from './notices.js';
import { Picker } from './picker.js';
import { Player, RATES } from './player.js';
import { bufferedRanges } from './playhead.js';
import { loadPreferences, savePreferences } from './preferences.js';
import { Timeline } from './timeline.js';
import { formatDuration, formatForReading, HOUR, MINUTE, SECOND } from './time.js';
import { Transport } from './transport.js';

/** Where a camera is opened that nobody asked a moment of: so long before its newest footage ends. */
const NEWEST = 10 * MINUTE;

/** Going back within so much of a recording's start means the one before. */
const START_OF_RECORDING = 3 * SECOND;
const REFRESH_CAMERAS_MS = 30_000;

export class Page {
  constructor() {
    this.preferences = loadPreferences();
    this.link = readLink(location.search);
    /** What hls.js complained about, for tests and the curious.  @type {object[]} */
    this.errors = [];

    this.viewer = element('viewer', HTMLElement);
    this.video = element('video', HTMLVideoElement);
    this.still = element('still', HTMLCanvasElement);
    this.cameraName = element('camera-name', HTMLElement);
    this.notices = new Notices();
    this.footage = new Footage({
      onCameras: () => this.list.show(this.footage.cameras, this.preferences.zone),
      onArchive: () => this.#onArchive(),
      onTrouble: (text) => this.notices.toast(text),
    });
    this.list = new CameraList((id) => this.openCamera(id));
    this.picker = new Picker((us) => this.goTo(us));
    this.timeline = new Timeline({ onSeek: (us) => this.seek(us), onView: (view) => this.footage.loadView(view) });
    this.transport = new Transport(this.#transportActions());
    this.player = new Player(this.video, {
      createEngine: (plan, events) => this.#createEngine(plan, events),
      windowUs: this.link.windowUs,
      recordedFrom: (us) => this.footage.recordedFrom(us),
      recordedUpTo: (us) => this.footage.recordedUpTo(us),
    });
    this.live = new LiveTab(this.video, {
      notices: this.notices,
      onSwitch: (view) => this.setView(view),
      onState: () => this.#showState(),
      onWaiting: (reason) => this.#showWaiting(reason),
      mode: () => this.mode,
    });
    this.address = new Address(() => {
      const { archive } = this.footage;
      return archive && { cameraId: archive.cameraId, us: this.player.wallUs, isLive: this.live.isOn };
    });
    this.video.muted = this.preferences.muted;
    this.#listenToPlayer();
    this.#listenToPage();
    const keys = keysOf(this);
    listenForKeys(keys);
    describeKeys(keys);
  }

  /** How the recordings are played on this browser.  @returns {'hls.js' | 'native' | 'none'} */
  get mode() {
    const { Hls } = /** @type {any} */ (window);
    if (!this.link.native && Hls?.isSupported()) return 'hls.js';
    return canPlayNatively(this.video) ? 'native' : 'none';
  }

  async start() {
    this.#showState();
    this.setZone(this.preferences.zone);
    if (this.mode === 'none') return explain.explainNoPlayer(this.notices);
    this.notices.wait(true);
    const problem = await this.footage.load((reason) => this.notices.wait(true, reason));
    this.notices.wait(false);
    if (problem) return explain.explainNoList(this.notices, problem.message);
    if (this.link.badTime) this.notices.toast('The time in the link cannot be read.');
    this.player.surroundings.windowUs = Math.min(this.link.windowUs, this.footage.longestRangeUs);
    this.player.wantsToPlay = !this.link.paused;
    this.live.offer(this.footage.live, this.link.live);
    setInterval(() => document.hidden || this.footage.refresh(), REFRESH_CAMERAS_MS);
    const wanted = this.link.camera ?? this.footage.firstCamera;
    if (wanted === null) explain.explainNoCameras(this.notices);
    else this.openCamera(wanted, this.link.us);
  }

  /**
   * Shows a camera: at a moment, else at the moment that is on screen if the camera has it, else its newest footage.
   *
   * @param {string} cameraId
   * @param {number | null} [wantedUs]
   */
  openCamera(cameraId, wantedUs = null) {
    const extent = this.footage.extentOf(cameraId);
    this.timeline.setArchive(this.footage.choose(cameraId));
    this.footage.loadView(this.timeline.view);
    this.list.choose(cameraId);
    this.cameraName.textContent = cameraId;
    document.title = `${cameraId} – Playback`;
    const us = wantedUs ?? this.#usualMoment(extent);
    if (this.live.isOn) {
      if (us !== null) this.#showInTimeline(us, extent);
      return this.#watch(cameraId);
    }
    if (this.footage.isUnseen(cameraId)) return this.#lookFor(cameraId, wantedUs);
    if (us === null) {
      this.player.close();
      const watchLive = this.live.isPossible ? () => this.setView('live') : null;
      return explain.explainEmptyCamera(this.notices, cameraId, this.footage.knows(cameraId), watchLive);
    }
    this.#showInTimeline(us, extent);
    this.goTo(us);
  }

  /**
   * Opens a camera once it is known whether there is footage of it.
   *
   * @param {string} cameraId
   * @param {number | null} wantedUs
   */
  async #lookFor(cameraId, wantedUs) {
    this.player.close();
    this.notices.clearPanel();
    this.notices.wait(true, `Looking for footage of ${cameraId}…`);
    const problem = await this.footage.find(cameraId);
    this.notices.wait(false);
    // Somebody may have gone elsewhere meanwhile.
    if (cameraId !== this.footage.archive?.cameraId || this.live.isOn) return;
    if (!problem) this.openCamera(cameraId, wantedUs);
    else explain.explainFailure(this.notices, problem.message, () => this.openCamera(cameraId, wantedUs));
  }

  /** Goes to a moment of the chosen camera, and takes the timeline along.  @param {number} us */
  goTo(us) {
    this.timeline.reveal(us);
    this.seek(us);
  }

  /** @param {number} us */
  seek(us) {
    const { archive } = this.footage;
    if (!archive) return;
    this.notices.clearPanel();
    this.#leaveLive();
    if (this.player.cameraId === archive.cameraId) this.player.seek(us);
    else this.player.open(archive.cameraId, us);
    this.address.updateSoon();
  }

  /** Shows the chosen camera live, or what is recorded of it.  @param {import('./live-view.js').View} view */
  setView(view) {
    const cameraId = this.footage.archive?.cameraId;
    if ((view === 'live') === this.live.isOn || !cameraId) return;
    if (view === 'recorded') this.#leaveLive();
    else this.live.choose();
    this.openCamera(cameraId, this.player.wallUs);
  }

  switchView() {
    if (this.live.isOn) this.setView('recorded');
    else if (this.live.isPossible) this.setView('live');
  }

  toggle() {
    this.#shown.toggle();
  }

  /** @param {import('./time.js').Zone} zone */
  setZone(zone) {
    this.preferences.zone = zone;
    savePreferences(this.preferences);
    for (const radio of zoneRadios()) radio.checked = radio.value === zone;
    this.timeline.setZone(zone);
    this.list.show(this.footage.cameras, zone);
    this.#showMoment();
  }

  toggleSound() {
    this.video.muted = !this.video.muted;
    this.preferences.muted = this.video.muted;
    savePreferences(this.preferences);
  }

  /** @param {number} steps  faster or slower by so many */
  changeRate(steps) {
    if (this.live.isOn) return;
    const at = Math.min(Math.max(RATES.indexOf(this.player.rate) + steps, 0), RATES.length - 1);
    this.player.setRate(RATES[at]);
    this.notices.toast(`Speed ${RATES[at]}×`);
  }

  /** @param {number} us */
  skipBy(us) {
    if (this.player.wallUs !== null && !this.live.isOn) this.seek(this.player.wallUs + us);
  }

  /** To the start of the next recording, or of this one, or of the one before.  @param {1 | -1} direction */
  async skipRecording(direction) {
    const { player, footage: { archive } } = this;
    if (!archive || player.wallUs === null || this.live.isOn) return;
    const us = player.wallUs;
    try {
      const start = await (direction > 0 ? archive.nextStart(us) : archive.previousStart(us - START_OF_RECORDING));
      if (archive !== this.footage.archive) return;
      if (start !== null) this.goTo(start);
      else this.notices.toast(direction > 0 ? 'This is the last recording.' : 'This is the first recording.');
    } catch (error) {
      if (error instanceof Problem) this.notices.toast(error.message);
    }
  }

  async copyLink() {
    if (await this.address.copy()) this.notices.toast('Link copied.');
  }

  /** Brings the timeline back to the moment on screen. */
  centre() {
    if (this.player.wallUs !== null) this.timeline.showAround(this.player.wallUs);
  }

  openHelp() {
    element('help', HTMLDialogElement).showModal();
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.viewer.requestFullscreen) this.viewer.requestFullscreen();
    // Phones that cannot show an element show the video.
    else /** @type {any} */ (this.video).webkitEnterFullscreen?.();
  }

  /** @param {import('./session.js').Plan} plan  @param {import('./engine-hls.js').EngineEvents} events */
  #createEngine(plan, events) {
    if (this.mode === 'native') return new NativeEngine(this.video, plan, events);
    const { Hls } = /** @type {any} */ (window);
    return new HlsEngine(Hls, this.video, plan, { ...events, onError: (error) => this.errors.push(error) });
  }

  /** @param {string} cameraId */
  #watch(cameraId) {
    this.player.close();
    this.live.open(cameraId);
    this.address.updateSoon();
  }

  #leaveLive() {
    if (!this.live.isOn) return;
    this.live.leave();
    this.player.setRate(this.player.rate);
    this.address.updateSoon();
  }

  /** @param {number} us  @param {import('./spans.js').Span | null} extent */
  #showInTimeline(us, extent) {
    if (!extent || (this.timeline.nowUs !== null && isWithin(this.timeline.view, us))) return;
    const isShort = extent.endUs - extent.startUs < HOUR;
    if (isShort && isWithin(extent, us)) this.timeline.showAll(extent);
    else this.timeline.showAround(us, HOUR);
  }

  /** @param {import('./spans.js').Span | null} extent  @returns {number | null} */
  #usualMoment(extent) {
    if (!extent) return null;
    const { wallUs } = this.player;
    if (wallUs !== null && isWithin(extent, wallUs)) return wallUs;
    return Math.max(extent.startUs, extent.endUs - NEWEST);
  }

  #listenToPlayer() {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      this.player.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on('frame', () => this.#onFrame());
    on('state', () => this.#showState());
    on('session', () => this.#onSession());
    on('skipped', ({ fromUs, toUs }) => this.#tellSkipped(fromUs, toUs));
    on('notice', (text) => this.notices.toast(text));
    on('waiting', (reason) => this.#showWaiting(reason));
    on('nothing', ({ us, nearest }) => this.#explainGap(us, nearest));
    on('problem', (detail) => explain.explainFailure(this.notices, detail, () => this.#tryAgain()));
    this.video.addEventListener('volumechange', () => this.#showState());
    this.video.addEventListener('progress', () => this.#showBuffered());
    this.video.addEventListener('loadedmetadata', () => this.#showRemarks());
  }

  #listenToPage() {
    for (const radio of zoneRadios()) {
      radio.addEventListener('change', () => this.setZone(radio.value === 'local' ? 'local' : 'utc'));
    }
    for (const button of document.querySelectorAll('[data-zoom-seconds]')) {
      const lengthUs = Number(button.getAttribute('data-zoom-seconds')) * SECOND;
      button.addEventListener('click', () => this.#zoomTo(lengthUs));
    }
    const onClick = (/** @type {string} */ id, /** @type {() => void} */ act) =>
      element(id, HTMLElement).addEventListener('click', act);
    onClick('zoom-all', () => this.#showAll());
    onClick('zoom-in', () => this.timeline.zoomBy(0.5));
    onClick('zoom-out', () => this.timeline.zoomBy(2));
    onClick('centre', () => this.centre());
    onClick('help-open', () => this.openHelp());
    onClick('video', () => this.toggle());
    window.addEventListener('online', () => this.#shown.retryNow());
    window.addEventListener('pagehide', () => this.#shown.close());
    // A page that comes back out of the browser's memory has given its session away.
    window.addEventListener('pageshow', (event) => event.persisted && this.#shown.reopen());
  }

  /** @returns {import('./transport.js').Actions} */
  #transportActions() {
    return {
      toggle: () => this.toggle(),
      step: (direction) => this.player.step(direction),
      skip: (direction) => this.skipRecording(direction),
      setRate: (rate) => this.player.setRate(rate),
      toggleSound: () => this.toggleSound(),
      copyLink: () => this.copyLink(),
      toggleFullScreen: () => this.toggleFullScreen(),
    };
  }

  #onArchive() {
    this.timeline.draw();
    this.#showRemarks();
  }

  #onFrame() {
    this.#showMoment();
    if (this.player.state === 'playing') this.address.updateSoon();
    if (this.player.playhead?.targetUs === null) this.still.hidden = true;
  }

  #onSession() {
    const { plan } = this.player;
    this.timeline.setSession(plan && { startUs: plan.startUs, endUs: plan.endUs });
    this.#showRemarks();
  }

  #showMoment() {
    const { wallUs } = this.player;
    if (wallUs === null) return;
    this.transport.showTime(wallUs, this.preferences.zone);
    this.picker.show(wallUs, this.preferences.zone);
    this.timeline.setMoment(wallUs);
  }

  /** Whoever has the video element. */
  get #shown() {
    return this.live.isOn ? this.live.player : this.player;
  }

  #showState() {
    const { state, wantsToPlay } = this.#shown;
    const { rate } = this.player;
    const isLive = this.live.isOn;
    if (state === 'opening' && !isLive) this.#keepStill();
    if (state === 'failed' || state === 'empty' || isLive) this.still.hidden = true;
    if (state !== 'failed') this.notices.clearPanel();
    this.viewer.dataset.state = state;
    this.viewer.dataset.mode = this.mode;
    const canPlay = state !== 'empty' && state !== 'failed';
    this.transport.show({
      canPlay,
      canMove: canPlay && !isLive,
      canSkip: this.footage.archive?.extent != null && !isLive,
      isPlaying: wantsToPlay && canPlay && state !== 'ended',
      rate,
      muted: this.video.muted,
    });
    this.notices.wait(state === 'opening' || state === 'buffering');
    if (state === 'paused') this.address.updateSoon();
    this.live.show();
  }

  /** @param {string | null} reason */
  #showWaiting(reason) {
    const { state } = this.#shown;
    if (reason !== null) this.notices.wait(true, `${reason} Trying again…`);
    else this.notices.wait(state === 'opening' || state === 'buffering');
  }

  #showBuffered() {
    const frame = this.player.playhead?.frame;
    if (!frame) return;
    const range = bufferedRanges(this.video).find(({ start, end }) => frame.seconds >= start && frame.seconds < end);
    const wallAt = (/** @type {number} */ seconds) => frame.wallUs + (seconds - frame.seconds) * SECOND;
    this.timeline.setBuffered(range ? { startUs: wallAt(range.start), endUs: wallAt(range.end) } : null);
  }

  /** Between two sessions the last picture stays on screen instead of black. */
  #keepStill() {
    const { video, still } = this;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return;
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext('2d')?.drawImage(video, 0, 0);
    still.hidden = false;
  }

  #showRemarks() {
    const remarks = [];
    if (this.mode === 'native' && !this.link.native) {
      remarks.push('Playing with the browser’s own HLS: this build of the service has no hls.js.');
    }
    if (this.video.readyState >= HTMLMediaElement.HAVE_METADATA && this.video.videoWidth === 0) {
      remarks.push('This recording has sound, but no picture.');
    }
    for (const text of this.player.plan?.leftOut ?? []) remarks.push(`Not played: ${text}`);
    for (const [id, detail] of this.footage.archive?.unreadable ?? []) remarks.push(`${id} cannot be read: ${detail}`);
    this.notices.remark(remarks);
  }

  /** @param {number} fromUs  @param {number} toUs */
  #tellSkipped(fromUs, toUs) {
    const to = formatForReading(toUs, this.preferences.zone);
    this.notices.toast(`Nothing recorded for ${formatDuration(toUs - fromUs)}: went on at ${to}`);
  }

  /**
   * @param {number} us
   * @param {{ before: import('./api.js').StretchJson | null, after: import('./api.js').StretchJson | null } | null} nearest
   */
  async #explainGap(us, nearest) {
    const { player, footage: { archive } } = this;
    if (!archive) return;
    const { wish } = player;
    const found = nearest
      ? { before: nearest.before && readSpan(nearest.before), after: nearest.after && readSpan(nearest.after) }
      : await archive.nearest(us).catch(() => ({ before: null, after: null }));
    if (wish === player.wish) explain.explainGap(this.notices, us, found, this.preferences.zone, (at) => this.goTo(at));
  }

  #tryAgain() {
    this.notices.clearPanel();
    this.player.reopen();
  }

  #showAll() {
    const extent = this.footage.archive?.extent;
    if (extent) this.timeline.showAll(extent);
  }

  /** @param {number} lengthUs */
  #zoomTo(lengthUs) {
    const { view } = this.timeline;
    this.timeline.showAround(this.player.wallUs ?? (view.startUs + view.endUs) / 2, lengthUs);
  }

}

/** @returns {NodeListOf<HTMLInputElement>} */
function zoneRadios() {
  return document.querySelectorAll('input[name="zone"]');
}

/** @param {import('./spans.js').Span} span  @param {number} us */
function isWithin({ startUs, endUs }, us) {
  return us >= startUs && us < endUs;
}

const page = new Page();
exposeToTests(page);
page.start();
