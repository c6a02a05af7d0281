/** Bins of a histogram of magnitudes: fine enough for a percentile of 99.99 and for clips that are a thousandth apart. */
const BINS = 2048;
/** Clips that are tried, as parts of the largest magnitude, by the square error that they leave. */
const TRIED = 64;
/** Smallest part of the largest magnitude that is tried. */
const LEAST = 0.1;

/** How often a value's elements have which magnitude. The range doubles as larger ones come, so that one pass over a trace is enough. */
export class Magnitudes {
  readonly #bins = new Float64Array(BINS);
  #limit = 0;
  #count = 0;
  #top = 0;

  /** Counts every finite element. */
  add(data: ArrayLike<number>): void {
    let top = this.#top;
    for (let i = 0; i < data.length; i++) {
      const a = Math.abs(data[i]!);
      if (a > top && a !== Number.POSITIVE_INFINITY) top = a;
    }
    this.#reach(top);
    if (this.#limit === 0) return;
    const perUnit = BINS / this.#limit;
    for (let i = 0; i < data.length; i++) {
      const a = Math.abs(data[i]!);
      if (!(a <= top)) continue;
      this.#bins[Math.min(BINS - 1, Math.floor(a * perUnit))]!++;
      this.#count++;
    }
  }

  /** The magnitude that `percent` of the elements do not exceed, to the width of a bin. */
  percentile(percent: number): number {
    const wanted = (percent / 100) * this.#count;
    let seen = 0;
    for (let i = 0; i < BINS; i++) {
      seen += this.#bins[i]!;
      if (seen >= wanted) return Math.min(this.#top, ((i + 1) * this.#limit) / BINS);
    }
    return this.#top;
  }

  /** The magnitude to saturate at with the smallest mean square error in integers of `bits`: rounding below it, cutting above. */
  leastSquares(bits: number): number {
    const levels = 2 ** (bits - 1) - 1;
    let [best, least] = [this.#top, Number.POSITIVE_INFINITY];
    for (let i = 0; i <= TRIED; i++) {
      const clip = this.#top * (1 - ((1 - LEAST) * i) / TRIED);
      const rounding = (clip / levels) ** 2 / 12;
      let error = 0;
      for (let bin = 0; bin < BINS; bin++) {
        const over = ((bin + 0.5) * this.#limit) / BINS - clip;
        error += this.#bins[bin]! * (over > 0 ? over * over : rounding);
      }
      if (error < least) [best, least] = [clip, error];
    }
    return best;
  }

  #reach(top: number): void {
    this.#top = top;
    if (this.#limit === 0) this.#limit = top;
    while (this.#limit > 0 && this.#limit < top) {
      for (let i = 0; i < BINS / 2; i++) this.#bins[i] = this.#bins[2 * i]! + this.#bins[2 * i + 1]!;
      this.#bins.fill(0, BINS / 2);
      this.#limit *= 2;
    }
  }
}
