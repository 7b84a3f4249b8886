import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  earlySound, FragmentClock, latenessOnGrid, mediaTime, overhangingSound, plannedAnchors, PlaylistClock, wallTime,
} from './clock.js';
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
#EXTINF:10.000000,
0.ts
#EXTINF:20.000000,
1.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:01:00.000Z
#EXTINF:10.000000,
2.ts
#EXTINF:50.000000,
3.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:06:00.040Z
#EXTINF:30.000000,
4.ts
`;
const buffered = () => true;
const unbuffered = () => false;

function playlistClock(session = SESSION) {
  return new PlaylistClock(new Plan(session), readStretches(PLAYLIST));
}

test('the playlist alone dates frames that were just seeked to', () => {
  const clock = playlistClock();
  clock.onSeek(31, false);
  assert.equal(clock.onFrame(31), at('10:01:01'));
  clock.onSeek(12, false);
  assert.equal(clock.onFrame(12), at('10:00:42'));
  assert.equal(clock.onFrame(95), at('10:06:05.04'), 'no frame rate, no grid');
});

test('pictures behind a discontinuity are as late as the sound before them lasts too long', () => {
  const clock = playlistClock();
  clock.sounds.set(0, { earlyUs: 0, overhangUs: 48_000 });
  clock.onSeek(20, false);
  assert.equal(clock.onFrame(29.96), at('10:00:59.96'));
  assert.equal(clock.onFrame(30.048), at('10:01:00'));
  assert.equal(clock.onFrame(45.048), at('10:01:15'));
  assert.ok(Math.abs(clock.mediaAt(at('10:01:02'), buffered) - 32.048) < 1e-9);
});

test('pictures are as late as the sound before them is early', () => {
  const clock = playlistClock();
  clock.sounds.set(1, { earlyUs: 80_000, overhangUs: 0 });
  assert.ok(Math.abs(clock.mediaAt(at('10:01:00'), unbuffered) - 30.08) < 1e-9);
  clock.onSeek(30.08, false);
  assert.equal(clock.onFrame(30.08), at('10:01:00'));
  assert.equal(clock.onFrame(40.12), at('10:01:10.04'), 'played on into the rest');
  clock.onSeek(41, false);
  assert.equal(clock.onFrame(41), at('10:01:11'), 'the rest loaded by itself');
});

test('a part that was seen keeps its lateness until something is loaded anew', () => {
  const clock = playlistClock();
  clock.sounds.set(0, { earlyUs: 0, overhangUs: 16_000 });
  clock.onSeek(29, false);
  clock.onFrame(29.96);
  clock.onFrame(30.016);
  clock.onSeek(29.93, true);
  assert.equal(clock.onFrame(29.92), at('10:00:59.92'));
  clock.onSeek(35.03, true);
  assert.equal(clock.onFrame(35.016), at('10:01:05'));
  clock.onSeek(35, false);
  assert.equal(clock.onFrame(35), at('10:01:05'));
});

test('lateness adds up over discontinuities', () => {
  const session = structuredClone(SESSION);
  session.recordings[2].frame_rate = 25;
  const clock = playlistClock(session);
  clock.sounds.set(0, { earlyUs: 0, overhangUs: 30_000 });
  clock.sounds.set(1, { earlyUs: 0, overhangUs: 30_000 });
  clock.onSeek(29, false);
  clock.onFrame(29.96);
  clock.onFrame(30.03);
  clock.onFrame(89.99);
  assert.equal(clock.onFrame(90.06), at('10:06:00.04'));
});

test('the grid of frames makes good what was expected a little wrong', () => {
  const clock = playlistClock();
  clock.sounds.set(0, { earlyUs: 0, overhangUs: 40_000 });
  clock.onSeek(29, false);
  clock.onFrame(29.96);
  assert.equal(clock.onFrame(30.052), at('10:01:00'));
});

test('a camera without a grid is dated by what is expected', () => {
  const clock = playlistClock();
  clock.onSeek(1, false);
  for (const seconds of [1, 1.013, 1.071, 1.102, 1.149, 1.17, 1.23, 1.255]) clock.onFrame(seconds);
  assert.equal(clock.onFrame(2.017), at('10:00:32.017'));
});

test('lateness is what fits best', () => {
  assert.equal(latenessOnGrid(10 * FRAME, FRAME, 0), 0);
  assert.equal(latenessOnGrid(10 * FRAME + 12_000, FRAME, 0), 12_000);
  assert.equal(latenessOnGrid(10 * FRAME - 500, FRAME, 0), -500, 'a date rounded to milliseconds');
  assert.equal(latenessOnGrid(10 * FRAME + 10_000, FRAME, 32_000), 50_000);
});

test('sound takes the place of pictures only where it is decoded first', () => {
  const times = { picture: 10, decoding: 9.92, soundEnd: null };
  assert.equal(earlySound({ ...times, sound: 9.92 }), 80_000);
  assert.equal(earlySound({ ...times, sound: 9.952 }), 0);
  assert.equal(earlySound({ ...times, sound: null }), 0);
});

test('only sound that outlasts the pictures counts', () => {
  const times = { picture: null, decoding: null, sound: null };
  assert.equal(overhangingSound({ ...times, soundEnd: 70.048 }, 70), 48_000);
  assert.equal(overhangingSound({ ...times, soundEnd: 69.9 }, 70), 0);
  assert.equal(overhangingSound({ ...times, soundEnd: null }, 70), 0);
});
