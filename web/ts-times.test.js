import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TimesReader } from './ts-times.js';

const VIDEO = 0x100;
const SOUND = 0x101;

/** The packets of one PES packet. */
function pes(pid, streamId, pts, dts, payload) {
  const stamps = dts === null ? stamp(0x20, pts) : [...stamp(0x30, pts), ...stamp(0x10, dts)];
  const header = [0, 0, 1, streamId, 0, 0, 0x80, dts === null ? 0x80 : 0xc0, stamps.length, ...stamps];
  let rest = Uint8Array.from([...header, ...payload]);
  const packets = [];
  for (let first = true; rest.length > 0; first = false) {
    const part = rest.slice(0, 184);
    rest = rest.slice(part.length);
    packets.push(packet(pid, first, part));
  }
  return packets;
}

function packet(pid, startsUnit, payload) {
  const start = [0x47, (startsUnit ? 0x40 : 0) | (pid >> 8), pid & 0xff];
  const stuffing = 184 - payload.length;
  if (stuffing === 0) return Uint8Array.from([...start, 0x10, ...payload]);
  const field = stuffing === 1 ? [0] : [stuffing - 1, 0, ...Array(stuffing - 2).fill(0xff)];
  return Uint8Array.from([...start, 0x30, ...field, ...payload]);
}

function stamp(mark, ticks) {
  const part = (shift, mask) => Math.floor(ticks / 2 ** shift) & mask;
  return [mark | (part(30, 7) << 1) | 1, part(22, 255), (part(15, 127) << 1) | 1, part(7, 255), (part(0, 127) << 1) | 1];
}

/** ADTS frames of 1024 samples at 16 kHz: 64 ms each. */
function adts(frames, length = 100) {
  const one = new Uint8Array(length);
  one.set([0xff, 0xf1, 0x60, 0x40 | (length >> 11), (length >> 3) & 0xff, ((length & 7) << 5) | 0x1f, 0xfc]);
  return Array.from({ length: frames }, () => [...one]).flat();
}

const SEGMENT = [
  ...pes(VIDEO, 0xe0, 900_000, 892_800, Array(700).fill(1)),
  ...pes(SOUND, 0xc0, 892_800, null, adts(4)),
  ...pes(VIDEO, 0xe0, 907_200, 896_400, Array(90).fill(1)),
  ...pes(SOUND, 0xc0, 892_800 + 4 * 5_760, null, adts(3)),
];

function read(chunks) {
  const reader = new TimesReader();
  for (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

test('tells when pictures and sound begin and when the sound ends', () => {
  assert.deepEqual(read(SEGMENT), {
    picture: 10, decoding: 9.92, sound: 9.92, soundEnd: 9.92 + 7 * 0.064,
  });
});

test('does not mind how the bytes arrive', () => {
  const whole = Uint8Array.from(SEGMENT.flatMap((bytes) => [...bytes]));
  const expected = read([whole]);
  for (const size of [1, 7, 187, 188, 189, 1000]) {
    const chunks = [];
    for (let at = 0; at < whole.length; at += size) chunks.push(whole.slice(at, at + size));
    assert.deepEqual(read(chunks), expected, `in pieces of ${size}`);
  }
});

test('knows early enough that the beginning is over', () => {
  const reader = new TimesReader();
  reader.push(SEGMENT[0]);
  assert.equal(reader.hasBeginning, false);
  for (const bytes of SEGMENT.slice(1, 6)) reader.push(bytes);
  assert.equal(reader.hasBeginning, true);
});

test('timestamps have 33 bits', () => {
  assert.equal(read(pes(VIDEO, 0xe0, 2 ** 33 - 90_000, null, [0])).picture, (2 ** 33 - 90_000) / 90_000);
});

test('sound that is not ADTS lasts as long as it did before', () => {
  const chunks = [0, 1, 2].flatMap((i) => pes(SOUND, 0xc0, 900_000 + i * 2_160, null, Array(50).fill(i)));
  assert.ok(Math.abs(read(chunks).soundEnd - (10 + 3 * 0.024)) < 1e-9);
});

test('finds nothing in nothing', () => {
  assert.deepEqual(read([new Uint8Array(1000)]), { picture: null, decoding: null, sound: null, soundEnd: null });
});
