/**
 * What is recorded of one camera, as far as the page has asked. The timeline shows it, and moving from recording to
 * recording needs it. A camera has months of recordings, so only what comes into view is loaded.
 */

import { fetchRecordings } from './api.js';
import { SpanSet } from './spans.js';
import { DAY, HOUR, MILLISECOND, parseMoment } from './time.js';

/** How much is asked for at once: a day of one-minute files is an answer of about half a megabyte. */
const LONGEST_REQUEST = 7 * DAY;

/** @typedef {import('./spans.js').Span} Span */

export class Archive {
  /**
   * @param {string} cameraId
   * @param {Span | null} extent  from the first to the last recorded moment; null: nothing is recorded
   * @param {() => void} onChange
   */
  constructor(cameraId, extent, onChange) {
    this.cameraId = cameraId;
    this.extent = extent;
    this.onChange = onChange;
    this.recorded = new SpanSet();
    this.asked = new SpanSet();
    /** Starts of recordings.  @type {Set<number>} */
    this.starts = new Set();
    /** @type {Map<string, string>} */
    this.unreadable = new Map();
    this.abort = new AbortController();
  }

  /** No answer that is still under way will be looked at. */
  close() {
    this.abort.abort();
  }

  /**
   * Loads what is missing in a range.
   *
   * @param {Span} range
   */
  async load(range) {
    const within = this.#withinExtent(range);
    if (!within) return;
    for (const hole of this.asked.holesIn(within)) {
      for (let startUs = hole.startUs; startUs < hole.endUs; startUs += LONGEST_REQUEST) {
        await this.#ask({ startUs, endUs: Math.min(startUs + LONGEST_REQUEST, hole.endUs) });
      }
    }
  }

  /**
   * The start of the next recording, however far away.
   *
   * @param {number} us
   * @returns {Promise<number | null>}
   */
  async nextStart(us) {
    return this.#seekStart(us, 1);
  }

  /** @param {number} us  @returns {Promise<number | null>} the start of the last recording that began before */
  async previousStart(us) {
    return this.#seekStart(us, -1);
  }

  /** The moment itself where it was recorded, else the next one that was.  @param {number} us  @returns {Promise<number | null>} */
  async recordedFrom(us) {
    await this.load({ startUs: us, endUs: us + HOUR });
    return this.recorded.at(us) ? us : this.nextStart(us);
  }

  /** The moment itself where it was recorded, else the last one that was.  @param {number} us  @returns {Promise<number | null>} */
  async recordedUpTo(us) {
    if ((await this.previousStart(us)) === null) return null;
    const span = this.recorded.spans.findLast(({ startUs }) => startUs < us);
    return span ? Math.min(us, span.endUs - MILLISECOND) : null;
  }

  /** What is recorded before and after a moment.  @param {number} us */
  async nearest(us) {
    const [before, after] = await Promise.all([this.previousStart(us), this.nextStart(us)]);
    const spanAt = (/** @type {number | null} */ at) => (at === null ? null : this.recorded.at(at));
    return { before: spanAt(before), after: spanAt(after) };
  }

  /** The camera goes on recording: what was the end may not be it any more.  @param {Span} extent */
  grow(extent) {
    if (this.extent && extent.endUs <= this.extent.endUs) return false;
    this.extent = extent;
    this.onChange();
    return true;
  }

  /** @param {number} us  @param {1 | -1} direction */
  async #seekStart(us, direction) {
    if (!this.extent) return null;
    let reach = DAY;
    for (;;) {
      const range = direction > 0 ? { startUs: us, endUs: us + reach } : { startUs: us - reach, endUs: us };
      await this.load(range);
      const found = this.#nearestStart(us, direction);
      if (found !== null) return found;
      if (range.startUs <= this.extent.startUs && direction < 0) return null;
      if (range.endUs >= this.extent.endUs && direction > 0) return null;
      reach *= 4;
    }
  }

  /** @param {number} us  @param {1 | -1} direction */
  #nearestStart(us, direction) {
    let nearest = null;
    for (const start of this.starts) {
      const distance = (start - us) * direction;
      if (distance > 0 && (nearest === null || distance < (nearest - us) * direction)) nearest = start;
    }
    return nearest;
  }

  /** @param {Span} range  @returns {Span | null} */
  #withinExtent(range) {
    if (!this.extent) return null;
    const startUs = Math.max(range.startUs, this.extent.startUs);
    const endUs = Math.min(range.endUs, this.extent.endUs);
    return endUs > startUs ? { startUs, endUs } : null;
  }

  /** @param {Span} range */
  async #ask(range) {
    const answer = await fetchRecordings(this.cameraId, range, this.abort.signal);
    this.asked.add([range]);
    this.recorded.add(answer.spans.map(readSpan));
    for (const { start_time: start } of answer.recordings) this.starts.add(parseMoment(start) ?? NaN);
    for (const { id, detail } of answer.unreadable ?? []) this.unreadable.set(id, detail);
    this.onChange();
  }
}

/** @param {import('./api.js').StretchJson} stretch  @returns {Span} */
export function readSpan({ start_time: start, end_time: end }) {
  return { startUs: parseMoment(start) ?? NaN, endUs: parseMoment(end) ?? NaN };
}

/** @param {import('./api.js').CameraJson} camera  @returns {Span | null} */
export function extentOf({ first, last }) {
  return first && last ? readSpan({ start_time: first, end_time: last }) : null;
}
