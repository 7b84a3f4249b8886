/**
 * Reads the frame counter that is drawn into the sample footage (testdata/README.md), and compares it with the wall time
 * that the page shows for the same frame. Runs in the page.
 */
export function installReader() {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext('2d', { willReadFrequently: true });

  /** @returns {{camera: number, counter: number} | null} */
  function readCounter(video) {
    context.drawImage(video, 0, 0, 640, 360);
    const row = context.getImageData(64, 348, 512, 1).data;
    const luma = (cell) => row[4 * (16 * cell + 8) + 1];
    const white = Math.min(luma(0), luma(2));
    const black = Math.max(luma(1), luma(3));
    if (white - black < 64) return null;
    const nibbles = [];
    for (let cell = 0; cell < 32; cell += 4) {
      let nibble = 0;
      for (let bit = 0; bit < 4; bit++) nibble = nibble * 2 + Number(luma(cell + bit) > (white + black) / 2);
      nibbles.push(nibble);
    }
    if (nibbles[0] !== 0xa || nibbles.reduce((a, b) => a ^ b) !== 0) return null;
    return { camera: nibbles[1], counter: nibbles.slice(2, 7).reduce((a, b) => a * 16 + b) };
  }

  /** What the picture says and what the page says, in microseconds since 1970; null where no picture can be read. */
  window.compareClocks = () => {
    const video = document.querySelector('video');
    const drawn = readCounter(video);
    const shown = Number(document.querySelector('[data-wall-us]')?.dataset.wallUs ?? NaN);
    if (drawn === null || Number.isNaN(shown)) return null;
    const drawnUs = Date.UTC(2026, 2, 14, 10) * 1000 + drawn.counter * 40_000;
    return { camera: drawn.camera, counter: drawn.counter, drawnUs, shownUs: shown, offUs: shown - drawnUs };
  };
}
