/**
 * When sound and pictures of a transport stream segment begin, and when its sound ends. Pure.
 *
 * The service's segments are clean: packets of 188 bytes from the first byte on, a PTS in every PES header that matters.
 * Of a segment in fragmented MP4 it says nothing.
 */

const PACKET = 188;
const SYNC_BYTE = 0x47;
const CLOCK = 90_000;
const SAMPLES_PER_ADTS_FRAME = 1024;
const ADTS_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/**
 * All in seconds of the segment's own timestamps; null where there is nothing of the kind.
 *
 * @typedef {Object} Times
 * @property {number | null} picture  first PTS of the pictures
 * @property {number | null} decoding  first DTS of the pictures
 * @property {number | null} sound  first PTS of the sound
 * @property {number | null} soundEnd
 */

export class TimesReader {
  constructor() {
    /** @type {Times} */
    this.times = { picture: null, decoding: null, sound: null, soundEnd: null };
    this.rest = new Uint8Array(0);
    this.soundPid = -1;
    /** The PES packet of sound that is being received.  @type {{ pts: number, parts: Uint8Array[] } | null} */
    this.pes = null;
    this.lastSpacing = 0;
  }

  /** Whether the beginning is known.  */
  get hasBeginning() {
    return this.times.picture !== null && this.times.sound !== null;
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    const data = concatenate([this.rest, bytes]);
    let at = 0;
    for (; at + PACKET <= data.length; at += PACKET) this.#onPacket(data.subarray(at, at + PACKET));
    this.rest = data.slice(at);
  }

  /** @returns {Times} */
  finish() {
    this.#endPes();
    return this.times;
  }

  /** @param {Uint8Array} packet */
  #onPacket(packet) {
    if (packet[0] !== SYNC_BYTE) return;
    const pid = ((packet[1] & 0x1f) << 8) | packet[2];
    const startsUnit = (packet[1] & 0x40) !== 0;
    const hasAdaptation = (packet[3] & 0x20) !== 0;
    const payload = packet.subarray(hasAdaptation ? 5 + packet[4] : 4);
    if (startsUnit && isPes(payload)) this.#onPes(pid, payload);
    else if (pid === this.soundPid) this.pes?.parts.push(payload.slice());
  }

  /** @param {number} pid  @param {Uint8Array} pes */
  #onPes(pid, pes) {
    const flags = pes[7] >> 6;
    if ((flags & 2) === 0) return;
    const pts = timestamp(pes, 9) / CLOCK;
    if ((pes[3] & 0xf0) === 0xe0) {
      this.times.decoding ??= flags === 3 ? timestamp(pes, 14) / CLOCK : pts;
      this.times.picture ??= pts;
    } else {
      if (this.pes) this.lastSpacing = pts - this.pes.pts;
      this.#endPes();
      this.soundPid = pid;
      this.times.sound ??= pts;
      this.pes = { pts, parts: [pes.slice(9 + pes[8])] };
    }
  }

  #endPes() {
    if (!this.pes) return;
    const seconds = adtsSeconds(concatenate(this.pes.parts)) || this.lastSpacing;
    this.times.soundEnd = Math.max(this.times.soundEnd ?? 0, this.pes.pts + seconds);
    this.pes = null;
  }
}

/** @param {Uint8Array} payload */
function isPes(payload) {
  return payload[0] === 0 && payload[1] === 0 && payload[2] === 1;
}

/** @param {Uint8Array} pes  @param {number} at */
function timestamp(pes, at) {
  const high = ((pes[at] >> 1) & 7) * 2 ** 30;
  return high + (pes[at + 1] << 22) + ((pes[at + 2] >> 1) << 15) + (pes[at + 3] << 7) + (pes[at + 4] >> 1);
}

/** How long the ADTS frames last; 0 for sound of another kind.  @param {Uint8Array} data */
function adtsSeconds(data) {
  let seconds = 0;
  for (let at = 0; at + 7 <= data.length && data[at] === 0xff && (data[at + 1] & 0xf6) === 0xf0;) {
    const length = ((data[at + 3] & 3) << 11) | (data[at + 4] << 3) | (data[at + 5] >> 5);
    const rate = ADTS_RATES[(data[at + 2] >> 2) & 0xf];
    if (!rate || length < 7) break;
    seconds += SAMPLES_PER_ADTS_FRAME / rate;
    at += length;
  }
  return seconds;
}

/** @param {Uint8Array[]} parts */
function concatenate(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
