import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Whep, WhepError } from './whep.js';

const URL_OF_CAMERA = 'http://media.example:8889/camera_1/whep';

class Connection {
  iceGatheringState = 'complete';
  connectionState = 'new';
  localDescription = null;
  transceivers = [];
  isClosed = false;
  addTransceiver(kind, { direction }) { this.transceivers.push(`${kind} ${direction}`); }
  async createOffer() { return { type: 'offer', sdp: 'v=0 offer' }; }
  async setLocalDescription(description) { this.localDescription = description; }
  async setRemoteDescription(description) { this.remote = description; }
  close() { this.isClosed = true; }
}

/** @param {(request: { url: string, method: string }) => Response | Promise<Response>} answer */
function scene(answer) {
  const connection = new Connection();
  const requests = [];
  const events = { lost: 0, tracks: [] };
  const tools = {
    connect: () => connection,
    pause: () => new Promise(() => {}),
    fetch: async (url, options) => {
      requests.push({ url, ...options });
      return answer({ url, ...options });
    },
  };
  const whep = new Whep(URL_OF_CAMERA, {
    onTrack: (track) => events.tracks.push(track),
    onLost: () => { events.lost += 1; },
  }, tools);
  return { whep, connection, requests, events };
}

const created = () => new Response('v=0 answer', { status: 201, headers: { location: '/camera_1/whep/7' } });

test('offers, takes the answer, and deletes what was made', async () => {
  const { whep, connection, requests, events } = scene(created);
  await whep.start();
  const [{ url, method, headers, body }] = requests;
  assert.deepEqual([url, method, headers, body], [URL_OF_CAMERA, 'POST', { 'content-type': 'application/sdp' }, 'v=0 offer']);
  assert.deepEqual(connection.transceivers, ['video recvonly', 'audio recvonly']);
  assert.deepEqual(connection.remote, { type: 'answer', sdp: 'v=0 answer' });
  connection.ontrack({ track: 'picture' });
  assert.deepEqual(events.tracks, ['picture']);
  whep.stop();
  whep.stop();
  assert.ok(connection.isClosed);
  assert.deepEqual(requests.slice(1).map((request) => [request.method, request.url, request.keepalive]), [
    ['DELETE', 'http://media.example:8889/camera_1/whep/7', true],
  ]);
});

test('an answer that nobody waits for any more is given back', async () => {
  let answer = (/** @type {Response} */ _) => {};
  const { whep, connection, requests } = scene(({ method }) =>
    (method === 'POST' ? new Promise((resolve) => { answer = resolve; }) : new Response()));
  const starting = whep.start();
  while (requests.length === 0) await new Promise(setImmediate);
  whep.stop();
  answer(created());
  await starting;
  assert.equal(requests.at(-1).method, 'DELETE');
  assert.equal(connection.remote, undefined);
});

test('a refusal is put into words', async () => {
  for (const [status, words] of [[404, /no WebRTC/], [400, /format/], [401, /not let/], [500, /500/], [200, /200/]]) {
    const { whep } = scene(() => new Response('', { status }));
    await assert.rejects(whep.start(), (error) => error instanceof WhepError && words.test(error.message));
  }
  const { whep } = scene(() => { throw new TypeError('Failed to fetch'); });
  await assert.rejects(whep.start(), /cannot be reached/);
});

test('does without a location', async () => {
  const { whep, requests } = scene(() => new Response('v=0', { status: 201 }));
  await whep.start();
  whep.stop();
  assert.equal(requests.length, 1);
});

test('tells when the connection is lost, and not when it is closed by us', async () => {
  const { whep, connection, events } = scene(created);
  await whep.start();
  connection.connectionState = 'disconnected';
  connection.onconnectionstatechange();
  assert.equal(events.lost, 0);
  connection.connectionState = 'failed';
  connection.onconnectionstatechange();
  assert.equal(events.lost, 1);
  whep.stop();
  assert.equal(connection.onconnectionstatechange, null);
});
