import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_WINDOW_SECONDS, readLink, writeLink } from './link.js';
import { parseMoment, SECOND } from './time.js';

test('reads a moment', () => {
  const link = readLink('?camera=site%2Fyard-2&t=2026-03-14T10:01:02.400Z');
  assert.equal(link.camera, 'site/yard-2');
  assert.equal(link.us, parseMoment('2026-03-14T10:01:02.4Z'));
  assert.equal(link.windowUs, DEFAULT_WINDOW_SECONDS * SECOND);
  assert.deepEqual([link.badTime, link.native, link.paused], [false, false, false]);
});

test('reads a zone whose plus nobody escaped', () => {
  assert.equal(readLink('?t=2026-03-14T12:01:02+02:00').us, parseMoment('2026-03-14T10:01:02Z'));
});

test('an address without anything is fine', () => {
  const link = readLink('');
  assert.deepEqual([link.camera, link.us, link.badTime], [null, null, false]);
});

test('a time that cannot be read is told from none', () => {
  const link = readLink('?camera=a&t=yesterday');
  assert.deepEqual([link.us, link.badTime], [null, true]);
});

test('reads what is said about the player', () => {
  const link = readLink('?player=native&paused=1&window=600');
  assert.deepEqual([link.native, link.paused, link.windowUs], [true, true, 600 * SECOND]);
  assert.equal(readLink('?window=nonsense').windowUs, DEFAULT_WINDOW_SECONDS * SECOND);
  assert.equal(readLink('?window=1').windowUs, 20 * SECOND);
});

test('writes a link that people can read, and reads it again', () => {
  const us = parseMoment('2026-03-14T10:01:02.4Z');
  const query = writeLink('?player=native&paused=1&t=old', 'site/yard 2&x', us);
  assert.equal(query, '?camera=site/yard+2%26x&t=2026-03-14T10:01:02.400Z&player=native');
  assert.equal(readLink(query).camera, 'site/yard 2&x');
  assert.equal(readLink(query).us, us);
});

test('a link may be to the present', () => {
  assert.equal(readLink('?camera=a').live, null);
  assert.equal(readLink('?camera=a&live=1').live, '1');
  assert.equal(writeLink('?t=old', 'a', 7, true), '?camera=a&live=1');
  assert.equal(writeLink('?live=hls', 'a', null, true), '?camera=a&live=hls');
  assert.equal(writeLink('?live=hls', 'a', null, false), '?camera=a');
});
