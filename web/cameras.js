/** The list of cameras, with what is recorded of each. */

import { extentOf } from './archive.js';
import { create, element } from './dom.js';
import { formatExtent } from './time.js';

/** With more cameras than this, people look for a name instead of reading. */
const FILTER_FROM = 8;

export class CameraList {
  /** @param {(cameraId: string) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.nav = element('cameras', HTMLElement);
    this.list = element('camera-list', HTMLUListElement);
    this.filter = element('camera-filter', HTMLInputElement);
    this.note = element('camera-note', HTMLParagraphElement);
    this.toggle = element('cameras-toggle', HTMLButtonElement);
    /** @type {import('./api.js').CameraJson[]} */
    this.cameras = [];
    /** @type {string | null} */
    this.chosen = null;
    /** @type {import('./time.js').Zone} */
    this.zone = 'utc';
    this.filter.addEventListener('input', () => this.#draw());
    this.filter.addEventListener('keydown', (event) => event.key === 'Enter' && this.#enter());
    this.toggle.addEventListener('click', () => this.#unfold(!this.nav.classList.contains('is-open')));
  }

  /** @param {import('./api.js').CameraJson[]} cameras  @param {import('./time.js').Zone} zone */
  show(cameras, zone) {
    this.cameras = cameras;
    this.zone = zone;
    // Without a list of cameras somebody has to say which one.
    this.filter.hidden = cameras.length > 0 && cameras.length < FILTER_FROM;
    this.filter.placeholder = cameras.length > 0 ? 'Find a camera' : 'Name of a camera';
    this.#draw();
  }

  /** @param {string | null} cameraId */
  choose(cameraId) {
    this.chosen = cameraId;
    this.#unfold(false);
    this.#draw();
    this.list.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  /** On a small screen the list is folded away.  @param {boolean} open */
  #unfold(open) {
    this.nav.classList.toggle('is-open', open);
    this.toggle.setAttribute('aria-expanded', String(open));
  }

  /** Opens the one camera that is left, or else the one of that name: not every camera has to be listed. */
  #enter() {
    const name = this.filter.value.trim();
    const shown = this.#shown();
    if (shown.length === 1) this.onChoose(shown[0].id);
    else if (name && (shown.length === 0 || shown.some(({ id }) => id === name))) this.onChoose(name);
  }

  #shown() {
    const wanted = this.filter.hidden ? '' : this.filter.value.trim().toLowerCase();
    return this.cameras.filter(({ id }) => id.toLowerCase().includes(wanted));
  }

  #draw() {
    const shown = this.#shown();
    this.list.replaceChildren(...shown.map((camera) => this.#item(camera)));
    this.note.hidden = shown.length > 0 || this.cameras.length === 0;
    this.note.textContent = `No camera is called “${this.filter.value.trim()}”.`;
  }

  /** @param {import('./api.js').CameraJson} camera */
  #item(camera) {
    const extent = extentOf(camera);
    const isEmpty = !extent && camera.recordings !== null;
    const button = create('button', { class: isEmpty ? 'camera is-empty' : 'camera' }, [
      create('b', { text: camera.id }),
      ...describe(camera, extent, this.zone).map((text) => create('small', { text })),
    ]);
    button.type = 'button';
    button.dataset.camera = camera.id;
    button.setAttribute('aria-current', String(camera.id === this.chosen));
    button.addEventListener('click', () => this.onChoose(camera.id));
    return create('li', {}, [button]);
  }
}

/**
 * What is known of a camera's footage; nothing, where somebody else keeps it.
 *
 * @param {import('./api.js').CameraJson} camera
 * @param {import('./spans.js').Span | null} extent
 * @param {import('./time.js').Zone} zone
 * @returns {string[]}
 */
function describe({ recordings }, extent, zone) {
  if (recordings === null) return extent ? [formatExtent(extent, zone)] : [];
  if (!extent) return ['nothing recorded'];
  return [formatExtent(extent, zone), recordings === 1 ? '1 recording' : `${recordings} recordings`];
}
