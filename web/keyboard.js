/** Keys, and the list of them that the help shows. */

import { create, element } from './dom.js';

/**
 * @typedef {Object} KeyAction
 * @property {string[]} keys  as in `KeyboardEvent.key`
 * @property {string} does
 * @property {(event: KeyboardEvent) => void} act
 */

/** @type {Record<string, string>} */
const NAMES = { ' ': 'Space', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };

/** @param {KeyAction[]} actions */
export function listenForKeys(actions) {
  const byKey = new Map(actions.flatMap((action) => action.keys.map((key) => [key, action])));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (belongsToField(event) || document.querySelector('dialog[open]')) return;
    const action = byKey.get(event.key) ?? byKey.get(event.key.toLowerCase());
    if (!action) return;
    event.preventDefault();
    action.act(event);
  });
}

/** @param {KeyAction[]} actions */
export function describeKeys(actions) {
  element('help-keys', HTMLDListElement).replaceChildren(...actions.flatMap(({ keys, does }) => [
    create('dt', {}, keys.flatMap((key, i) => [
      ...(i > 0 ? [document.createTextNode(' ')] : []),
      create('kbd', { text: NAMES[key] ?? key.toUpperCase() }),
    ])),
    create('dd', { text: does }),
  ]));
}

/** Whoever types, or presses a button with the space bar, does not mean the player.  @param {KeyboardEvent} event */
function belongsToField({ target, key }) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches('input:not([type="radio"]), select, textarea')) return true;
  if (target.matches('input[type="radio"]')) return key.startsWith('Arrow') || key === ' ';
  return target.matches('button, a') && (key === ' ' || key === 'Enter');
}
