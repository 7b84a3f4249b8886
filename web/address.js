/** Keeps the address of the page that of the moment on screen, and hands it out. */

import { element } from './dom.js';
import { writeLink } from './link.js';

/** Browsers allow a page only so many changes of its address. */
const CHANGE_EVERY_MS = 1_000;

export class Address {
  /** @param {() => { cameraId: string, us: number | null, isLive: boolean } | null} moment */
  constructor(moment) {
    this.moment = moment;
    this.timer = 0;
  }

  /** @returns {string} */
  get href() {
    const moment = this.moment();
    const query = moment ? writeLink(location.search, moment.cameraId, moment.us, moment.isLive) : '';
    return new URL(query, location.href).href;
  }

  updateSoon() {
    if (this.timer !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      this.update();
    }, CHANGE_EVERY_MS);
  }

  update() {
    if (this.moment()) history.replaceState(null, '', this.href);
  }

  /** @returns {Promise<boolean>}  false: the user has to copy it by hand, from the dialog that has opened */
  async copy() {
    this.update();
    try {
      await navigator.clipboard.writeText(this.href);
      return true;
    } catch {
      // Plain HTTP, or no permission.
      const field = element('link-text', HTMLInputElement);
      field.value = this.href;
      element('link-dialog', HTMLDialogElement).showModal();
      field.select();
      return false;
    }
  }
}
