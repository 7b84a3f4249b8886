/**
 * Reading and writing moments.
 *
 * A moment is a whole number of microseconds since 1970 UTC, in a plain number: exact until the year 2255, and fine
 * enough to tell any two frames apart.
 *
 * @typedef {'utc' | 'local'} Zone  How moments are shown. Nothing but the display depends on it.
 */

export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[Tt ]+(\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)\s*(Z|z|[+-]\d\d:?\d\d)?)?$/;
const TIME_OF_DAY = /^(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?$/;

/**
 * Reads an RFC 3339 time; a blank instead of the `T`, a missing time of day and a missing zone are forgiven.
 *
 * @param {string} text
 * @param {Zone} [zone]  what is meant where the text names no zone
 * @returns {number | null}
 */
export function parseMoment(text, zone = 'utc') {
  const match = MOMENT.exec(text.trim());
  if (!match) return null;
  const [, date, timeOfDay = '00:00:00', offset] = match;
  if (offset === undefined) return momentAt(date, timeOfDay, zone);
  const us = momentAt(date, timeOfDay, 'utc');
  return us === null ? null : us - offsetMinutes(offset) * MINUTE;
}

/**
 * The moment at which a clock in `zone` shows this date and time.
 *
 * @param {string} date  YYYY-MM-DD
 * @param {string} timeOfDay  HH:MM, HH:MM:SS or HH:MM:SS.fraction
 * @param {Zone} zone
 * @returns {number | null}  null where there is no such date or time
 */
export function momentAt(date, timeOfDay, zone) {
  const time = TIME_OF_DAY.exec(timeOfDay.trim());
  const [year, month, day] = date.split('-').map(Number);
  if (!time || !(year > 0)) return null;
  const [hours, minutes, seconds] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return null;
  const milliseconds =
    zone === 'utc'
      ? Date.UTC(year, month - 1, day, hours, minutes, seconds)
      : new Date(year, month - 1, day, hours, minutes, seconds).getTime();
  return Number.isFinite(milliseconds) ? milliseconds * MILLISECOND + fractionUs(time[4]) : null;
}

/** @param {number} us  @returns {string}  RFC 3339 in UTC with microseconds */
export function formatMoment(us) {
  const { date, time, fraction } = clockFace(us, 'utc');
  return `${date}T${time}.${fraction}Z`;
}

/**
 * RFC 3339 in UTC with milliseconds, rounded up: a link cut off below the start of its frame would open on the frame
 * before.
 *
 * @param {number} us
 */
export function formatMomentForLink(us) {
  return formatMoment(Math.ceil(us / MILLISECOND) * MILLISECOND).replace(/\d{3}Z$/, 'Z');
}

/**
 * What a clock in `zone` shows.
 *
 * @param {number} us
 * @param {Zone} zone
 * @returns {{ date: string, time: string, fraction: string, zone: string }}  the fraction has six digits
 */
export function clockFace(us, zone) {
  const offset = zoneOffsetMinutes(us, zone);
  const shown = new Date(Math.floor(us / MILLISECOND) + offset * 60_000).toISOString();
  const inSecond = ((us % SECOND) + SECOND) % SECOND;
  return {
    date: shown.slice(0, 10),
    time: shown.slice(11, 19),
    fraction: String(inSecond).padStart(6, '0'),
    zone: zone === 'utc' ? 'UTC' : `UTC${formatOffset(offset)}`,
  };
}

/** @param {number} us  @param {Zone} zone  @returns {string} date, time and zone, to the second */
export function formatForReading(us, zone) {
  const face = clockFace(us, zone);
  return `${face.date} ${face.time} ${face.zone}`;
}

/**
 * A stretch of time with its zone, without saying the day twice.
 *
 * @param {{ startUs: number, endUs: number }} stretch
 * @param {Zone} zone
 */
export function formatStretch({ startUs, endUs }, zone) {
  const from = clockFace(startUs, zone);
  const to = clockFace(endUs, zone);
  const end = from.date === to.date ? to.time : `${to.date} ${to.time}`;
  return `${from.date} ${from.time} – ${end} ${to.zone}`;
}

/**
 * A stretch of time at a glance: days where it spans several, else minutes.
 *
 * @param {{ startUs: number, endUs: number }} stretch
 * @param {Zone} zone
 */
export function formatExtent({ startUs, endUs }, zone) {
  const from = clockFace(startUs, zone);
  const to = clockFace(endUs, zone);
  if (from.date !== to.date) return `${from.date} – ${to.date} ${to.zone}`;
  return `${from.date} ${from.time.slice(0, 5)} – ${to.time.slice(0, 5)} ${to.zone}`;
}

/** @param {number} us  @returns {string} the two largest units, as in "2 h 5 min" */
export function formatDuration(us) {
  const units = /** @type {const} */ ([['d', DAY], ['h', HOUR], ['min', MINUTE], ['s', SECOND]]);
  let rest = Math.round(us / SECOND) * SECOND;
  const words = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${count} ${name}`);
  }
  return words.slice(0, 2).join(' ') || '0 s';
}

/** @param {number} us  @param {Zone} zone  @returns {number} minutes east of Greenwich */
export function zoneOffsetMinutes(us, zone) {
  return zone === 'utc' ? 0 : -new Date(us / MILLISECOND).getTimezoneOffset();
}

/** @param {number} minutes */
function formatOffset(minutes) {
  const size = Math.abs(minutes);
  const [hours, rest] = [Math.floor(size / 60), size % 60];
  return `${minutes < 0 ? '−' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
}

/** @param {string} offset  Z or ±HH:MM */
function offsetMinutes(offset) {
  if (offset === 'Z' || offset === 'z') return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return offset[0] === '-' ? -minutes : minutes;
}

/** @param {string | undefined} digits  what follows the decimal point */
function fractionUs(digits = '') {
  return Number(digits.padEnd(6, '0').slice(0, 6));
}
