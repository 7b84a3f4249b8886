/** Tells which frame is on screen. */

/**
 * Calls back for every frame that comes on screen, with its time on the media timeline.
 *
 * @param {HTMLVideoElement} video
 * @param {(seconds: number) => void} onFrame
 */
export function watchFrames(video, onFrame) {
  if ('requestVideoFrameCallback' in video) watchPresentedFrames(video, onFrame);
  else watchPosition(video, onFrame);
  // Sound alone has no frames; its clock is the position.
  video.addEventListener('timeupdate', () => {
    if (video.videoWidth === 0 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) onFrame(video.currentTime);
  });
}

/** @param {HTMLVideoElement} video  @param {(seconds: number) => void} onFrame */
function watchPresentedFrames(video, onFrame) {
  /** @type {VideoFrameRequestCallback} */
  const next = (_now, { mediaTime }) => {
    video.requestVideoFrameCallback(next);
    onFrame(mediaTime);
  };
  video.requestVideoFrameCallback(next);
}

/**
 * For browsers that do not tell when a frame is presented: right to about a frame, not exactly.
 *
 * @param {HTMLVideoElement} video
 * @param {(seconds: number) => void} onFrame
 */
function watchPosition(video, onFrame) {
  let seen = NaN;
  const look = () => {
    requestAnimationFrame(look);
    const ready = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !video.seeking;
    if (!ready || video.currentTime === seen) return;
    seen = video.currentTime;
    onFrame(seen);
  };
  requestAnimationFrame(look);
}
