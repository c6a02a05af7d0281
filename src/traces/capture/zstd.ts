import { Decompress } from 'fzstd';
import type { Damage } from './source.ts';
import type { Decoder, Snapshot } from './unpacked.ts';

/** What fzstd keeps between two pieces: the frame with its window and tables, or how many bytes to pass over, and bytes of a block that is not whole. */
interface DecompressState {
  s?: number | { b: number; w: Uint8Array; o: Int32Array };
  c: Uint8Array[];
  l: number;
  z: number;
}

/** Zstandard (RFC 8878): frames of blocks. Checksums of frames are not compared. */
export class ZstdDecoder implements Decoder {
  consumed = 0;
  damage: Damage | null = null;
  ended = false;
  #out: Uint8Array[] = [];
  #stream = this.#fresh();

  push(bytes: Uint8Array): Uint8Array[] {
    this.#out = [];
    const from = this.consumed;
    this.consumed += bytes.length;
    try {
      if (bytes.length > 0) this.#stream.push(bytes);
      else this.#finish();
    } catch (error) {
      // Blocks before the wrong one have been given.
      const why = bytes.length > 0 ? `damaged (${(error as Error).message})` : 'cut';
      this.damage = { offset: from, what: `the compressed data is ${why}` };
    }
    return this.#out;
  }

  /** The file may end behind a frame; a last frame that is very short waits to be told that nothing follows. */
  #finish(): void {
    const { s, l } = this.#stream as unknown as DecompressState;
    if (l > 0 || (s !== 0 && s !== undefined)) this.#stream.push(new Uint8Array(0), true);
    this.ended = true;
  }

  snapshot(): Snapshot {
    const state = copy(this.#stream as unknown as DecompressState);
    const window = typeof state.s === 'object' ? state.s.w.length : 0;
    return { consumed: this.consumed, bytes: window + state.l + 16 * 1024, state };
  }

  restore({ consumed, state }: Snapshot): void {
    this.consumed = consumed;
    this.damage = null;
    this.ended = false;
    this.#stream = this.#fresh();
    Object.assign(this.#stream, copy(state as DecompressState));
  }

  #fresh(): Decompress {
    return new Decompress((piece) => {
      if (piece.length > 0) this.#out.push(piece);
    });
  }
}

/** Window, repeated offsets and position change as blocks are decoded; tables are replaced, never changed. */
function copy({ s, c, l, z }: DecompressState): DecompressState {
  return { s: typeof s === 'object' ? { ...s, w: s.w.slice(), o: s.o.slice() } : s, c: [...c], l, z };
}
