/** What each key does on the page. */

import { MINUTE, SECOND } from './time.js';

const SKIP_US = 5 * SECOND;
const LONG_SKIP_US = MINUTE;

/**
 * @param {import('./main.js').Page} page
 * @returns {import('./keyboard.js').KeyAction[]}
 */
export function keysOf(page) {
  const { player, timeline, picker } = page;
  const skip = (/** @type {1 | -1} */ direction) => (/** @type {KeyboardEvent} */ { shiftKey }) =>
    page.skipBy(direction * (shiftKey ? LONG_SKIP_US : SKIP_US));
  return [
    { keys: [' ', 'k'], does: 'Play or pause', act: () => page.toggle() },
    { keys: ['l'], does: 'Live or recorded', act: () => page.switchView() },
    { keys: ['ArrowLeft'], does: '5 seconds back; with Shift a minute', act: skip(-1) },
    { keys: ['ArrowRight'], does: '5 seconds forward; with Shift a minute', act: skip(1) },
    { keys: [','], does: 'One frame back', act: () => player.step(-1) },
    { keys: ['.'], does: 'One frame forward', act: () => player.step(1) },
    { keys: ['[', '<'], does: 'Slower', act: () => page.changeRate(-1) },
    { keys: [']', '>'], does: 'Faster', act: () => page.changeRate(1) },
    { keys: ['p'], does: 'Start of this recording, or the one before', act: () => page.skipRecording(-1) },
    { keys: ['n'], does: 'Next recording', act: () => page.skipRecording(1) },
    { keys: ['g'], does: 'Go to a time', act: () => picker.focus() },
    { keys: ['+', '='], does: 'Zoom in', act: () => timeline.zoomBy(0.5) },
    { keys: ['-'], does: 'Zoom out', act: () => timeline.zoomBy(2) },
    { keys: ['0'], does: 'Show the moment that is playing', act: () => page.centre() },
    { keys: ['m'], does: 'Sound on or off', act: () => page.toggleSound() },
    { keys: ['f'], does: 'Full screen', act: () => page.toggleFullScreen() },
    { keys: ['c'], does: 'Copy a link to this moment', act: () => page.copyLink() },
    { keys: ['?'], does: 'These keys', act: () => page.openHelp() },
  ];
}
