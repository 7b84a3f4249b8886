import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keepNear, LONGEST_VIEW, pan, SHORTEST_VIEW, ticks, usAt, viewAround, xAt, zoom } from './geometry.js';
import { DAY, HOUR, MINUTE, SECOND } from './time.js';

process.env.TZ = 'Asia/Kolkata';

const T = Date.UTC(2026, 2, 14, 10) * 1000;
const VIEW = { startUs: T, endUs: T + HOUR };

test('pixels and moments are each other’s inverse', () => {
  assert.equal(xAt(VIEW, 1200, T + 30 * MINUTE), 600);
  assert.equal(usAt(VIEW, 1200, 600), T + 30 * MINUTE);
  for (const x of [0, 1, 333, 1200]) assert.ok(Math.abs(xAt(VIEW, 1200, usAt(VIEW, 1200, x)) - x) < 1e-6);
});

test('zooming leaves the moment under the mouse where it is', () => {
  const anchor = T + 15 * MINUTE;
  const closer = zoom(VIEW, anchor, 0.5);
  assert.equal(closer.endUs - closer.startUs, 30 * MINUTE);
  assert.ok(Math.abs(xAt(closer, 1000, anchor) - 250) < 1e-6);
});

test('zooming ends somewhere on both sides', () => {
  const closest = zoom(VIEW, T, 1e-9);
  const farthest = zoom(VIEW, T, 1e9);
  assert.equal(closest.endUs - closest.startUs, SHORTEST_VIEW);
  assert.equal(farthest.endUs - farthest.startUs, LONGEST_VIEW);
});

test('panning keeps the length', () => {
  assert.deepEqual(pan(VIEW, -MINUTE), { startUs: T - MINUTE, endUs: T + 59 * MINUTE });
});

test('some of what is recorded stays in view', () => {
  const extent = { startUs: T, endUs: T + 2 * HOUR };
  assert.deepEqual(keepNear(VIEW, extent), VIEW);
  assert.equal(keepNear(pan(VIEW, -DAY), extent).startUs, T - 54 * MINUTE);
  assert.equal(keepNear(pan(VIEW, DAY), extent).startUs, T + 114 * MINUTE);
  assert.deepEqual(keepNear(VIEW, null), VIEW);
});

test('a view lies around its centre', () => {
  assert.deepEqual(viewAround(T, HOUR), { startUs: T - 30 * MINUTE, endUs: T + 30 * MINUTE });
});

test('ticks are round and have room for a label', () => {
  const { stepUs, ticks: marks } = ticks(VIEW, 1000, 'utc', 100);
  assert.equal(stepUs, 10 * MINUTE);
  assert.deepEqual(marks, [0, 10, 20, 30, 40, 50].map((minutes) => T + minutes * MINUTE));
  assert.equal(ticks({ startUs: T, endUs: T + 20 * SECOND }, 1000, 'utc').stepUs, 2 * SECOND);
});

test('days begin at midnight of the zone', () => {
  const week = { startUs: T, endUs: T + 7 * DAY };
  const local = ticks(week, 1000, 'local', 100);
  assert.equal(local.stepUs, DAY);
  assert.equal(new Date(local.ticks[0] / 1000).toISOString(), '2026-03-14T18:30:00.000Z');
  assert.equal(new Date(ticks(week, 1000, 'utc', 100).ticks[0] / 1000).toISOString(), '2026-03-15T00:00:00.000Z');
});
