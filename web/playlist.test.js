import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readStretches } from './playlist.js';
import { parseMoment } from './time.js';

test('a stretch lasts from one discontinuity to the next', () => {
  const stretches = readStretches([
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:6',
    '#EXT-X-START:TIME-OFFSET=1.500000,PRECISE=YES',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:00:30.000Z',
    '#EXTINF:6.000000,',
    'segment/0.ts',
    '#EXTINF:4.040000,a title, with a comma',
    'segment/1.ts',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-14T12:06:00.000+02:00',
    '#EXTINF:5.960000,',
    'segment/2.ts',
    '#EXT-X-ENDLIST',
  ].join('\r\n'));
  assert.deepEqual(stretches, [
    {
      discontinuity: 0, start: 0, end: 10.04, wallUs: parseMoment('2026-03-14T10:00:30Z'),
      firstEnd: 6, firstUri: 'segment/0.ts', lastUri: 'segment/1.ts',
    },
    {
      discontinuity: 1, start: 10.04, end: 16, wallUs: parseMoment('2026-03-14T10:06:00Z'),
      firstEnd: 16, firstUri: 'segment/2.ts', lastUri: 'segment/2.ts',
    },
  ]);
});

test('a playlist without dates has no stretches', () => {
  assert.deepEqual(readStretches('#EXTM3U\n#EXTINF:6,\n0.ts\n'), []);
});
