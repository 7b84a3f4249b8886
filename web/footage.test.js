import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { Footage } from './footage.js';
import { formatMoment, HOUR, MINUTE } from './time.js';

const NOW = Date.now() * 1_000;
const stretch = (startUs, endUs) => ({ start_time: formatMoment(startUs), end_time: formatMoment(endUs) });
const json = (status, body) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const { fetch } = globalThis;

/** What the service says, and what it was asked. */
const service = { cameras: [], newest: null, recorded: [], asked: [] };

beforeEach(() => {
  Object.assign(service, { cameras: [], newest: null, recorded: [], asked: [] });
  globalThis.window ??= globalThis;
  globalThis.fetch = async (url, { method = 'GET' } = {}) => {
    const { pathname } = new URL(url, 'http://here');
    const what = pathname.split('/').at(-1);
    service.asked.push(`${method} ${what}`);
    if (what === 'cameras') return json(200, { cameras: service.cameras, limits: { max_range_seconds: 604_800 } });
    if (what === 'start') return json(404, { detail: 'Nothing there.', nearest: { before: service.newest, after: null } });
    return json(200, { recordings: [], spans: service.recorded, unreadable: [] });
  };
});

afterEach(() => {
  globalThis.fetch = fetch;
});

function footage() {
  return new Footage({ onCameras() {}, onArchive() {}, onTrouble() {} });
}

test('a camera whose footage is listed need not be looked for', async () => {
  service.cameras = [{ id: 'a', recordings: 2, ...{ first: formatMoment(NOW - HOUR), last: formatMoment(NOW) } }];
  const cameras = footage();
  await cameras.load(() => {});
  assert.equal(cameras.isUnseen('a'), false);
  assert.equal(cameras.extentOf('a').endUs, NOW);
  assert.ok(cameras.isUnseen('b') && !cameras.knows('b'), 'of another one nobody knows');
});

test('the newest footage is found once, and what comes after it with one question', async () => {
  service.cameras = [{ id: 'a', recordings: null, first: null, last: null }];
  service.newest = stretch(NOW - 2 * HOUR, NOW - HOUR);
  const cameras = footage();
  await cameras.load(() => {});
  assert.ok(cameras.isUnseen('a'));
  const archive = cameras.choose('a');
  assert.equal(await cameras.find('a'), null);
  assert.equal(cameras.isUnseen('a'), false);
  assert.equal(archive.extent.endUs, NOW - HOUR);

  service.asked = [];
  service.recorded = [stretch(NOW - HOUR, NOW - MINUTE)];
  await cameras.refresh();
  clearTimeout(cameras.viewTimer);
  assert.equal(archive.extent.endUs, NOW - MINUTE);
  assert.deepEqual(service.asked, ['GET cameras', 'GET recordings']);
});

test('a camera of which nothing was recorded may be recorded by and by', async () => {
  const cameras = footage();
  const archive = cameras.choose('a');
  assert.equal(await cameras.find('a'), null);
  assert.ok(cameras.knows('a') && !cameras.isUnseen('a') && archive.extent === null);
  service.recorded = [stretch(NOW - HOUR, NOW - MINUTE)];
  await cameras.refresh();
  clearTimeout(cameras.viewTimer);
  assert.equal(archive.extent.endUs, NOW - MINUTE);
});
