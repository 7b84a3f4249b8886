/** Draws the timeline onto its canvas: from top to bottom the axis, the track of footage, and what is buffered. */

import { ticks, xAt } from './geometry.js';
import { clockFace, DAY, MINUTE } from './time.js';

/** @typedef {import('./spans.js').Span} Span */

/**
 * @typedef {Object} Scene
 * @property {number} width
 * @property {number} height
 * @property {ReturnType<typeof readColours>} colours
 * @property {Span} view
 * @property {import('./time.js').Zone} zone
 * @property {Span | null} extent  from the first to the last recorded moment; what is not recorded in it is a gap
 * @property {Span[]} recorded
 * @property {Span[]} unknown  stretches that nobody has asked the service about: neither footage nor a gap
 * @property {Span | null} session
 * @property {Span | null} buffered
 * @property {number | null} nowUs
 * @property {number | null} hoverX
 */

const AXIS_HEIGHT = 26;
const TRACK_TOP = 34;
const TRACK_BOTTOM = 14;
const BUFFERED_BOTTOM = 9;
const BUFFERED_HEIGHT = 3;
const LABEL_WIDTH = 104;
const HATCH_SIZE = 8;

/** @param {CanvasRenderingContext2D} pen  @param {Scene} scene */
export function paintTimeline(pen, scene) {
  const { width, height, colours } = scene;
  const trackHeight = height - TRACK_TOP - TRACK_BOTTOM;
  pen.clearRect(0, 0, width, height);
  if (scene.session) paintSpan(pen, scene, scene.session, AXIS_HEIGHT, height - AXIS_HEIGHT, colours.session);
  pen.fillStyle = colours.track;
  pen.fillRect(0, TRACK_TOP, width, trackHeight);
  if (scene.extent) paintSpan(pen, scene, scene.extent, TRACK_TOP, trackHeight, hatching(pen, colours));
  for (const span of scene.unknown) paintSpan(pen, scene, span, TRACK_TOP, trackHeight, colours.unknown);
  for (const span of scene.recorded) paintSpan(pen, scene, span, TRACK_TOP, trackHeight, colours.footage);
  paintAxis(pen, scene);
  if (scene.buffered) {
    paintSpan(pen, scene, scene.buffered, height - BUFFERED_BOTTOM, BUFFERED_HEIGHT, colours.buffered);
  }
  if (scene.hoverX !== null) paintLine(pen, scene.hoverX, height, colours.hover);
  if (scene.nowUs !== null) paintMoment(pen, scene, scene.nowUs);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Scene} scene
 * @param {Span} span
 * @param {number} top
 * @param {number} height
 * @param {string | CanvasPattern} colour
 */
function paintSpan(pen, { view, width }, span, top, height, colour) {
  const left = Math.max(xAt(view, width, span.startUs), -1);
  const right = Math.min(xAt(view, width, span.endUs), width + 1);
  if (right < 0 || left > width) return;
  pen.fillStyle = colour;
  // The shortest recording is still to be seen from a month away.
  pen.fillRect(left, top, Math.max(right - left, 1), height);
}

/** @param {CanvasRenderingContext2D} pen  @param {Scene} scene */
function paintAxis(pen, { view, width, height, zone, colours }) {
  const { stepUs, ticks: marks } = ticks(view, width, zone, LABEL_WIDTH);
  pen.font = `11px ${colours.digits}`;
  pen.textBaseline = 'middle';
  let day = '';
  for (const us of marks) {
    const x = Math.round(xAt(view, width, us));
    const face = clockFace(us, zone);
    const isNewDay = face.date !== day;
    day = face.date;
    pen.fillStyle = colours.tick;
    pen.fillRect(x, isNewDay ? 0 : 8, 1, height);
    const label = tickLabel(face, stepUs, isNewDay);
    if (x + 5 + pen.measureText(label).width > width) continue;
    pen.fillStyle = isNewDay ? colours.text : colours.quiet;
    pen.fillText(label, x + 5, 13);
  }
}

/** @param {{ date: string, time: string }} face  @param {number} stepUs  @param {boolean} isNewDay */
function tickLabel({ date, time }, stepUs, isNewDay) {
  const day = date.slice(5);
  const shownTime = stepUs >= MINUTE ? time.slice(0, 5) : time;
  if (stepUs >= DAY || (isNewDay && time === '00:00:00')) return day;
  return isNewDay ? `${day} ${shownTime}` : shownTime;
}

/** @param {CanvasRenderingContext2D} pen  @param {Scene} scene  @param {number} us */
function paintMoment(pen, { view, width, height, colours }, us) {
  const x = xAt(view, width, us);
  paintLine(pen, x, height, colours.moment);
  pen.beginPath();
  pen.moveTo(x - 6, AXIS_HEIGHT - 4);
  pen.lineTo(x + 6, AXIS_HEIGHT - 4);
  pen.lineTo(x, AXIS_HEIGHT + 5);
  pen.fill();
}

/** @param {CanvasRenderingContext2D} pen  @param {number} x  @param {number} height  @param {string} colour */
function paintLine(pen, x, height, colour) {
  pen.fillStyle = colour;
  pen.fillRect(Math.round(x) - 1, AXIS_HEIGHT - 4, 2, height);
}

/** @type {CanvasPattern | null} */
let hatch = null;

/** Gaps are hatched: they are known to be empty.  @param {CanvasRenderingContext2D} pen  @param {Scene['colours']} colours */
function hatching(pen, colours) {
  hatch ??= pen.createPattern(hatchTile(colours), 'repeat');
  return hatch ?? colours.gap;
}

/** @param {Scene['colours']} colours */
function hatchTile(colours) {
  const tile = document.createElement('canvas');
  tile.width = HATCH_SIZE;
  tile.height = HATCH_SIZE;
  const pen = tile.getContext('2d');
  if (!pen) return tile;
  pen.strokeStyle = colours.gap;
  pen.lineWidth = 1.5;
  // Three strokes, so that the lines meet across the edges of the tiles.
  for (const shift of [-HATCH_SIZE, 0, HATCH_SIZE]) {
    pen.moveTo(shift, HATCH_SIZE);
    pen.lineTo(shift + HATCH_SIZE, 0);
  }
  pen.stroke();
  return tile;
}

/** The colours of the style sheet, so that they stand in one place. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const get = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    text: get('--text'),
    quiet: get('--quiet'),
    digits: get('--digits'),
    footage: get('--footage-dim'),
    track: get('--track'),
    gap: get('--gap'),
    unknown: get('--unknown'),
    session: get('--session'),
    buffered: get('--footage'),
    tick: get('--tick'),
    hover: get('--hover'),
    moment: get('--moment'),
  };
}
