/** A session for tests: two recordings that follow each other, a gap of four minutes, a third. */
export const SESSION = {
  session_id: 'one',
  camera_id: 'cam',
  start_time: '2026-03-14T10:00:31Z',
  end_time: '2026-03-14T10:06:30Z',
  url: '/api/v1/playback/sessions/one/playlist.m3u8',
  playlist_start: '2026-03-14T10:00:30Z',
  recordings: [
    { id: 'a', start_time: '2026-03-14T10:00:00Z', end_time: '2026-03-14T10:01:00Z', zero: '2026-03-14T10:00:00Z', discontinuity: 0, frame_rate: 25 },
    { id: 'b', start_time: '2026-03-14T10:01:00Z', end_time: '2026-03-14T10:02:00Z', zero: '2026-03-14T10:01:00Z', discontinuity: 1, frame_rate: 25 },
    { id: 'c', start_time: '2026-03-14T10:06:00.040Z', end_time: '2026-03-14T10:07:00Z', zero: '2026-03-14T10:06:00.040Z', discontinuity: 2, frame_rate: null },
  ],
};
