import type { ByteSource, Damage } from './source.ts';

/** Decodes a compressed stream piece by piece, and can be set back to where it was. */
export interface Decoder {
  /** Offset in the compressed file of the next byte that {@link push} expects. */
  readonly consumed: number;
  /** Why no more can come; null while more may. */
  readonly damage: Damage | null;
  /** True behind the last byte that belongs to the stream. */
  readonly ended: boolean;
  /** What the next compressed bytes unpack to, or the first ones of them: {@link consumed} says how many were taken. Empty `bytes` mean the end of the file. */
  push(bytes: Uint8Array): Uint8Array[];
  /** What {@link restore} needs to go on from here. */
  snapshot(): Snapshot;
  restore(snapshot: Snapshot): void;
}

export interface Snapshot {
  readonly consumed: number;
  /** Rough size in memory. */
  readonly bytes: number;
  readonly state: unknown;
}

interface Checkpoint {
  /** Offset in the unpacked data. */
  readonly at: number;
  readonly snapshot: Snapshot;
}

const PIECE = 64 * 1024;
/** Unpacked bytes kept behind the newest one: neighbouring rows are asked for again and again. */
const KEPT = 4 << 20;
const FIRST_SPACING = 1 << 20;
/** Memory for checkpoints; when they need more, every second one goes and the rest are further apart. */
const CHECKPOINT_BYTES = 64 << 20;

/**
 * What a compressed file unpacks to, as a source. The first pass leaves checkpoints behind, so that a later read anywhere unpacks only
 * from the nearest one on. Reads wait for each other.
 */
export class UnpackedSource implements ByteSource {
  readonly name: string;
  #size: number | null = null;
  readonly #packed: ByteSource;
  readonly #decoder: Decoder;
  readonly #checkpoints: Checkpoint[] = [];
  #spacing = FIRST_SPACING;
  #checkpointBytes = 0;
  /** Unpacked pieces that are kept, oldest first; the first one begins at `#start`. */
  #pieces: Uint8Array[] = [];
  #start = 0;
  #end = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(packed: ByteSource, decoder: Decoder) {
    this.name = packed.name;
    this.#packed = packed;
    this.#decoder = decoder;
  }

  get size(): number | null {
    return this.#size;
  }

  /** Damage of the compressed data. */
  get damage(): Damage | null {
    return this.#decoder.damage;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const read = this.#last.then(() => this.#read(offset, length));
    this.#last = read.catch(() => undefined);
    return read;
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const end = this.#size === null ? offset + length : Math.min(offset + length, this.#size);
    if (end <= offset) return new Uint8Array(0);
    if (offset < this.#start || offset > this.#end + this.#spacing) this.#seek(offset);
    while (this.#end < end && !this.#done) await this.#unpack(offset);
    return this.#slice(offset, Math.min(end, this.#end));
  }

  get #done(): boolean {
    return this.#decoder.ended || this.#decoder.damage !== null;
  }

  /** Goes to the last checkpoint at or before `offset`, unless going on from here is as near. */
  #seek(offset: number): void {
    let found: Checkpoint | undefined;
    for (const checkpoint of this.#checkpoints) {
      if (checkpoint.at > offset) break;
      found = checkpoint;
    }
    if (!found || (offset >= this.#start && found.at <= this.#end)) return;
    this.#decoder.restore(found.snapshot);
    this.#pieces = [];
    this.#start = found.at;
    this.#end = found.at;
  }

  async #unpack(needed: number): Promise<void> {
    const newest = this.#checkpoints.at(-1);
    if (!newest || this.#end >= newest.at + this.#spacing) this.#keep({ at: this.#end, snapshot: this.#decoder.snapshot() });
    for (const piece of this.#decoder.push(await this.#packed.read(this.#decoder.consumed, PIECE))) {
      this.#pieces.push(piece);
      this.#end += piece.length;
    }
    if (this.#done && this.#size === null) this.#size = this.#end;
    const from = Math.min(needed, this.#end - KEPT);
    while (this.#pieces.length > 1 && this.#start + this.#pieces[0]!.length <= from) this.#start += this.#pieces.shift()!.length;
  }

  #keep(checkpoint: Checkpoint): void {
    this.#checkpoints.push(checkpoint);
    this.#checkpointBytes += checkpoint.snapshot.bytes;
    if (this.#checkpointBytes <= CHECKPOINT_BYTES || this.#checkpoints.length < 3) return;
    this.#spacing *= 2;
    const fewer = this.#checkpoints.filter((_, at) => at % 2 === 0);
    this.#checkpoints.splice(0, this.#checkpoints.length, ...fewer);
    this.#checkpointBytes = fewer.reduce((sum, { snapshot }) => sum + snapshot.bytes, 0);
  }

  #slice(from: number, to: number): Uint8Array {
    let at = this.#start;
    let bytes: Uint8Array | null = null;
    for (const piece of this.#pieces) {
      const end = at + piece.length;
      if (end > from && at < to) {
        const part = piece.subarray(Math.max(0, from - at), Math.min(piece.length, to - at));
        if (part.length === to - from) return part;
        bytes ??= new Uint8Array(to - from);
        bytes.set(part, Math.max(at, from) - from);
      }
      at = end;
    }
    return bytes ?? new Uint8Array(0);
  }
}
