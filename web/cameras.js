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
    this.toggle.addEventListener('click', () => this.#unfold(!this.nav.classList.contains('is-open')));
  }

  /** @param {import('./api.js').CameraJson[]} cameras  @param {import('./time.js').Zone} zone */
  show(cameras, zone) {
    this.cameras = cameras;
    this.zone = zone;
    this.filter.hidden = cameras.length < FILTER_FROM;
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

  #draw() {
    const wanted = this.filter.hidden ? '' : this.filter.value.trim().toLowerCase();
    const shown = this.cameras.filter(({ id }) => id.toLowerCase().includes(wanted));
    this.list.replaceChildren(...shown.map((camera) => this.#item(camera)));
    this.note.hidden = shown.length > 0 || this.cameras.length === 0;
    this.note.textContent = `No camera is called “${this.filter.value.trim()}”.`;
  }

  /** @param {import('./api.js').CameraJson} camera */
  #item(camera) {
    const extent = extentOf(camera);
    const count = camera.recordings === 1 ? '1 recording' : `${camera.recordings} recordings`;
    const button = create('button', { class: extent ? 'camera' : 'camera is-empty' }, [
      create('b', { text: camera.id }),
      create('small', { text: extent ? formatExtent(extent, this.zone) : 'nothing recorded' }),
      ...(extent && camera.recordings !== null ? [create('small', { text: count })] : []),
    ]);
    button.type = 'button';
    button.dataset.camera = camera.id;
    button.setAttribute('aria-current', String(camera.id === this.chosen));
    button.addEventListener('click', () => this.onChoose(camera.id));
    return create('li', {}, [button]);
  }
}
