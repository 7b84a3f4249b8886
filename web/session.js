/** A playback session as the page sees it: recordings laid end to end on one media timeline. Pure. */

import { parseMoment, SECOND } from './time.js';

/**
 * One recording of a session.
 *
 * @typedef {Object} Piece
 * @property {number} discontinuity  its number in the playlist
 * @property {number} zeroUs  the moment of its timestamp zero
 * @property {number} startUs  first moment that the session plays
 * @property {number} endUs
 * @property {number} mediaStart  where `startUs` should come to lie, in seconds
 * @property {number | null} frameRate
 */

export class Plan {
  /** @param {import('./api.js').SessionJson} session */
  constructor(session) {
    this.id = session.session_id;
    this.cameraId = session.camera_id;
    this.url = session.url;
    this.startUs = Math.min(moment(session.playlist_start), moment(session.start_time));
    this.endUs = moment(session.end_time);
    this.leftOut = session.left_out ?? [];
    this.pieces = layOut(session.recordings, moment(session.playlist_start));
  }

  /** Whether a moment belongs to this session, recorded or not.  @param {number} us */
  covers(us) {
    return us >= this.startUs && us < this.endUs;
  }

  /** @param {number} us  @returns {Piece | null} the recording that shows this moment */
  pieceAt(us) {
    return this.pieces.findLast(({ startUs, endUs }) => us >= startUs && us < endUs) ?? null;
  }

  /** @param {number} discontinuity */
  pieceOf(discontinuity) {
    return this.pieces.find((piece) => piece.discontinuity === discontinuity) ?? null;
  }

  /**
   * The moment itself where it was recorded, else the next one that was.
   *
   * @param {number} us
   * @returns {number | null}  null: nothing more in this session
   */
  recordedFrom(us) {
    if (this.pieceAt(us)) return us;
    const next = this.pieces.find(({ startUs }) => startUs >= us);
    return next && next.startUs < this.endUs ? next.startUs : null;
  }

  /**
   * Where a moment should lie on the media timeline; players differ from this by fractions of a second.
   *
   * @param {Piece} piece
   * @param {number} us
   */
  mediaAt(piece, us) {
    return piece.mediaStart + (us - piece.startUs) / SECOND;
  }
}

/**
 * @param {import('./api.js').SessionRecordingJson[]} recordings
 * @param {number} playlistStartUs
 * @returns {Piece[]}
 */
function layOut(recordings, playlistStartUs) {
  let mediaStart = 0;
  return recordings.map((recording) => {
    const startUs = Math.max(moment(recording.start_time), playlistStartUs);
    const endUs = Math.max(startUs, moment(recording.end_time));
    const piece = {
      discontinuity: recording.discontinuity,
      zeroUs: moment(recording.zero),
      startUs,
      endUs,
      mediaStart,
      frameRate: recording.frame_rate || null,
    };
    mediaStart += (endUs - startUs) / SECOND;
    return piece;
  });
}

/** @param {string} text */
function moment(text) {
  const us = parseMoment(text);
  if (us === null) throw new TypeError(`the service sent "${text}" for a time`);
  return us;
}
