/**
 * The timeline: what is recorded and where the gaps are, the session that is loaded, and the moment on screen.
 * Click to go there, drag to move, wheel or pinch to zoom.
 */

import { element } from './dom.js';
import { keepNear, pan, usAt, viewAround, zoom } from './geometry.js';
import { clockFace, formatDuration, formatStretch, HOUR, MINUTE, SECOND } from './time.js';
import { paintTimeline, readColours } from './timeline-paint.js';

/** @typedef {import('./spans.js').Span} Span */

/** A press that moves less than this many pixels is a click. */
const CLICK_SLOP = 5;
const WHEEL_ZOOM_PER_PIXEL = 0.0025;

export class Timeline {
  /** @param {{ onSeek: (us: number) => void, onView: (view: Span) => void }} events */
  constructor({ onSeek, onView }) {
    this.onSeek = onSeek;
    this.onView = onView;
    this.canvas = element('timeline', HTMLCanvasElement);
    this.hover = element('hover', HTMLOutputElement);
    this.range = element('view-range', HTMLSpanElement);
    this.colours = readColours();
    /** @type {Span} */
    this.view = viewAround(Date.now() * 1000, HOUR);
    /** @type {import('./time.js').Zone} */
    this.zone = 'utc';
    /** @type {import('./archive.js').Archive | null} */
    this.archive = null;
    /** @type {Span | null} */
    this.session = null;
    /** @type {Span | null} */
    this.buffered = null;
    /** @type {number | null} */
    this.nowUs = null;
    /** @type {number | null} */
    this.hoverX = null;
    /** Fingers and mouse buttons that are down.  @type {Map<number, { x: number, startX: number }>} */
    this.pointers = new Map();
    this.isDragging = false;
    this.drawRequest = 0;
    this.#listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** @param {import('./archive.js').Archive} archive  what is recorded of the camera that is now shown */
  setArchive(archive) {
    if (archive === this.archive) return;
    this.archive = archive;
    this.setSession(null);
  }

  /** @param {Span | null} session  what is open */
  setSession(session) {
    this.session = session;
    this.setBuffered(null);
  }

  /** @param {Span | null} buffered  what is loaded around the moment on screen */
  setBuffered(buffered) {
    this.buffered = buffered;
    this.draw();
  }

  /** @param {import('./time.js').Zone} zone */
  setZone(zone) {
    this.zone = zone;
    this.#describe();
    this.draw();
  }

  /** @param {number} centreUs  @param {number} [lengthUs] */
  showAround(centreUs, lengthUs = this.view.endUs - this.view.startUs) {
    this.#setView(viewAround(centreUs, lengthUs));
  }

  /** @param {Span} span  a little more than this is shown */
  showAll({ startUs, endUs }) {
    this.#setView(viewAround((startUs + endUs) / 2, Math.max(endUs - startUs, MINUTE) * 1.08));
  }

  /** Turns the page when the moment on screen has run out of it, as long as nobody looks elsewhere.  @param {number} us */
  setMoment(us) {
    const before = this.nowUs;
    this.nowUs = us;
    const { startUs, endUs } = this.view;
    const wasVisible = before !== null && before >= startUs && before < endUs;
    if (us >= endUs && wasVisible && !this.isDragging) {
      this.#setView(pan(this.view, us - startUs - (endUs - startUs) * 0.08));
    }
    this.#describe();
    this.draw();
  }

  /** Makes sure that a moment is in view.  @param {number} us */
  reveal(us) {
    const margin = (this.view.endUs - this.view.startUs) * 0.04;
    if (us < this.view.startUs + margin || us > this.view.endUs - margin) this.showAround(us);
  }

  /** @param {number} factor  below 1: closer */
  zoomBy(factor) {
    const centre = (this.view.startUs + this.view.endUs) / 2;
    const isNowVisible = this.nowUs !== null && this.nowUs > this.view.startUs && this.nowUs < this.view.endUs;
    this.#setView(zoom(this.view, isNowVisible ? /** @type {number} */ (this.nowUs) : centre, factor));
  }

  /** Draws before the next picture of the screen, however often it is asked for. */
  draw() {
    if (this.drawRequest !== 0) return;
    this.drawRequest = requestAnimationFrame(() => {
      this.drawRequest = 0;
      this.#paint();
    });
  }

  /** @param {Span} view */
  #setView(view) {
    this.view = keepNear(view, this.archive?.extent ?? null);
    this.onView(this.view);
    this.#describe();
    this.draw();
  }

