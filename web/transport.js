/** The buttons below the picture and the clock of the frame on screen. */

import { create, element, setIcon } from './dom.js';
import { RATES } from './player.js';
import { clockFace, formatMoment, formatForReading } from './time.js';

/**
 * @typedef {Object} Actions
 * @property {() => void} toggle
 * @property {(direction: 1 | -1) => void} step
 * @property {(direction: 1 | -1) => void} skip  to another recording
 * @property {(rate: number) => void} setRate
 * @property {() => void} toggleSound
 * @property {() => void} copyLink
 * @property {() => void} toggleFullScreen
 */

export class Transport {
  /** @param {Actions} actions */
  constructor(actions) {
    this.play = button('play', () => actions.toggle());
    this.mute = button('mute', () => actions.toggleSound());
    this.steps = [button('step-back', () => actions.step(-1)), button('step-forward', () => actions.step(1))];
    this.skips = [button('previous', () => actions.skip(-1)), button('next', () => actions.skip(1))];
    button('copy', () => actions.copyLink());
    button('full', () => actions.toggleFullScreen());
    this.rate = element('rate', HTMLSelectElement);
    this.rate.append(...RATES.map((rate) => rateOption(rate)));
    this.rate.addEventListener('change', () => {
      actions.setRate(Number(this.rate.value));
      // Or the arrow keys would go on changing the speed.
      this.rate.blur();
    });
    this.clock = element('clock', HTMLTimeElement);
    this.clockDate = element('clock-date', HTMLSpanElement);
    this.clockTime = element('clock-time', HTMLSpanElement);
    this.clockFraction = element('clock-fraction', HTMLSpanElement);
    this.clockZone = element('clock-zone', HTMLSpanElement);
  }

  /** @param {{ canPlay: boolean, canMove: boolean, canSkip: boolean, isPlaying: boolean, rate: number, muted: boolean }} state */
  show({ canPlay, canMove, canSkip, isPlaying, rate, muted }) {
    setIcon(this.play, isPlaying ? 'pause' : 'play');
    this.play.setAttribute('aria-label', isPlaying ? 'Pause' : 'Play');
    this.play.disabled = !canPlay;
    for (const step of this.steps) step.disabled = !canMove;
    for (const skip of this.skips) skip.disabled = !canSkip;
    this.rate.value = String(rate);
    setIcon(this.mute, muted ? 'muted' : 'sound');
    this.mute.setAttribute('aria-label', muted ? 'Sound is off' : 'Sound is on');
    this.mute.setAttribute('aria-pressed', String(muted));
  }

  /** @param {number} us  @param {import('./time.js').Zone} zone */
  showTime(us, zone) {
    const face = clockFace(us, zone);
    this.clockDate.textContent = face.date;
    this.clockTime.textContent = face.time;
    this.clockFraction.textContent = `.${face.fraction.slice(0, 3)}`;
    this.clockZone.textContent = face.zone;
    this.clock.dateTime = formatMoment(us);
    this.clock.dataset.wallTime = formatMoment(us);
    this.clock.dataset.wallUs = String(us);
    this.clock.title = formatForReading(us, zone === 'utc' ? 'local' : 'utc');
  }
}

/** @param {string} id  @param {() => void} onClick */
function button(id, onClick) {
  const found = element(id, HTMLButtonElement);
  found.addEventListener('click', onClick);
  return found;
}

/** @param {number} rate */
function rateOption(rate) {
  const option = create('option', { text: `${rate}×` });
  option.value = String(rate);
  return option;
}
