import assert from 'node:assert/strict';
import { test } from 'node:test';

import { earlySound, latenessOnGrid, overhangingSound, PlaylistClock } from './playlist-clock.js';
import { readStretches } from './playlist.js';
import { SESSION } from './session.fixture.js';
import { Plan } from './session.js';
import { parseMoment } from './time.js';

const at = (text) => parseMoment(`2026-03-14T${text}Z`);
const FRAME = 40_000;

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
