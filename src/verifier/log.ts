const MOST_PIECES = 65_536;
/** How many pieces stay as they are: more than a line has. */
const LAST_PIECES = 1024;

/** The verifier's log with the kernel's two odd operations: cutting back to a position, and columns measured in characters. */
export class Log {
  /** Kernel `log_level` bits: 1 paths, 2 every instruction, 4 statistics. */
  readonly level: number;
  private pieces: string[] = [];
  /** What is written for good, as bytes: a log of every instruction outgrows what one string may hold. */
  private readonly settled: Uint8Array<ArrayBuffer>[] = [];
  /** Characters written so far (kernel `end_pos`). */
  pos = 0;

  constructor(level: number) {
    this.level = level;
  }

  get paths(): boolean {
    return (this.level & 3) !== 0;
  }

  get detail(): boolean {
    return (this.level & 2) !== 0;
  }

  write(text: string): void {
    if (this.level === 0 || text === '') return;
    this.pieces.push(text);
    this.pos += text.length;
    if (this.detail && this.pieces.length > MOST_PIECES) this.settle(this.pieces.length - LAST_PIECES);
  }

  /** Turns the first pieces into bytes. At level 2 the kernel cuts off no more than the end of a line. */
  private settle(count: number): void {
    this.settled.push(new TextEncoder().encode(this.pieces.splice(0, count).join('')) as Uint8Array<ArrayBuffer>);
  }

  /** Forgets everything after `pos` (kernel `bpf_vlog_reset`). */
  cut(pos: number): void {
    while (this.pos > pos) {
      const piece = this.pieces.pop()!;
      const start = this.pos - piece.length;
      this.pos = start;
      if (start < pos) {
        const kept = piece.slice(0, pos - start);
        this.pieces.push(kept);
        this.pos = pos;
      }
    }
  }

  /** The whole log as UTF-8. */
  bytes(): Uint8Array<ArrayBuffer> {
    const parts = [...this.settled, new TextEncoder().encode(this.pieces.join(''))];
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  text(): string {
    if (this.settled.length === 0) return this.pieces.join('');
    return new TextDecoder().decode(this.bytes());
  }
}
