import { ALU64, DW, EXIT, JA, JMP, JNE, K, LDX, MEM, MOV, OP_LDDW, ST, STX, X } from '../bpf/insn.ts';
import type { Insn, Program } from '../bpf/program.ts';
import type { Slice } from '../verifier/lab/slice.ts';
import { Vm } from './vm.ts';

/** Values that one run of a straight line had: of sample i after step k at `k * samples + i`, as pairs of words. */
export interface Traces {
  readonly samples: number;
  readonly values: Int32Array;
  /** The step at which each sample leaves the line by a branch; the number of steps where it does not. */
  readonly leaves: Int32Array;
}

const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const store = (memory: number, off: number, src: number): Insn => insn(STX | MEM | DW, memory, src, off);
const load = (dst: number, memory: number, off: number): Insn => insn(LDX | MEM | DW, dst, memory, off);

/**
 * Runs a straight line in the interpreter on many samples at once: a program that takes each sample's numbers from memory, does the line's own
 * instructions on them, and writes down after each what its register holds.
 */
export class SampleRunner {
  readonly #slice: Slice;
  readonly #vm: Vm;
  readonly #samples: number;
  /** Bytes of one sample: a flag that more follow, where it left, numbers that come in, results. */
  readonly #record: number;
  readonly #ins: readonly { readonly reg: number; readonly step: number }[];
  readonly #memory: Uint8Array;
  readonly #view: DataView;

  /** Null where the line uses all registers: one must be free to hold the place in memory. */
  static for(slice: Slice, samples: number): SampleRunner | null {
    const used = new Set<number>();
    for (const {
      insn: { dst, src, opcode },
      kind,
    } of slice.steps) {
      if (kind === 'pass' || kind === 'pointer') continue;
      used.add(dst);
      if ((opcode & X) !== 0 && kind !== 'source') used.add(src);
    }
    for (const reg of slice.inputs) used.add(reg);
    const free = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].find((reg) => !used.has(reg));
    return free === undefined ? null : new SampleRunner(slice, samples, free);
  }

  private constructor(slice: Slice, samples: number, memory: number) {
    const { steps, inputs } = slice;
    this.#slice = slice;
    this.#samples = samples;
    this.#ins = [
      ...inputs.map((reg) => ({ reg, step: -1 })),
      ...steps.flatMap(({ kind, insn: { dst } }, step) => (kind === 'source' ? [{ reg: dst, step }] : [])),
    ];
    const inOff = (at: number): number => 16 + 8 * at;
    const outOff = (step: number): number => 16 + 8 * (this.#ins.length + step);
    this.#record = outOff(steps.length);
    this.#memory = new Uint8Array(this.#record * samples);
    this.#view = new DataView(this.#memory.buffer);

    const code: Insn[] = [insn(ALU64 | MOV | X, memory, 1)];
    const again = code.length;
    const ends: number[] = [];
    inputs.forEach((reg, at) => {
      code.push(load(reg, memory, inOff(at)));
    });
    steps.forEach((step, at) => {
      const { kind } = step;
      if (kind === 'pass' || kind === 'pointer') return;
      const { dst } = step.insn;
      if (kind === 'source') {
        code.push(load(dst, memory, inOff(this.#ins.findIndex((one) => one.step === at))));
      } else if (kind === 'branch') {
        const leave = [insn(ST | MEM | DW, memory, 0, 8, at), insn(JMP | JA)];
        // Whoever goes on jumps over the two that leave, or falls through one that jumps over them.
        if (step.taken) code.push({ ...step.insn, off: 2 });
        else code.push({ ...step.insn, off: 1 }, insn(JMP | JA, 0, 0, 2));
        code.push(...leave);
        ends.push(code.length - 1);
      } else {
        code.push(step.insn);
        if (step.insn.opcode === OP_LDDW) code.push(insn(0, 0, 0, 0, step.high));
      }
      code.push(store(memory, outOff(at), dst));
    });
    code.push(insn(ST | MEM | DW, memory, 0, 8, steps.length));
    for (const end of ends) code[end] = insn(JMP | JA, 0, 0, code.length - end - 1);
    const rest = memory === 0 ? 1 : 0;
    code.push(load(rest, memory, 0), insn(ALU64 | K, memory, 0, 0, this.#record), insn(JMP | JNE | K, rest, 0, 0, 0));
    code[code.length - 1] = { ...code[code.length - 1]!, off: again - code.length };
    code.push(insn(ALU64 | MOV | K), insn(JMP | EXIT));
    const program: Program = {
      name: 'samples',
      section: 'xdp',
      progType: 6,
      expectedAttachType: 0,
      sleepable: false,
      loadFlags: 0,
      license: 'GPL',
      insns: code,
      subprogs: [],
      maps: [],
      lineInfo: [],
      origins: [],
      insnOrigins: [],
      kfuncCalls: new Map(),
    };
    this.#vm = new Vm(program, { rawMemory: this.#memory.length });
  }

  /** Numbers that a run takes: first the line's inputs, then what memory brings in, in order; -1 is the step of an input. */
  get ins(): readonly { readonly reg: number; readonly step: number }[] {
    return this.#ins;
  }

  /** `numbers` holds one column of pairs of words for each of `ins`. */
  run(numbers: readonly Int32Array[]): Traces {
    const view = this.#view;
    const { steps } = this.#slice;
    const samples = this.#samples;
    for (let i = 0; i < samples; i++) {
      const base = i * this.#record;
      view.setInt32(base, i + 1 < samples ? 1 : 0, true);
      numbers.forEach((column, at) => {
        view.setInt32(base + 16 + 8 * at, column[2 * i]!, true);
        view.setInt32(base + 20 + 8 * at, column[2 * i + 1]!, true);
      });
    }
    this.#vm.runRaw(this.#memory);
    const values = new Int32Array(2 * samples * steps.length);
    const leaves = new Int32Array(samples);
    for (let i = 0; i < samples; i++) {
      const base = i * this.#record;
      leaves[i] = view.getInt32(base + 8, true);
      for (let k = 0; k < steps.length; k++) {
        const at = 2 * (k * samples + i);
        values[at] = view.getInt32(base + 16 + 8 * (numbers.length + k), true);
        values[at + 1] = view.getInt32(base + 20 + 8 * (numbers.length + k), true);
      }
    }
    return { samples, values, leaves };
  }
}
