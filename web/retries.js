/** Trying again: later and later while something is away, and not for ever when nothing helps. */

const RETRY_SECONDS = [1, 2, 4, 8, 15];

/** So many sessions in a row that end at once are no coincidence. */
const MOST_REOPENINGS = 3;
const REOPENINGS_WITHIN_MS = 30_000;

export class Retries {
  /** @param {(reason: string | null) => void} onWait  null: nothing is waited for any more */
  constructor(onWait) {
    this.onWait = onWait;
    this.failures = 0;
    this.timer = 0;
    this.act = () => {};
    /** @type {number[]} */
    this.reopenings = [];
  }

  /** @param {string} reason  @param {() => void} act */
  later(reason, act) {
    const seconds = RETRY_SECONDS[Math.min(this.failures, RETRY_SECONDS.length - 1)];
    this.failures += 1;
    this.act = act;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(act, seconds * 1000);
    this.onWait(reason);
  }

  /** Tries at once what was to be tried later. */
  now() {
    if (this.timer === 0) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.act();
  }

  /** It is not wanted any more. */
  cancel() {
    if (this.timer === 0) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.onWait(null);
  }

  /** It works. */
  succeed() {
    this.failures = 0;
    this.cancel();
  }

  /** Whether it makes sense to open yet another session. */
  mayReopen() {
    const now = performance.now();
    this.reopenings = this.reopenings.filter((at) => now - at < REOPENINGS_WITHIN_MS);
    this.reopenings.push(now);
    return this.reopenings.length <= MOST_REOPENINGS;
  }
}
