/** The form that goes to a date and a time. */

import { element } from './dom.js';
import { clockFace, momentAt, parseMoment } from './time.js';

export class Picker {
  /** @param {(us: number) => void} onGo */
  constructor(onGo) {
    this.onGo = onGo;
    this.form = element('go', HTMLFormElement);
    this.date = element('go-date', HTMLInputElement);
    this.time = element('go-time', HTMLInputElement);
    this.zoneName = element('go-zone', HTMLSpanElement);
    /** @type {import('./time.js').Zone} */
    this.zone = 'utc';
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.form.addEventListener('input', () => this.#markInvalid(false));
    this.time.addEventListener('keydown', (event) => event.key === 'Escape' && this.time.blur());
  }

  /** Shows a moment, unless somebody is just typing another one.  @param {number} us  @param {import('./time.js').Zone} zone */
  show(us, zone) {
    const zoneChanged = zone !== this.zone;
    this.zone = zone;
    const face = clockFace(us, zone);
    this.zoneName.textContent = face.zone;
    if (this.form.contains(document.activeElement) && !zoneChanged) return;
    this.date.value = face.date;
    this.time.value = face.time;
    this.#markInvalid(false);
  }

  focus() {
    this.time.focus();
    this.time.select();
  }

  #submit() {
    const us = this.#read();
    if (us === null) {
      this.#markInvalid(true);
      this.time.focus();
      return;
    }
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    this.onGo(us);
  }

  /** A whole timestamp may be pasted into the field for the time. */
  #read() {
    return parseMoment(this.time.value, this.zone) ?? momentAt(this.date.value, this.time.value, this.zone);
  }

  /** @param {boolean} invalid */
  #markInvalid(invalid) {
    this.time.setAttribute('aria-invalid', String(invalid));
    this.time.setCustomValidity('');
    this.time.title = invalid ? 'Write the time as HH:MM:SS, for example 10:01:02' : '';
  }
}
