/** The switch between live and recorded, and what is said about a live picture. */

import { create, element } from './dom.js';
import { NAMES } from './live.js';

/** @typedef {'live' | 'recorded'} View */

const LATENCY_EVERY_MS = 1_000;

export class LiveView {
  /** @param {(view: View) => void} onSwitch */
  constructor(onSwitch) {
    this.tabs = element('views', HTMLFieldSetElement);
    this.badge = element('live-badge', HTMLElement);
    this.facts = element('live-facts', HTMLElement);
    this.viewer = element('viewer', HTMLElement);
    /** @type {View} */
    this.view = 'recorded';
    /** @type {import('./live.js').LivePlayer | null} */
    this.player = null;
    for (const radio of this.#radios()) {
      radio.addEventListener('change', () => {
        // Or the space bar would no longer be the player's.
        if (!radio.matches(':focus-visible')) radio.blur();
        onSwitch(radio.value === 'live' ? 'live' : 'recorded');
      });
    }
    setInterval(() => this.#showFacts(), LATENCY_EVERY_MS);
  }

  get isOn() {
    return this.view === 'live';
  }

  /** Whether cameras can be watched live at all.  @param {boolean} isPossible */
  offer(isPossible) {
    this.tabs.hidden = !isPossible;
  }

  /** @param {View} view */
  choose(view) {
    this.view = view;
    this.viewer.dataset.view = view;
    this.badge.hidden = view !== 'live';
    for (const radio of this.#radios()) radio.checked = radio.value === view;
  }

  /** @param {import('./live.js').LivePlayer} player */
  show(player) {
    this.player = player;
    this.badge.dataset.state = player.state;
    this.#showFacts();
  }

  #showFacts() {
    if (!this.isOn || !this.player) return;
    this.facts.replaceChildren(...describe(this.player).map((text) => create('span', { text })));
  }

  /** @returns {NodeListOf<HTMLInputElement>} */
  #radios() {
    return document.querySelectorAll('input[name="view"]');
  }
}

/**
 * How a live picture comes, and how late.
 *
 * @param {{ state: string, format: import('./live.js').Format | null, latency: number | null }} player
 */
export function describe({ state, format, latency }) {
  if (state === 'paused') return ['paused'];
  if (format === null || state === 'failed' || state === 'empty') return [];
  return [NAMES[format], ...(latency === null ? [] : [`${latency.toFixed(1)} s behind`])];
}
