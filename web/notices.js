/** Everything the page says in words: passing notes, waiting, what stopped it, and lasting remarks. */

import { create, element } from './dom.js';

const TOAST_MS = 4_500;
const MOST_TOASTS = 3;

/** A wait shorter than this is not worth a flicker. */
const SPINNER_AFTER_MS = 250;

/** @typedef {{ label: string, act: () => void }} Action */

export class Notices {
  constructor() {
    this.toasts = element('toasts', HTMLDivElement);
    this.spinner = element('spinner', HTMLDivElement);
    this.spinnerText = element('spinner-text', HTMLSpanElement);
    this.panel = element('panel', HTMLElement);
    this.panelTitle = element('panel-title', HTMLHeadingElement);
    this.panelText = element('panel-text', HTMLParagraphElement);
    this.panelActions = element('panel-actions', HTMLDivElement);
    this.remarkList = element('remarks', HTMLUListElement);
    this.spinnerTimer = 0;
  }

  /** @param {string} text */
  toast(text) {
    for (const same of [...this.toasts.children].filter(({ textContent }) => textContent === text)) same.remove();
    const toast = create('div', { class: 'toast', text });
    this.toasts.append(toast);
    while (this.toasts.children.length > MOST_TOASTS) this.toasts.firstElementChild?.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  /** @param {boolean} isWaiting  @param {string} [text]  why, where it takes long */
  wait(isWaiting, text = '') {
    clearTimeout(this.spinnerTimer);
    this.spinnerText.textContent = text;
    if (!isWaiting) this.spinner.hidden = true;
    else if (text) this.spinner.hidden = false;
    else this.spinnerTimer = window.setTimeout(() => { this.spinner.hidden = false; }, SPINNER_AFTER_MS);
  }

  /** @param {string} title  @param {string} text  @param {Action[]} [actions] */
  explain(title, text, actions = []) {
    this.panelTitle.textContent = title;
    this.panelText.textContent = text;
    this.panelActions.replaceChildren(...actions.map(({ label, act }) => {
      const button = create('button', { class: 'button', text: label });
      button.type = 'button';
      button.addEventListener('click', act);
      return button;
    }));
    this.panel.hidden = false;
  }

  clearPanel() {
    this.panel.hidden = true;
  }

  /** What holds as long as this camera is shown.  @param {string[]} texts */
  remark(texts) {
    const shown = [...this.remarkList.children].map(({ textContent }) => textContent);
    if (texts.join('\n') === shown.join('\n')) return;
    this.remarkList.replaceChildren(...texts.map((text) => create('li', { text })));
  }
}
