/** What the page says when it has nothing to show, and what can be done about it. */

import { formatForReading, formatStretch, MINUTE } from './time.js';

/**
 * @typedef {import('./notices.js').Notices} Notices
 * @typedef {import('./spans.js').Span} Span
 */

/** @param {Notices} notices */
export function explainNoPlayer(notices) {
  notices.explain(
    'This browser cannot play the recordings',
    'This build of the service has no hls.js, and the browser has no HLS of its own. '
      + 'Safari, a current Chrome or Edge, or a build made with npm at hand will play them.',
  );
}

/** @param {Notices} notices */
export function explainNoCameras(notices) {
  notices.explain(
    'No camera is listed',
    'Nothing is recorded yet, or whoever knows the cameras has no list of them. '
      + 'One that is not listed can be opened by its name, beside this picture.',
    [{ label: 'Look again', act: () => location.reload() }],
  );
}

/**
 * @param {Notices} notices
 * @param {string} cameraId
 * @param {boolean} isKnown
 * @param {(() => void) | null} watchLive  null: that is not possible
 */
export function explainEmptyCamera(notices, cameraId, isKnown, watchLive) {
  const actions = watchLive ? [{ label: 'Watch live', act: watchLive }] : [];
  if (isKnown) notices.explain('Nothing recorded', `There is no footage of ${cameraId} yet.`, actions);
  else notices.explain('Unknown camera', `The service knows no camera called ${cameraId}.`);
}

/** @param {Notices} notices  @param {string} detail */
export function explainNoList(notices, detail) {
  notices.explain('The cameras cannot be listed', detail, [{ label: 'Try again', act: () => location.reload() }]);
}

/** @param {Notices} notices  @param {string} detail  @param {() => void} tryAgain */
export function explainFailure(notices, detail, tryAgain) {
  notices.explain('This cannot be played', detail, [{ label: 'Try again', act: tryAgain }]);
}

/**
 * Nothing was recorded at a moment: offers what lies next to it.
 *
 * @param {Notices} notices
 * @param {number} us
 * @param {{ before: Span | null, after: Span | null }} nearest
 * @param {import('./time.js').Zone} zone
 * @param {(us: number) => void} goTo
 */
export function explainGap(notices, us, { before, after }, zone, goTo) {
  const actions = [];
  if (before) {
    const { startUs, endUs } = before;
    const at = Math.max(startUs, endUs - MINUTE);
    actions.push({ label: `◀ Before: ${formatStretch(before, zone)}`, act: () => goTo(at) });
  }
  if (after) {
    const { startUs } = after;
    actions.push({ label: `After: ${formatStretch(after, zone)} ▶`, act: () => goTo(startUs) });
  }
  const text = actions.length > 0 ? 'The nearest footage:' : 'There is no other footage of this camera either.';
  notices.explain(`Nothing recorded at ${formatForReading(us, zone)}`, text, actions);
}

/** @param {Notices} notices  @param {string} detail  @param {() => void} tryAgain  @param {() => void} showRecorded */
export function explainNoLive(notices, detail, tryAgain, showRecorded) {
  const actions = [{ label: 'Try again', act: tryAgain }, { label: 'Show what is recorded', act: showRecorded }];
  notices.explain('No live picture', detail, actions);
}
