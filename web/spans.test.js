import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SpanSet } from './spans.js';

const span = (startUs, endUs) => ({ startUs, endUs });

test('what overlaps or touches becomes one', () => {
  const set = new SpanSet();
  set.add([span(10, 20), span(40, 50)]);
  set.add([span(20, 25), span(45, 60), span(0, 5), span(70, 70)]);
  assert.deepEqual(set.spans, [span(0, 5), span(10, 25), span(40, 60)]);
});

test('does not change what it was given', () => {
  const given = span(0, 5);
  const set = new SpanSet();
  set.add([given]);
  set.add([span(5, 9)]);
  assert.deepEqual(given, span(0, 5));
});

test('finds the span of a moment', () => {
  const set = new SpanSet();
  set.add([span(10, 20)]);
  assert.deepEqual(set.at(10), span(10, 20));
  assert.equal(set.at(20), null);
  assert.equal(set.at(9), null);
});

test('tells what is missing in a range', () => {
  const set = new SpanSet();
  set.add([span(10, 20), span(30, 40)]);
  assert.deepEqual(set.holesIn(span(0, 50)), [span(0, 10), span(20, 30), span(40, 50)]);
  assert.deepEqual(set.holesIn(span(12, 18)), []);
  assert.deepEqual(set.holesIn(span(15, 35)), [span(20, 30)]);
  assert.deepEqual(new SpanSet().holesIn(span(1, 2)), [span(1, 2)]);
});
