/** The verifier's log with the kernel's two odd operations: cutting back to a position, and columns measured in characters. */
export class Log {
  /** Kernel `log_level` bits: 1 paths, 2 every instruction, 4 statistics. */
  readonly level: number;
  private pieces: string[] = [];
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

  text(): string {
    return this.pieces.join('');
  }
}
