import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FragmentClock, latenessOnGrid, mediaTime, plannedAnchors, PlaylistClock, wallTime } from './clock.js';
import { readStretches } from './playlist.js';
import { SESSION } from './session.fixture.js';
import { Plan } from './session.js';
import { parseMoment, SECOND } from './time.js';

const at = (text) => parseMoment(`2026-03-14T${text}Z`);
const TICKS = 90_000;
const PERIOD = 2 ** 33;
const FRAME = 40_000;

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

const PLAYLIST = `#EXTM3U
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:00:30.000Z
#EXTINF:30.000000,
0.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:01:00.000Z
#EXTINF:60.000000,
1.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:06:00.040Z
#EXTINF:30.000000,
2.ts
`;

function playlistClock() {
  return new PlaylistClock(new Plan(SESSION), readStretches(PLAYLIST));
}

test('the playlist alone dates frames that were just seeked to', () => {
  const clock = playlistClock();
  clock.onSeek(31, false);
  assert.equal(clock.onFrame(31), at('10:01:01'));
  clock.onSeek(12, false);
  assert.equal(clock.onFrame(12), at('10:00:42'));
  assert.equal(clock.onFrame(95), at('10:06:05.04'), 'no frame rate, no grid');
});

test('a stretch that was joined late is dated by its grid of frames', () => {
  const clock = playlistClock();
  assert.equal(clock.onFrame(29.96), at('10:00:59.96'));
  assert.equal(clock.onFrame(30.032), at('10:01:00'));
  assert.equal(clock.onFrame(30.072), at('10:01:00.04'));
  assert.ok(Math.abs(clock.mediaAt(at('10:01:02')) - 32.032) < 1e-9);
  clock.onSeek(29.93, true);
  assert.equal(clock.onFrame(29.92), at('10:00:59.92'));
  clock.onSeek(40.04, true);
  assert.equal(clock.onFrame(40.032), at('10:01:10'));
  clock.onSeek(40, false);
  assert.equal(clock.onFrame(40), at('10:01:10'));
});

test('lateness adds up over stretches', () => {
  const stretches = readStretches(PLAYLIST);
  const session = structuredClone(SESSION);
  session.recordings[2].frame_rate = 25;
  const clock = new PlaylistClock(new Plan(session), stretches);
  clock.onFrame(29.96);
  clock.onFrame(30.03);
  clock.onFrame(89.99);
  assert.equal(clock.onFrame(90.06), at('10:06:00.04'));
});

test('a camera without a grid is dated by the playlist', () => {
  const clock = playlistClock();
  for (const seconds of [1, 1.013, 1.071, 1.102, 1.149, 1.17, 1.23, 1.255]) clock.onFrame(seconds);
  assert.equal(clock.onFrame(2.017), at('10:00:32.017'));
});

test('lateness is the least that fits', () => {
  assert.equal(latenessOnGrid(10 * FRAME, FRAME, 0), 0);
  assert.equal(latenessOnGrid(10 * FRAME + 32_000, FRAME, 0), 32_000);
  assert.equal(latenessOnGrid(10 * FRAME - 500, FRAME, 0), -500, 'a date rounded to milliseconds');
  assert.equal(latenessOnGrid(10 * FRAME + 10_000, FRAME, 32_000), 50_000);
});
