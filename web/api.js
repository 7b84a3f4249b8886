/**
 * The service's HTTP API. Every failure comes out as a `Problem` that can be shown to a person.
 *
 * @typedef {{ id: string, recordings: number | null, first: string | null, last: string | null }} CameraJson
 * @typedef {{ cameras: CameraJson[], limits: { max_range_seconds: number }, live?: string[] }} CamerasJson
 * @typedef {{ session_id: string, camera_id: string, format: string, url: string }} LiveJson
 * @typedef {{ start_time: string, end_time: string }} StretchJson
 *
 * @typedef {Object} RecordingJson
 * @property {string} id
 * @property {string} start_time
 * @property {string} end_time
 * @property {boolean} growing
 *
 * @typedef {Object} RecordingsJson
 * @property {RecordingJson[]} recordings
 * @property {StretchJson[]} spans
 * @property {{ id: string, detail: string }[]} [unreadable]
 *
 * @typedef {Object} SessionRecordingJson
 * @property {string} id
 * @property {string} start_time
 * @property {string} end_time
 * @property {string} zero
 * @property {number} discontinuity
 * @property {number | null} [frame_rate]
 *
 * @typedef {Object} SessionJson
 * @property {string} session_id
 * @property {string} camera_id
 * @property {string} start_time
 * @property {string} end_time
 * @property {string} url
 * @property {string} playlist_start
 * @property {SessionRecordingJson[]} recordings
 * @property {string[]} [left_out]
 */

import { formatMoment, SECOND } from './time.js';

const BASE = '/api/v1/playback';

/** What went wrong, in the service's words where it has answered. */
export class Problem extends Error {
  /**
   * @param {string} detail
   * @param {{ status?: number, nearest?: { before: StretchJson | null, after: StretchJson | null } | null }} [facts]
   */
  constructor(detail, { status = 0, nearest = null } = {}) {
    super(detail);
    /** 0: there was no answer. */
    this.status = status;
    this.nearest = nearest;
  }

  /** Whether the same request may well succeed in a moment. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @param {AbortSignal} [signal]  @returns {Promise<CamerasJson>} */
export function fetchCameras(signal) {
  return request('/cameras', { signal });
}

/**
 * @param {string} cameraId
 * @param {{ startUs: number, endUs: number }} range
 * @param {AbortSignal} [signal]
 * @returns {Promise<RecordingsJson>}
 */
export function fetchRecordings(cameraId, { startUs, endUs }, signal) {
  const query = new URLSearchParams({ start_time: formatMoment(startUs), end_time: formatMoment(endUs) });
  return request(`/cameras/${encodeURIComponent(cameraId)}/recordings?${query}`, { signal });
}

/**
 * @param {string} cameraId
 * @param {{ startUs: number, endUs: number }} range
 * @param {AbortSignal} [signal]
 * @returns {Promise<SessionJson>}
 */
export function startSession(cameraId, { startUs, endUs }, signal) {
  const body = {
    camera_id: cameraId,
    start_time: formatMoment(startUs),
    end_time: formatMoment(endUs),
    format: 'hls',
  };
  return post('/start', body, signal);
}

/**
 * The newest footage of a camera of which the list says nothing: what lies before a moment that is still to come.
 *
 * @param {string} cameraId
 * @param {number} momentUs
 * @returns {Promise<StretchJson | null>}
 */
export async function findNewest(cameraId, momentUs) {
  try {
    const session = await startSession(cameraId, { startUs: momentUs, endUs: momentUs + SECOND });
    stopSession(session.session_id);
    return session;
  } catch (error) {
    if (error instanceof Problem && error.nearest) return error.nearest.before;
    throw error;
  }
}

/** @param {string} cameraId  @param {string} format  @returns {Promise<LiveJson>} */
export function startLive(cameraId, format) {
  return post('/live', { camera_id: cameraId, format });
}

/** @param {string} sessionId  @returns {Promise<SessionJson>} */
export function fetchSession(sessionId) {
  return request(`/sessions/${encodeURIComponent(sessionId)}`);
}

/**
 * Gives a session back. Nobody waits for the answer: a session that stays behind expires by itself. `keepalive` lets the
 * request outlive the page.
 *
 * @param {string} sessionId
 */
export function stopSession(sessionId) {
  const url = `${BASE}/sessions/${encodeURIComponent(sessionId)}`;
  fetch(url, { method: 'DELETE', keepalive: true }).catch(() => {});
}

/** @param {string} url  @returns {Promise<string>} */
export async function fetchPlaylist(url) {
  return (await send(url)).text();
}

/** @param {string} path  @param {object} body  @param {AbortSignal} [signal]  @returns {Promise<any>} */
function post(path, body, signal) {
  const headers = { 'content-type': 'application/json' };
  return request(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
}

/** @param {string} path  @param {RequestInit} [options]  @returns {Promise<any>} */
async function request(path, options) {
  const response = await send(BASE + path, options);
  try {
    return await response.json();
  } catch (error) {
    throw unanswered(error);
  }
}

/** @param {string} url  @param {RequestInit} [options] */
async function send(url, options) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw unanswered(error);
  }
  if (!response.ok) throw await problemIn(response);
  return response;
}

/** @param {unknown} error */
function unanswered(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return error;
  return new Problem('The service cannot be reached.');
}

/** @param {Response} response */
async function problemIn(response) {
  const body = await response.json().catch(() => ({}));
  const detail = body.detail ?? body.message ?? body.title ?? `The service answered ${response.status}.`;
  return new Problem(asSentence(detail), { status: response.status, nearest: body.nearest });
}

/** @param {string} text */
function asSentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
