const TWO_32 = 2n ** 32n;

/** Time stamps of a pcapng interface: 64-bit counts of ticks since 1970 (draft-ietf-opsawg-pcapng section 4.2, if_tsresol). */
export class Ticks {
  readonly perSecond: bigint;
  readonly #offset: number;
  /** As a number where all the arithmetic below stays exact in doubles; 0 elsewhere. */
  readonly #small: number;

  /** `resolution` is the value of if_tsresol, 6 where it is missing; `offset` is if_tsoffset in seconds. */
  constructor(resolution: number, offset: number) {
    const exponent = resolution & 0x7f;
    const base = resolution & 0x80 ? 2n : 10n;
    // What does not fit into 64 bits counts as the largest number that does.
    this.perSecond = exponent < (base === 2n ? 64 : 20) ? base ** BigInt(exponent) : 2n ** 64n - 1n;
    this.#offset = offset;
    // Remainders are below 2^30, so that 2^16 of them stay below 2^53; nanoseconds are then a whole multiple of ticks.
    this.#small = this.perSecond <= 1_000_000_000n && 1_000_000_000n % this.perSecond === 0n ? Number(this.perSecond) : 0;
  }

  /** Seconds since 1970 and the nanoseconds beyond them. */
  time(high: number, low: number): { seconds: number; nanoseconds: number } {
    const per = this.#small;
    if (per === 0) return this.#exact(high, low);
    // Long division, 16 bits at a time.
    let rest = high % per;
    let seconds = Math.floor(high / per);
    for (const digit of [low >>> 16, low & 0xffff]) {
      const value = rest * 65536 + digit;
      seconds = seconds * 65536 + Math.floor(value / per);
      rest = value % per;
    }
    return { seconds: seconds + this.#offset, nanoseconds: rest * (1_000_000_000 / per) };
  }

  #exact(high: number, low: number): { seconds: number; nanoseconds: number } {
    const ticks = BigInt(high) * TWO_32 + BigInt(low);
    const nanoseconds = ((ticks % this.perSecond) * 1_000_000_000n) / this.perSecond;
    return { seconds: Number(ticks / this.perSecond) + this.#offset, nanoseconds: Number(nanoseconds) };
  }
}
