import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FragmentClock, mediaTime, plannedAnchors, wallTime } from './clock.js';
import { SESSION } from './session.fixture.js';
import { Plan } from './session.js';
import { parseMoment, SECOND } from './time.js';

const at = (text) => parseMoment(`2026-03-14T${text}Z`);
const TICKS = 90_000;
const PERIOD = 2 ** 33;

test('a timestamp of ten seconds is zero', () => {
  assert.equal(wallTime(at('10:00:00'), 0, { initPts: 10 * TICKS, timescale: TICKS }), at('10:00:00'));
  assert.equal(wallTime(at('10:00:00'), 62.4, { initPts: 10 * TICKS, timescale: TICKS }), at('10:01:02.4'));
});

test('rounding by the player does not reach the clock', () => {
  const anchor = { initPts: 10 * TICKS, timescale: TICKS };
  // One frame of 30000/1001 per second lasts 3003 ticks; the player knows it to the microsecond.
  assert.equal(wallTime(0, 0.033367, anchor), Math.round((3003 / TICKS) * SECOND));
  assert.equal(wallTime(0, 0.033366, anchor), Math.round((3003 / TICKS) * SECOND));
});

test('periods that hls.js has added are taken out again', () => {
  const anchor = { initPts: 10 * TICKS - 3600 * TICKS + PERIOD, timescale: TICKS };
  assert.equal(wallTime(at('10:00:00'), 3602.4, anchor), at('10:00:02.4'));
  assert.ok(Math.abs(mediaTime(at('10:00:00'), at('10:00:02.4'), anchor, 3602) - 3602.4) < 1e-6);
});

test('media time is the inverse of wall time', () => {
  const anchor = { initPts: 7 * TICKS + 1234, timescale: TICKS };
  for (const seconds of [0, 0.04, 12.345, 7200.5]) {
    const wallUs = wallTime(at('10:00:00'), seconds, anchor);
    assert.ok(Math.abs(mediaTime(at('10:00:00'), wallUs, anchor, seconds) - seconds) < 1e-5);
  }
});

test('planned anchors put the recordings end to end behind the lead-in', () => {
  const plan = new Plan(SESSION);
  const clock = new FragmentClock(plan, plannedAnchors(plan, 0.5));
  assert.ok(Math.abs(clock.mediaAt(at('10:00:30')) - 0.5) < 1e-9);
  assert.ok(Math.abs(clock.mediaAt(at('10:01:00')) - 30.5) < 1e-9);
  assert.ok(Math.abs(clock.mediaAt(at('10:06:00.040')) - 90.5) < 1e-9);
  assert.equal(clock.mediaAt(at('10:03:00')), null);
});

test('a fragment keeps the anchor that it was placed with', () => {
  const plan = new Plan(SESSION);
  const clock = new FragmentClock(plan, plannedAnchors(plan, 0));
  const anchor = { initPts: 40 * TICKS, timescale: TICKS };
  clock.onPlaced(0, { discontinuity: 0, start: 0, end: 6, anchor });
  clock.onAnchor(0, { initPts: 39 * TICKS, timescale: TICKS });
  assert.equal(clock.wallAt(1), at('10:00:31'));
  assert.equal(clock.mediaAt(at('10:00:31')), 2);
  assert.equal(clock.wallAt(7), null);
});

test('the frame on a border belongs to the fragment that begins there, also after rounding', () => {
  const plan = new Plan(SESSION);
  const clock = new FragmentClock(plan, plannedAnchors(plan, 0));
  const anchors = plannedAnchors(plan, 0);
  clock.onPlaced(4, { discontinuity: 0, start: 24, end: 30, anchor: anchors.get(0) });
  clock.onPlaced(5, { discontinuity: 1, start: 30, end: 36, anchor: anchors.get(1) });
  assert.equal(clock.discontinuityAt(29.999999), 1);
  assert.equal(clock.wallAt(29.96), at('10:00:59.96'));
  assert.equal(clock.wallAt(30), at('10:01:00'));
});