  get #width() {
    return this.canvas.clientWidth || 1;
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => this.#onDown(event));
    canvas.addEventListener('pointermove', (event) => this.#onMove(event));
    canvas.addEventListener('pointerup', (event) => this.#onUp(event));
    canvas.addEventListener('pointercancel', (event) => this.#release(event));
    canvas.addEventListener('pointerleave', () => this.#setHover(null));
    canvas.addEventListener('wheel', (event) => this.#onWheel(event), { passive: false });
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, startX: event.offsetX });
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return this.#setHover(event.offsetX);
    if (Math.abs(event.offsetX - pointer.startX) > CLICK_SLOP || this.pointers.size > 1) this.isDragging = true;
    if (this.isDragging) {
      this.canvas.classList.add('is-dragging');
      this.#setHover(null);
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) this.#pinch(other.x, pointer.x, event.offsetX);
      else this.#dragBy(event.offsetX - pointer.x);
    }
    pointer.x = event.offsetX;
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    const wasClick = this.pointers.has(event.pointerId) && !this.isDragging;
    this.#release(event);
    if (wasClick) this.onSeek(usAt(this.view, this.#width, event.offsetX));
  }

  /** @param {PointerEvent} event */
  #release(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size > 0) return;
    this.isDragging = false;
    this.canvas.classList.remove('is-dragging');
  }

  /** @param {number} pixels */
  #dragBy(pixels) {
    this.#setView(pan(this.view, (-pixels / this.#width) * (this.view.endUs - this.view.startUs)));
  }

  /** @param {number} fixedX  @param {number} fromX  @param {number} toX */
  #pinch(fixedX, fromX, toX) {
    const [before, after] = [Math.abs(fromX - fixedX), Math.abs(toX - fixedX)];
    if (after < 1) return;
    this.#setView(zoom(this.view, usAt(this.view, this.#width, fixedX), before / after));
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    event.preventDefault();
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
    if (isSideways) {
      this.#dragBy(-(event.deltaX || event.deltaY) * lines);
    } else {
      const factor = Math.exp(event.deltaY * lines * WHEEL_ZOOM_PER_PIXEL);
      this.#setView(zoom(this.view, usAt(this.view, this.#width, event.offsetX), factor));
    }
    this.#setHover(event.offsetX);
  }

  /** @param {number | null} x */
  #setHover(x) {
    this.hoverX = x;
    this.hover.hidden = x === null;
    if (x !== null) this.#fillHover(x);
    this.draw();
  }

  /** @param {number} x */
  #fillHover(x) {
    const us = usAt(this.view, this.#width, x);
    const face = clockFace(us, this.zone);
    const note = document.createElement('small');
    note.textContent = this.#noteAt(us);
    this.hover.replaceChildren(`${face.date} ${face.time} ${face.zone} `, note);
    const half = this.hover.offsetWidth / 2;
    const left = Math.min(Math.max(x - half, 0), this.#width - 2 * half);
    this.hover.style.transform = `translateX(${Math.round(left)}px)`;
  }

  /** @param {number} us */
  #noteAt(us) {
    const { archive } = this;
    if (!archive?.extent || us < archive.extent.startUs || us >= archive.extent.endUs) return 'nothing recorded';
    if (archive.recorded.at(us)) return '';
    return archive.asked.at(us) ? 'not recorded' : 'loading…';
  }

  #describe() {
    const length = formatDuration(this.view.endUs - this.view.startUs);
    this.range.textContent = `${formatStretch(this.view, this.zone)} (${length})`;
    const { canvas, nowUs } = this;
    if (nowUs === null) return;
    const face = clockFace(nowUs, this.zone);
    canvas.setAttribute('aria-valuemin', String(Math.round(this.view.startUs / SECOND)));
    canvas.setAttribute('aria-valuemax', String(Math.round(this.view.endUs / SECOND)));
    canvas.setAttribute('aria-valuenow', String(Math.round(nowUs / SECOND)));
    canvas.setAttribute('aria-valuetext', `${face.date} ${face.time} ${face.zone}`);
  }

  #paint() {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.#width, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext('2d');
    if (!pen) return;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintTimeline(pen, { width, height, colours: this.colours, ...this.#scene() });
  }

  #scene() {
    const { view, zone, session, buffered, nowUs, hoverX, archive } = this;
    const extent = archive?.extent ?? null;
    const unknown = extent && archive ? archive.asked.holesIn(extent) : [];
    return { view, zone, session, buffered, nowUs, hoverX, extent, unknown, recorded: archive?.recorded.spans ?? [] };
  }
}
