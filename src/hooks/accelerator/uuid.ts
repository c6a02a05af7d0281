import { randomOf } from '../../base/random.ts';

/**
 * UUIDs of version 7 (RFC 9562 section 5.7), each greater than the one before: 48 bits of milliseconds, then a counter of 42 bits in
 * place of `rand_a` and the head of `rand_b` (section 6.2, method 1), then 32 bits of a seeded generator, so that runs are repeatable.
 */
export class Uuids {
  readonly #random: () => number;
  #ms = -1;
  #counter = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** 16 bytes in network order for a time in ms since 1970, which never goes back. */
  next(ms: number): Uint8Array {
    if (ms > this.#ms) {
      this.#ms = ms;
      this.#counter = 0;
    } else this.#counter++;
    const out = new Uint8Array(16);
    const view = new DataView(out.buffer);
    view.setUint32(0, Math.floor(this.#ms / 2 ** 16));
    view.setUint16(4, this.#ms % 2 ** 16);
    view.setUint16(6, 0x7000 | Math.floor(this.#counter / 2 ** 30));
    view.setUint32(8, (0x80000000 | (this.#counter % 2 ** 30)) >>> 0);
    view.setUint32(12, Math.floor(this.#random() * 2 ** 32));
    return out;
  }
}
