import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SESSION } from './session.fixture.js';
import { Plan } from './session.js';
import { MINUTE, parseMoment, SECOND } from './time.js';

const at = (text) => parseMoment(`2026-03-14T${text}Z`);

test('lays recordings end to end, the first from where the playlist begins', () => {
  const plan = new Plan(SESSION);
  assert.deepEqual(plan.pieces.map(({ mediaStart }) => mediaStart), [0, 30, 90]);
  assert.equal(plan.pieces[0].startUs, at('10:00:30'));
  assert.equal(plan.pieces[2].frameRate, null);
});

test('covers its range, the frames before the asked start included', () => {
  const plan = new Plan(SESSION);
  assert.ok(plan.covers(at('10:00:30')));
  assert.ok(plan.covers(at('10:04:00')));
  assert.ok(!plan.covers(at('10:00:29.9')));
  assert.ok(!plan.covers(at('10:06:30')));
});

test('a moment in a gap stands for the next recorded one', () => {
  const plan = new Plan(SESSION);
  assert.equal(plan.recordedFrom(at('10:01:59.999')), at('10:01:59.999'));
  assert.equal(plan.recordedFrom(at('10:02:00')), at('10:06:00.040'));
  assert.equal(plan.recordedFrom(at('10:07:00')), null);
});

test('knows which recording shows a moment, and where', () => {
  const plan = new Plan(SESSION);
  const piece = plan.pieceAt(at('10:01:00'));
  assert.equal(piece?.discontinuity, 1);
  assert.equal(plan.mediaAt(piece, at('10:01:00') + 1.5 * SECOND), 31.5);
  assert.equal(plan.pieceAt(at('10:02:00') + MINUTE), null);
});

test('says so when the service sends a time that is none', () => {
  assert.throws(() => new Plan({ ...SESSION, end_time: 'soon' }), /soon/);
});
