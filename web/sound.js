/** Finds out, from the segments at the borders of a playlist's stretches, what sound does to a browser's own HLS. */

import { timestampSeconds } from './clock.js';
import { earlySound, overhangingSound } from './playlist-clock.js';
import { TimesReader } from './ts-times.js';

/** A segment in which no sound has begun by then has none. */
const BEGINNING_BYTES = 512 * 1024;

/**
 * How much sound comes before the pictures of a stretch.
 *
 * @param {string} url  of its first segment
 * @param {AbortSignal} signal
 */
export async function readEarlySound(url, signal) {
  return earlySound(await readTimes(url, signal, (reader, bytes) => reader.hasBeginning || bytes > BEGINNING_BYTES));
}

/**
 * How much the sound of a stretch outlasts its pictures. The player has loaded the same segment, so that it comes from
 * the browser's cache.
 *
 * @param {string} url  of its last segment
 * @param {import('./session.js').Piece} piece
 * @param {AbortSignal} signal
 */
export async function readOverhang(url, piece, signal) {
  const times = await readTimes(url, signal, () => false);
  return overhangingSound(times, timestampSeconds(piece.zeroUs, piece.endUs));
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {(reader: TimesReader, bytes: number) => boolean} isEnough
 */
async function readTimes(url, signal, isEnough) {
  const reader = new TimesReader();
  const response = await fetch(url, { signal });
  const body = response.ok ? response.body?.getReader() : undefined;
  for (let bytes = 0; body && !isEnough(reader, bytes);) {
    const { done, value } = await body.read();
    if (done) return reader.finish();
    bytes += value.length;
    reader.push(value);
  }
  await body?.cancel();
  return reader.finish();
}
