/** What the page remembers from one visit to the next. Storage may be forbidden; then it forgets. */

/** @typedef {{ zone: import('./time.js').Zone, muted: boolean }} Preferences */

const KEY = 'playback.preferences';

/** @returns {Preferences} */
export function loadPreferences() {
  /** @type {Preferences} */
  const defaults = { zone: 'utc', muted: false };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { zone: stored.zone === 'local' ? 'local' : defaults.zone, muted: stored.muted === true };
  } catch {
    return defaults;
  }
}

/** @param {Preferences} preferences */
export function savePreferences(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Private windows and full disks: the choice holds for this visit.
  }
}
