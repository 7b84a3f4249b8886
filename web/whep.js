/**
 * WebRTC by WHEP: an offer goes out, an answer comes back, and what it names is deleted at the end.
 *
 * @typedef {Object} Tools  What it works with; tests bring their own.
 * @property {typeof fetch} fetch
 * @property {() => RTCPeerConnection} connect
 * @property {(ms: number) => Promise<void>} pause
 */

/** Offers without addresses work as well; those that are found at once help through firewalls. */
const GATHER_MS = 400;

/** @type {Tools} */
const BROWSER = {
  fetch: (...request) => fetch(...request),
  connect: () => new RTCPeerConnection(),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Why there is no stream, in words. */
export class WhepError extends Error {}

export class Whep {
  /**
   * @param {string} url
   * @param {{ onTrack: (track: MediaStreamTrack) => void, onLost: () => void }} events
   * @param {Tools} [tools]
   */
  constructor(url, events, tools = BROWSER) {
    this.url = url;
    this.events = events;
    this.tools = tools;
    this.abort = new AbortController();
    /** What the server made for us.  @type {string | null} */
    this.resource = null;
    this.connection = tools.connect();
    this.connection.ontrack = ({ track }) => events.onTrack(track);
    this.connection.onconnectionstatechange = () => this.#onState();
  }

  /** Asks for the stream; tracks come when it is there. */
  async start() {
    const { connection } = this;
    for (const kind of ['video', 'audio']) connection.addTransceiver(kind, { direction: 'recvonly' });
    await connection.setLocalDescription(await connection.createOffer());
    await Promise.race([this.#gathered(), this.tools.pause(GATHER_MS)]);
    const sdp = await this.#exchange(connection.localDescription?.sdp ?? '');
    if (!this.abort.signal.aborted) await connection.setRemoteDescription({ type: 'answer', sdp });
  }

  stop() {
    this.abort.abort();
    this.connection.onconnectionstatechange = null;
    this.connection.close();
    this.#giveBack();
  }

  /** @param {string} offer  @returns {Promise<string>} */
  async #exchange(offer) {
    const response = await this.#send(offer);
    const location = response.headers.get('location');
    this.resource = location && new URL(location, response.url || this.url).href;
    // The answer came after nobody wanted it any more.
    if (this.abort.signal.aborted) this.#giveBack();
    return response.text();
  }

  /** @param {string} offer */
  async #send(offer) {
    /** @type {Response} */
    let response;
    try {
      const headers = { 'content-type': 'application/sdp' };
      response = await this.tools.fetch(this.url, { method: 'POST', headers, body: offer });
    } catch {
      throw new WhepError('The media server cannot be reached by WebRTC.');
    }
    if (response.status === 201) return response;
    throw new WhepError(refusal(response.status));
  }

  /** Nobody waits for the answer: the server ends a connection that is silent by itself. */
  #giveBack() {
    const { resource } = this;
    this.resource = null;
    if (resource) this.tools.fetch(resource, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  #onState() {
    const { connectionState } = this.connection;
    if (connectionState === 'failed' || connectionState === 'closed') this.events.onLost();
  }

  /** @returns {Promise<void>} */
  #gathered() {
    const { connection } = this;
    return new Promise((resolve) => {
      const look = () => connection.iceGatheringState === 'complete' && resolve();
      connection.onicegatheringstatechange = look;
      look();
    });
  }
}

/** @param {number} status */
function refusal(status) {
  if (status === 401 || status === 403) return 'The media server does not let this page watch.';
  if (status === 404) return 'The media server has no WebRTC for this camera.';
  if (status === 400) return 'The browser and the camera have no format for WebRTC in common.';
  return `The media server answered ${status}.`;
}
