import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Problem } from './api.js';
import { LivePlayer, playable } from './live.js';

class Video extends EventTarget {
  muted = false;
  /** @type {unknown} */
  refusal = null;
  async play() {
    if (this.refusal && !this.muted) throw this.refusal;
  }
  pause() {}
}

/** A page around a player: what it asked for, and what it said. */
function scene({ formats = ['webrtc', 'hls'], failures = [] } = {}) {
  const log = [];
  const engines = [];
  const retry = { act: null, cancelled: 0 };
  let number = 0;
  const tools = {
    start: async (cameraId, format) => {
      const failure = failures.shift();
      if (failure) throw failure;
      number += 1;
      log.push(`start ${cameraId} ${format}`);
      return { session_id: String(number), camera_id: cameraId, format, url: `http://media/${cameraId}/${format}` };
    },
    stop: (id) => log.push(`stop ${id}`),
    createEngine: (format, url, events) => {
      const engine = {
        events, url, latency: 1.5,
        start: () => log.push(`play ${url}`),
        toEdge: () => log.push('to the edge'),
        destroy: () => log.push(`destroy ${format}`),
      };
      engines.push(engine);
      return engine;
    },
    createRetries: (onWait) => ({
      later: (reason, act) => { retry.act = act; onWait(reason); },
      cancel: () => { retry.act = null; },
      succeed: () => onWait(null),
      now: () => retry.act?.(),
    }),
  };
  const video = new Video();
  const player = new LivePlayer(video, tools);
  player.formats = formats;
  const said = [];
  for (const type of ['waiting', 'problem', 'notice']) {
    player.addEventListener(type, ({ detail }) => said.push([type, detail]));
  }
  return { player, video, log, engines, said, retry };
}

/** Lets what was begun come to rest. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('plays the best format, and gives the session back when it is left', async () => {
  const { player, log, engines } = scene();
  await player.open('cam');
  assert.equal(player.state, 'opening');
  engines[0].events.onPicture();
  assert.deepEqual([player.state, player.format, player.latency], ['playing', 'webrtc', 1.5]);
  player.close();
  assert.deepEqual(log, ['start cam webrtc', 'play http://media/cam/webrtc', 'destroy webrtc', 'stop 1']);
  assert.equal(player.state, 'empty');
});

test('goes over to HLS where WebRTC shows nothing, and only then leaves the first session', async () => {
  const { player, log, engines, said } = scene();
  await player.open('cam');
  engines[0].events.onFailure({ kind: 'network', detail: 'No picture arrives by WebRTC.' });
  await settle();
  assert.deepEqual(log.slice(2), ['start cam hls', 'destroy webrtc', 'stop 1', 'play http://media/cam/hls']);
  assert.deepEqual(said, [['notice', 'No picture arrives by WebRTC. Going on with HLS.']]);
  engines[1].events.onPicture();
  assert.equal(player.format, 'hls');
});

test('a picture that breaks off is tried again in the same format', async () => {
  const { player, log, engines, said, retry } = scene();
  await player.open('cam');
  engines[0].events.onPicture();
  engines[0].events.onFailure({ kind: 'network', detail: 'The WebRTC connection was lost.' });
  assert.equal(player.state, 'opening');
  assert.deepEqual(said.at(-1), ['waiting', 'The WebRTC connection was lost.']);
  retry.act();
  await settle();
  assert.equal(log.at(-1), 'play http://media/cam/webrtc');
});

test('tries again while the service cannot be reached, and says why', async () => {
  const { player, said, retry, log } = scene({ failures: [new Problem('The VMS cannot be reached.', { status: 503 })] });
  await player.open('cam');
  assert.deepEqual(said, [['waiting', 'The VMS cannot be reached.']]);
  retry.act();
  await settle();
  assert.equal(log[0], 'start cam webrtc');
});

test('gives up where trying again is of no use', async () => {
  const { player, said, log, engines } = scene({
    formats: ['hls'],
    failures: [new Problem('There is no camera cam.', { status: 404 })],
  });
  await player.open('cam');
  assert.deepEqual([player.state, said], ['failed', [['problem', 'There is no camera cam.']]]);
  await player.open('other');
  engines[0].events.onFailure({ kind: 'media', detail: 'This browser cannot play hvc1.' });
  assert.deepEqual([player.state, said.at(-1)], ['failed', ['problem', 'This browser cannot play hvc1.']]);
  assert.equal(log.at(-1), 'stop 1');
});

test('an answer that comes after another wish is given back', async () => {
  const { player, log } = scene();
  const first = player.open('a');
  const second = player.open('b');
  await Promise.all([first, second]);
  assert.deepEqual(log, ['start a webrtc', 'start b webrtc', 'stop 1', 'play http://media/b/webrtc']);
  const third = player.open('c');
  player.close();
  await third;
  assert.deepEqual(log.slice(-4), ['destroy webrtc', 'start c webrtc', 'stop 2', 'stop 3']);
  assert.equal(player.state, 'empty');
});

test('the picture of another camera goes at once, its session once there is a new one', async () => {
  const { player, log, engines } = scene();
  await player.open('a');
  engines[0].events.onPicture();
  const opening = player.open('b');
  assert.equal(log.at(-2), 'destroy webrtc');
  await opening;
  assert.deepEqual(log.slice(-3), ['start b webrtc', 'stop 1', 'play http://media/b/webrtc']);
});

test('what an engine of before says is not heard', async () => {
  const { player, engines } = scene();
  await player.open('a');
  player.close();
  engines[0].events.onPicture();
  engines[0].events.onFailure({ kind: 'media', detail: 'late' });
  assert.equal(player.state, 'empty');
});

test('goes on at the edge after a pause', async () => {
  const { player, log, engines } = scene();
  await player.open('cam');
  engines[0].events.onPicture();
  player.toggle();
  assert.equal(player.state, 'paused');
  player.toggle();
  assert.deepEqual([player.state, log.at(-1)], ['playing', 'to the edge']);
});

test('plays without sound where the browser wants that', async () => {
  const { player, video, engines, said } = scene();
  video.refusal = new DOMException('', 'NotAllowedError');
  await player.open('cam');
  engines[0].events.onPicture();
  await settle();
  assert.ok(video.muted);
  assert.equal(said.at(-1)[0], 'notice');
  assert.equal(player.state, 'playing');
});

test('plays what service and browser have in common', () => {
  const able = { webrtc: true, hls: true };
  assert.deepEqual(playable(['hls', 'webrtc', 'rtsp'], able), ['webrtc', 'hls']);
  assert.deepEqual(playable(['hls', 'webrtc', 'rtsp'], { webrtc: false, hls: true }), ['hls']);
  assert.deepEqual(playable(['rtsp'], able), []);
  assert.deepEqual(playable([], able), []);
  assert.deepEqual(playable(['hls', 'webrtc'], able, 'hls'), ['hls']);
  assert.deepEqual(playable(['hls', 'webrtc'], able, '1'), ['webrtc', 'hls']);
});
