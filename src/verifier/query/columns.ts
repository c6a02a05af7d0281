/** Numbers that are appended one by one, in a typed array that doubles. */
export class Column<T extends Uint8Array | Uint16Array | Uint32Array> {
  private data: T;
  private readonly make: (length: number) => T;
  length = 0;

  constructor(make: (length: number) => T) {
    this.make = make;
    this.data = make(1024);
  }

  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = this.make(2 * this.length);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }

  at(index: number): number {
    return this.data[index]!;
  }

  get bytes(): number {
    return this.data.byteLength;
  }

  view(): T {
    return this.data.subarray(0, this.length) as T;
  }

  /** Index of the last entry that is at most `value`, in a column that rises; -1 when there is none. */
  lastAtMost(value: number): number {
    let low = -1;
    let high = this.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.data[mid]! <= value) low = mid;
      else high = mid - 1;
    }
    return low;
  }
}

export const bytes = (): Column<Uint8Array> => new Column((length) => new Uint8Array(length));
export const shorts = (): Column<Uint16Array> => new Column((length) => new Uint16Array(length));
export const words = (): Column<Uint32Array> => new Column((length) => new Uint32Array(length));

const CHUNK_BITS = 12;
const CHUNK = 1 << CHUNK_BITS;

/** Records of `width` int32, each kept once and known by a number from 1: most registers look like one that was there before. */
export class Pool {
  readonly width: number;
  private readonly chunks: Int32Array[] = [];
  private table = new Int32Array(1 << 12);
  count = 0;

  constructor(width: number) {
    this.width = width;
  }

  get bytes(): number {
    return this.chunks.length * CHUNK * this.width * 4 + this.table.byteLength;
  }

  /** Number of the record at `base`. */
  put(values: ArrayLike<number>, base: number): number {
    const { width } = this;
    let hash = 0;
    for (let i = 0; i < width; i++) hash = Math.imul(hash ^ values[base + i]!, 0x9e3779b1) ^ (hash >>> 15);
    const mask = this.table.length - 1;
    let slot = (hash ^ (hash >>> 16)) & mask;
    for (;;) {
      const id = this.table[slot]!;
      if (id === 0) break;
      if (this.same(id, values, base)) return id;
      slot = (slot + 1) & mask;
    }
    const at = this.count++;
    if (at >> CHUNK_BITS === this.chunks.length) this.chunks.push(new Int32Array(CHUNK * width));
    const chunk = this.chunks[at >> CHUNK_BITS]!;
    const start = (at & (CHUNK - 1)) * width;
    for (let i = 0; i < width; i++) chunk[start + i] = values[base + i]!;
    this.table[slot] = this.count;
    if (this.count * 2 > this.table.length) this.grow();
    return this.count;
  }

  private same(id: number, values: ArrayLike<number>, base: number): boolean {
    const chunk = this.chunkOf(id);
    const start = this.baseOf(id);
    for (let i = 0; i < this.width; i++) if (chunk[start + i] !== values[base + i]) return false;
    return true;
  }

  private grow(): void {
    const { width } = this;
    this.table = new Int32Array(2 * this.table.length);
    const mask = this.table.length - 1;
    for (let id = 1; id <= this.count; id++) {
      const chunk = this.chunkOf(id);
      const base = this.baseOf(id);
      let hash = 0;
      for (let i = 0; i < width; i++) hash = Math.imul(hash ^ chunk[base + i]!, 0x9e3779b1) ^ (hash >>> 15);
      let slot = (hash ^ (hash >>> 16)) & mask;
      while (this.table[slot] !== 0) slot = (slot + 1) & mask;
      this.table[slot] = id;
    }
  }

  /** The array that record `id` lies in, from {@link baseOf} on. */
  chunkOf(id: number): Int32Array {
    return this.chunks[(id - 1) >> CHUNK_BITS]!;
  }

  baseOf(id: number): number {
    return ((id - 1) & (CHUNK - 1)) * this.width;
  }
}
