/** The timeline's arithmetic: pixels and moments, zooming, panning, where to put ticks. Pure. */

import { DAY, HOUR, MINUTE, SECOND, zoneOffsetMinutes } from './time.js';

/** @typedef {{ startUs: number, endUs: number }} View */

export const SHORTEST_VIEW = 20 * SECOND;
export const LONGEST_VIEW = 31 * DAY;

const STEPS = [
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 7 * DAY,
];

/** @param {View} view  @param {number} width  @param {number} us */
export function xAt(view, width, us) {
  return ((us - view.startUs) / (view.endUs - view.startUs)) * width;
}

/** @param {View} view  @param {number} width  @param {number} x */
export function usAt(view, width, x) {
  return Math.round(view.startUs + (x / width) * (view.endUs - view.startUs));
}

/**
 * Makes the view `factor` times as long; the moment at `anchorUs` stays where it is on the screen.
 *
 * @param {View} view
 * @param {number} anchorUs
 * @param {number} factor
 * @returns {View}
 */
export function zoom(view, anchorUs, factor) {
  const length = view.endUs - view.startUs;
  const longer = clamp(length * factor, SHORTEST_VIEW, LONGEST_VIEW);
  const share = (anchorUs - view.startUs) / length;
  const startUs = Math.round(anchorUs - share * longer);
  return { startUs, endUs: startUs + Math.round(longer) };
}

/** @param {View} view  @param {number} byUs  @returns {View} */
export function pan(view, byUs) {
  const by = Math.round(byUs);
  return { startUs: view.startUs + by, endUs: view.endUs + by };
}

/**
 * Keeps at least a corner of `extent` in view: nobody should get lost in years without footage.
 *
 * @param {View} view
 * @param {View | null} extent
 * @returns {View}
 */
export function keepNear(view, extent) {
  if (!extent) return view;
  const length = view.endUs - view.startUs;
  const startUs = clamp(view.startUs, extent.startUs - 0.9 * length, extent.endUs - 0.1 * length);
  return pan(view, startUs - view.startUs);
}

/** @param {number} centreUs  @param {number} lengthUs  @returns {View} */
export function viewAround(centreUs, lengthUs) {
  const length = clamp(lengthUs, SHORTEST_VIEW, LONGEST_VIEW);
  const startUs = Math.round(centreUs - length / 2);
  return { startUs, endUs: startUs + length };
}

/**
 * Ticks on round times of the zone.
 *
 * @param {View} view
 * @param {number} width
 * @param {import('./time.js').Zone} zone
 * @param {number} [pixelsApart]  room for one label
 * @returns {{ stepUs: number, ticks: number[] }}
 */
export function ticks(view, width, zone, pixelsApart = 84) {
  const wanted = ((view.endUs - view.startUs) * pixelsApart) / width;
  const stepUs = STEPS.find((step) => step >= wanted) ?? STEPS[STEPS.length - 1];
  const offset = zoneOffsetMinutes(view.startUs, zone) * MINUTE;
  const list = [];
  for (let us = Math.ceil((view.startUs + offset) / stepUs) * stepUs - offset; us < view.endUs; us += stepUs) {
    list.push(us);
  }
  return { stepUs, ticks: list };
}

/** @param {number} value  @param {number} least  @param {number} most */
export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
