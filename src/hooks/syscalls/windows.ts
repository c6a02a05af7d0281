import { EXIT_GROUP, padOf, type SyscallInput, tokenOf } from './binding.ts';

/** The reference's memory of processes: what the program keeps in map `processes`. */
export class CallWindows {
  readonly #input: SyscallInput;
  readonly #processes = new Map<number, { count: number; tokens: number[] }>();

  constructor(input: SyscallInput) {
    this.#input = input;
  }

  /** Takes the next call of a process; gives the tokens, oldest first, where the model runs at it, else null. */
  next(pid: number, nr: number): Uint16Array | null {
    const { length, every } = this.#input;
    let process = this.#processes.get(pid);
    if (!process) {
      process = { count: 0, tokens: [] };
      this.#processes.set(pid, process);
    }
    process.count++;
    process.tokens.push(tokenOf(nr, this.#input));
    if (process.tokens.length > length) process.tokens.shift();
    if (nr === EXIT_GROUP) this.#processes.delete(pid);
    if (process.count % every !== 0) return null;
    const row = new Uint16Array(length).fill(padOf(this.#input));
    row.set(process.tokens, length - process.tokens.length);
    return row;
  }
}
