/** The cameras, and what is recorded of the chosen one: loaded, kept up to date, asked. */

import { fetchCameras, findNewest, Problem } from './api.js';
import { Archive, extentOf, readSpan } from './archive.js';
import { DAY, SECOND } from './time.js';

const RETRY_MS = 5_000;
const LOAD_VIEW_AFTER_MS = 150;

/** How far back footage is looked for where nobody says when it began. */
const LONGEST_ARCHIVE = 180 * DAY;

/**
 * @typedef {import('./spans.js').Span} Span
 *
 * @typedef {Object} FootageEvents
 * @property {() => void} onCameras  the list has changed
 * @property {() => void} onArchive  more is known of the chosen camera
 * @property {(text: string) => void} onTrouble
 */

export class Footage {
  /** @param {FootageEvents} events */
  constructor(events) {
    this.events = events;
    /** @type {import('./api.js').CameraJson[]} */
    this.cameras = [];
    this.longestRangeUs = Infinity;
    /** In which formats cameras can be watched live.  @type {string[]} */
    this.live = [];
    /** Of cameras whose footage the list does not tell of, what was found of it.  @type {Map<string, Span | null>} */
    this.found = new Map();
    /** Of the chosen camera.  @type {Archive | null} */
    this.archive = null;
    /** What is to be loaded.  @type {Span | null} */
    this.view = null;
    this.viewTimer = 0;
  }

  /**
   * Loads the list of cameras, however long that takes.
   *
   * @param {(reason: string) => void} onWait
   * @returns {Promise<Problem | null>}  what made it hopeless
   */
  async load(onWait) {
    for (;;) {
      try {
        const { cameras, limits, live = [] } = await fetchCameras();
        this.live = live;
        this.longestRangeUs = limits.max_range_seconds * SECOND;
        this.#setCameras(cameras);
        return null;
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(String(error), { status: 400 });
        if (!problem.passing) return problem;
        onWait(`${problem.message} Trying again…`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Cameras go on recording while somebody watches. */
  async refresh() {
    const answer = await fetchCameras().catch(() => null);
    if (!answer) return;
    this.#setCameras(answer.cameras);
    if (this.archive && this.found.has(this.archive.cameraId)) await this.find(this.archive.cameraId);
    const extent = this.archive && this.extentOf(this.archive.cameraId);
    if (extent && this.archive?.grow(extent)) this.loadView();
  }

  /** @param {string} cameraId  @returns {Archive} */
  choose(cameraId) {
    if (this.archive?.cameraId !== cameraId) {
      this.archive?.close();
      this.archive = new Archive(cameraId, this.extentOf(cameraId), this.events.onArchive);
    }
    return this.archive;
  }

  /** @param {string} cameraId */
  knows(cameraId) {
    return this.found.has(cameraId) || this.cameras.some(({ id }) => id === cameraId);
  }

  /** @param {string} cameraId  @returns {Span | null} */
  extentOf(cameraId) {
    const camera = this.cameras.find(({ id }) => id === cameraId);
    return (camera && extentOf(camera)) ?? this.found.get(cameraId) ?? null;
  }

  /** Whether nobody has said yet whether there is footage of a camera.  @param {string} cameraId */
  isUnseen(cameraId) {
    const camera = this.cameras.find(({ id }) => id === cameraId);
    return !this.found.has(cameraId) && (camera?.recordings ?? null) === null;
  }

  /**
   * Looks for footage of a camera of which the list does not tell.
   *
   * @param {string} cameraId
   * @returns {Promise<Problem | null>}  why nobody knows
   */
  async find(cameraId) {
    try {
      // No clock is a day wrong, and nothing is recorded tomorrow.
      const newest = await findNewest(cameraId, Date.now() * 1_000 + DAY);
      const endUs = newest && readSpan(newest).endUs;
      this.found.set(cameraId, endUs ? { startUs: endUs - LONGEST_ARCHIVE, endUs } : null);
    } catch (error) {
      return error instanceof Problem ? error : new Problem(String(error), { status: 400 });
    }
    const extent = this.extentOf(cameraId);
    if (extent && this.archive?.cameraId === cameraId) this.archive.grow(extent);
    return null;
  }

  /** @returns {string | null} */
  get firstCamera() {
    return (this.cameras.find(({ last }) => last !== null) ?? this.cameras[0])?.id ?? null;
  }

  /** The next recorded moment of the chosen camera, which may have been recorded just now.  @param {number} us */
  async recordedFrom(us) {
    const { archive } = this;
    if (archive?.extent && us >= archive.extent.endUs) await this.refresh();
    return archive?.recordedFrom(us) ?? null;
  }

  /** @param {number} us */
  async recordedUpTo(us) {
    return this.archive?.recordedUpTo(us) ?? null;
  }

  /**
   * Loads what is recorded in a view and around it, once it has come to rest.
   *
   * @param {Span | null} [view]  the same as before, unless told
   */
  loadView(view = this.view, afterMs = LOAD_VIEW_AFTER_MS) {
    this.view = view;
    clearTimeout(this.viewTimer);
    this.viewTimer = window.setTimeout(() => this.#loadView(), afterMs);
  }

  async #loadView() {
    if (!this.view) return;
    const { startUs, endUs } = this.view;
    const margin = (endUs - startUs) / 2;
    try {
      await this.archive?.load({ startUs: startUs - margin, endUs: endUs + margin });
    } catch (error) {
      if (!(error instanceof Problem)) return;
      if (error.passing) this.loadView(this.view, RETRY_MS);
      else this.events.onTrouble(error.message);
    }
  }

  /** @param {import('./api.js').CameraJson[]} cameras */
  #setCameras(cameras) {
    this.cameras = cameras;
    this.events.onCameras();
  }
}
