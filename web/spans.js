/** Sets of stretches of time: what is recorded, and what the page has asked about. Pure. */

/** @typedef {{ startUs: number, endUs: number }} Span */

export class SpanSet {
  constructor() {
    /** Ascending, apart from each other.  @type {Span[]} */
    this.spans = [];
  }

  /** @param {Span[]} added */
  add(added) {
    const all = [...this.spans, ...added].filter(({ startUs, endUs }) => endUs > startUs);
    all.sort((a, b) => a.startUs - b.startUs);
    /** @type {Span[]} */
    const merged = [];
    for (const span of all) {
      const last = merged.at(-1);
      if (last && span.startUs <= last.endUs) last.endUs = Math.max(last.endUs, span.endUs);
      else merged.push({ ...span });
    }
    this.spans = merged;
  }

  /** @param {number} us  @returns {Span | null} */
  at(us) {
    return this.spans.find(({ startUs, endUs }) => us >= startUs && us < endUs) ?? null;
  }

  /** @param {Span} range  @returns {Span[]} what is missing in it */
  holesIn({ startUs, endUs }) {
    const holes = [];
    let from = startUs;
    for (const span of this.spans) {
      if (span.endUs <= from) continue;
      if (span.startUs >= endUs) break;
      if (span.startUs > from) holes.push({ startUs: from, endUs: span.startUs });
      from = span.endUs;
    }
    if (from < endUs) holes.push({ startUs: from, endUs });
    return holes;
  }
}
