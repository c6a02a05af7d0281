import { Decompress } from 'fzstd';
import xxhash, { type XXHash, type XXHashAPI } from 'xxhash-wasm';
import type { Damage } from './source.ts';
import type { Decoder, Snapshot } from './unpacked.ts';
import { ZstdFrames } from './zstd-frames.ts';

/** What fzstd keeps between two pieces: the frame with its window and tables, or how many bytes to pass over, and bytes of a block that is not whole. */
interface DecompressState {
  s?: number | { b: number; l: number; c: number; w: Uint8Array; o: Int32Array };
  c: Uint8Array[];
  l: number;
  z: number;
}

/** What a frame unpacked to. */
interface FrameContent {
  readonly length: number;
  readonly digest: number;
}

/** Blocks that are unpacked at once: of a few bytes each may make 128 KiB. */
const BLOCKS = 8;

/**
 * Zstandard (RFC 8878): frames of blocks. Lengths and checksums of frames are compared as long as the stream is read from its beginning without a break; a
 * frame whose bytes were given already and whose length or checksum is wrong ends the stream behind it.
 */
export class ZstdDecoder implements Decoder {
  consumed = 0;
  damage: Damage | null = null;
  ended = false;
  #out: Uint8Array[] = [];
  #stream = this.#fresh();
  readonly #hashes: XXHashAPI;
  #frames = new ZstdFrames();
  /** Null once the stream was set back: what it gives then was compared before. */
  #check: { hash: XXHash<bigint>; length: number; readonly contents: FrameContent[] } | null;

  private constructor(hashes: XXHashAPI) {
    this.#hashes = hashes;
    this.#check = { hash: hashes.create64(), length: 0, contents: [] };
  }

  static async create(): Promise<ZstdDecoder> {
    return new ZstdDecoder(await xxhash());
  }

  push(bytes: Uint8Array): Uint8Array[] {
    this.#out = [];
    const from = this.consumed;
    const taken = bytes.subarray(0, this.#frames.push(bytes, BLOCKS));
    this.consumed += taken.length;
    try {
      if (taken.length > 0) this.#stream.push(taken);
      else if (bytes.length === 0) this.#finish();
      this.#compare();
      this.damage ??= this.#frames.wrong;
    } catch (error) {
      // Blocks before the wrong one have been given.
      // A RangeError is what the unpacker runs into, not what it says of the data.
      const said = error instanceof RangeError ? '' : ` (${(error as Error).message})`;
      const why = bytes.length > 0 ? `damaged${said}` : 'cut';
      this.damage = { offset: this.#frames.lostAt ?? from, what: `the compressed data is ${why}` };
    }
    return this.#out;
  }

  /** Compares what the frames say of their content with what was given. */
  #compare(): void {
    const { passed } = this.#frames;
    const contents = this.#check?.contents ?? [];
    if (!this.#check) passed.length = 0;
    while (contents.length > 0 && passed.length > 0) {
      const { offset, checksum, size } = passed.shift()!;
      const content = contents.shift()!;
      const wrong =
        size !== null && size !== content.length
          ? 'its frame says another length'
          : checksum !== null && checksum !== content.digest
            ? 'the checksum of its frame is another one'
            : '';
      if (wrong && !this.damage) this.damage = { offset, what: `the compressed data is damaged: ${wrong}` };
    }
  }

  /** The file may end behind a frame; a last frame that is very short waits to be told that nothing follows. */
  #finish(): void {
    const { s, l } = this.#stream as unknown as DecompressState;
    if (l > 0 || (s !== 0 && s !== undefined)) this.#stream.push(new Uint8Array(0), true);
    this.ended = true;
  }

  snapshot(): Snapshot {
    const stream = copy(this.#stream as unknown as DecompressState);
    const window = typeof stream.s === 'object' ? stream.s.w.length : 0;
    return { consumed: this.consumed, bytes: window + stream.l + 16 * 1024, state: { stream, frames: this.#frames.copy() } };
  }

  restore({ consumed, state }: Snapshot): void {
    this.consumed = consumed;
    this.damage = null;
    this.ended = false;
    this.#check = null;
    this.#stream = this.#fresh();
    const { stream, frames } = state as { stream: DecompressState; frames: ZstdFrames };
    Object.assign(this.#stream, copy(stream));
    this.#frames = frames.copy();
  }

  #fresh(): Decompress {
    return new Decompress((piece) => {
      if (piece.length > 0) this.#out.push(piece);
      const frame = (this.#stream as unknown as DecompressState).s;
      if (!this.#check || typeof frame !== 'object') return;
      const check = this.#check;
      if (piece.length > 0) {
        check.hash.update(piece);
        check.length += piece.length;
      }
      if (!frame.l) return;
      // The last block of a frame; its checksum is the lower half of XXH64.
      check.contents.push({ length: check.length, digest: Number(BigInt.asUintN(32, check.hash.digest())) });
      check.hash = this.#hashes.create64();
      check.length = 0;
    });
  }
}

/** Window, repeated offsets and position change as blocks are decoded; tables are replaced, never changed. */
function copy({ s, c, l, z }: DecompressState): DecompressState {
  return { s: typeof s === 'object' ? { ...s, w: s.w.slice(), o: s.o.slice() } : s, c: [...c], l, z };
}
