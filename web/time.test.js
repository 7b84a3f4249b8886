import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  clockFace, formatDuration, formatExtent, formatMoment, formatMomentForLink, formatStretch, HOUR, MINUTE, momentAt,
  parseMoment, SECOND,
} from './time.js';

// The zone of the machine must not matter for anything but 'local'; a zone with summer time shows what does.
process.env.TZ = 'Europe/Berlin';

const T = Date.UTC(2026, 2, 14, 10, 1, 2) * 1000;

test('reads RFC 3339 to the microsecond', () => {
  assert.equal(parseMoment('2026-03-14T10:01:02Z'), T);
  assert.equal(parseMoment('2026-03-14T10:01:02.400Z'), T + 400_000);
  assert.equal(parseMoment('2026-03-14T10:01:02.400001Z'), T + 400_001);
  assert.equal(parseMoment('2026-03-14T10:01:02.4000019Z'), T + 400_001);
  assert.equal(parseMoment('2026-03-14T12:01:02+02:00'), T);
  assert.equal(parseMoment('2026-03-14T04:31:02-05:30'), T);
});

test('forgives what people write', () => {
  assert.equal(parseMoment(' 2026-03-14 10:01:02 '), T);
  assert.equal(parseMoment('2026-03-14 10:01'), T - 2 * SECOND);
  assert.equal(parseMoment('2026-03-14'), T - 10 * HOUR - MINUTE - 2 * SECOND);
  assert.equal(parseMoment('2026-03-14 11:01:02', 'local'), T);
});

test('refuses what is no moment', () => {
  for (const text of ['', 'now', '10:01:02', '2026-02-30T10:00:00Z', '2026-13-01T10:00:00Z', '2026-03-14T24:00:00Z', '2026-03-14T10:60:00Z']) {
    assert.equal(parseMoment(text), null, text);
  }
});

test('reads a local time on both sides of summer time', () => {
  assert.equal(momentAt('2026-03-28', '12:00:00', 'local'), Date.UTC(2026, 2, 28, 11) * 1000);
  assert.equal(momentAt('2026-03-29', '12:00:00', 'local'), Date.UTC(2026, 2, 29, 10) * 1000);
});

test('writes what it reads', () => {
  assert.equal(formatMoment(T + 7), '2026-03-14T10:01:02.000007Z');
  assert.equal(parseMoment(formatMoment(T + 123_456)), T + 123_456);
});

test('a link never points to before its frame', () => {
  assert.equal(formatMomentForLink(T + 400_000), '2026-03-14T10:01:02.400Z');
  assert.equal(formatMomentForLink(T + 400_001), '2026-03-14T10:01:02.401Z');
  assert.equal(formatMomentForLink(T + 999_500), '2026-03-14T10:01:03.000Z');
});

test('shows the zone with the time', () => {
  assert.deepEqual(clockFace(T + 40_000, 'utc'), { date: '2026-03-14', time: '10:01:02', fraction: '040000', zone: 'UTC' });
  assert.deepEqual(clockFace(T, 'local'), { date: '2026-03-14', time: '11:01:02', fraction: '000000', zone: 'UTC+01:00' });
  const summer = Date.UTC(2026, 6, 1, 23, 30) * 1000;
  assert.deepEqual(clockFace(summer, 'local'), { date: '2026-07-02', time: '01:30:00', fraction: '000000', zone: 'UTC+02:00' });
});

test('shows moments before 1970', () => {
  assert.equal(formatMoment(-1), '1969-12-31T23:59:59.999999Z');
});

test('shows stretches without saying the day twice', () => {
  assert.equal(formatStretch({ startUs: T, endUs: T + HOUR }, 'utc'), '2026-03-14 10:01:02 – 11:01:02 UTC');
  assert.equal(formatStretch({ startUs: T, endUs: T + 24 * HOUR }, 'utc'), '2026-03-14 10:01:02 – 2026-03-15 10:01:02 UTC');
  assert.equal(formatExtent({ startUs: T, endUs: T + HOUR }, 'utc'), '2026-03-14 10:01 – 11:01 UTC');
  assert.equal(formatExtent({ startUs: T, endUs: T + 24 * HOUR }, 'utc'), '2026-03-14 – 2026-03-15 UTC');
});

test('shows the two largest units of a duration', () => {
  assert.equal(formatDuration(0), '0 s');
  assert.equal(formatDuration(59.6 * SECOND), '1 min');
  assert.equal(formatDuration(125 * MINUTE + 3 * SECOND), '2 h 5 min');
  assert.equal(formatDuration(49 * HOUR), '2 d 1 h');
});
