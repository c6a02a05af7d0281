import { InputError } from '../../base/errors.ts';
import {
  ALU,
  ALU64,
  classOf,
  isJump,
  isPseudoCall,
  JA,
  LDX,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  opOf,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  ST,
  X,
} from '../../bpf/insn.ts';
import type { Insn, InsnIdx, Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { applyEdit } from '../explain/edit.ts';
import { verify } from '../verify.ts';

export interface ReduceOptions {
  readonly verify: VerifyOptions;
  /** Verifications that may be used. Default 3,000. */
  readonly tries?: number;
  /** Instructions that all of them may process together. Default 100 million. */
  readonly processed?: number;
  /** Whether a message still is the one to keep. Default: the same words, places in the program aside. */
  readonly keeps?: (message: string) => boolean;
  /** Called now and then; true stops, with what has been reached. */
  readonly onProgress?: (tries: number, insns: number) => boolean;
}

export interface Reduced {
  readonly program: Program;
  readonly message: string;
  /** Refused instruction in the reduced program. */
  readonly insnIdx: InsnIdx | null;
  readonly tries: number;
  /** Nothing more can be taken away one by one; false where the search was stopped before. */
  readonly minimal: boolean;
}

/** A message without what moves with the program: indices of instructions, ids, addresses of states. */
export const messageWords = (message: string): string =>
  message
    .replace(/\b(insn|at|to|from|subprog|func#|alloc_insn=|id=|off=|ref_obj_id=)( ?)-?\d+/g, '$1$2N')
    .replace(/processed \d+ insns/gi, 'processed N insns')
    .replace(/[Pp]rocessed \d+ insn/g, 'processed N insn')
    .trim();

/**
 * Shrinks a rejected program while its message stays: takes away runs of instructions, long ones first (jumps and calls keep where they
 * lead), then makes what is left plainer. Throws {@link InputError} for a program that is accepted.
 */
export function reduce(program: Program, options: ReduceOptions): Reduced {
  const first = verify(program, options.verify);
  if (first.accepted || first.message === null) throw new InputError('it is accepted: there is no message to keep', program.name);
  const words = messageWords(first.message);
  const keeps = options.keeps ?? ((message: string) => messageWords(message) === words);
  const search = new Search(program, options, keeps, first.message, first.insnIdx, first.processed);
  return search.run();
}

class Search {
  private best: Program;
  private message: string;
  private insnIdx: InsnIdx | null;
  private tries = 0;
  private spent = 0;
  private stopped = false;
  private readonly options: ReduceOptions;
  private readonly keeps: (message: string) => boolean;
  /** A smaller program needs no more than a few times what the whole one did. */
  private readonly most: number;

  constructor(
    program: Program,
    options: ReduceOptions,
    keeps: (message: string) => boolean,
    message: string,
    insnIdx: InsnIdx | null,
    processed: number,
  ) {
    this.best = program;
    this.options = options;
    this.keeps = keeps;
    this.message = message;
    this.insnIdx = insnIdx;
    this.most = processed * 2 + 1000;
  }

  private get over(): boolean {
    return this.stopped || this.tries >= (this.options.tries ?? 3000) || this.spent >= (this.options.processed ?? 100_000_000);
  }

  run(): Reduced {
    let before: number;
    do {
      before = weight(this.best);
      this.dropFunctions();
      this.dropAll();
      this.simplify();
      this.dropMaps();
    } while (!this.over && weight(this.best) < before);
    const { best, message, insnIdx, tries } = this;
    return { program: tidy(best), message, insnIdx, tries, minimal: !this.over };
  }

  /** Keeps a candidate that is refused with the same message. */
  private keep(make: () => Program | null): boolean {
    if (this.over) return false;
    let candidate: Program | null;
    try {
      candidate = make();
    } catch (error) {
      if (error instanceof InputError) return false;
      throw error;
    }
    if (!candidate || candidate.insns.length === 0) return false;
    this.tries++;
    if (this.options.onProgress?.(this.tries, this.best.insns.length)) this.stopped = true;
    const result = verify(candidate, { ...this.options.verify, onProgress: (processed) => processed > this.most });
    this.spent += result.processed;
    if (result.accepted || result.message === null || !this.keeps(result.message)) return false;
    this.best = candidate;
    this.message = result.message;
    this.insnIdx = result.insnIdx;
    return true;
  }

  private dropFunctions(): void {
    for (let i = this.best.subprogs.length - 1; i > 0 && !this.over; i--) {
      const { subprogs, insns } = this.best;
      // Where nothing calls it, its name alone may be all that is left of a function.
      if (!this.keep(() => without(this.best, subprogs[i]!.start, subprogs[i + 1]?.start ?? insns.length)))
        this.keep(() => ({ ...this.best, subprogs: subprogs.toSpliced(i, 1) }));
    }
  }

  /** Takes runs of instructions away, halving their length down to one. */
  private dropAll(): void {
    for (let size = Math.max(1, this.best.insns.length >> 1); size >= 1 && !this.over; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      let at = this.best.insns.length;
      while (at > 0 && !this.over) {
        const from = wideStart(this.best.insns, Math.max(0, at - size));
        const to = wideEnd(this.best.insns, at);
        this.keep(() => without(this.best, from, to));
        at = from;
      }
    }
  }

  /** Makes instructions plainer one by one: what a call or load gives becomes 0, constants become small, branches disappear into jumps. */
  private simplify(): void {
    for (let at = this.best.insns.length - 1; at >= 0 && !this.over; at--) {
      if (at >= this.best.insns.length || wideStart(this.best.insns, at) !== at) continue;
      for (const plainer of plainerThan(this.best.insns[at]!)) {
        const wide = this.best.insns[at]!.opcode === OP_LDDW;
        if (
          this.keep(() =>
            wide
              ? applyEdit(this.best, { changes: [{ at, remove: 2, insert: [{ insn: plainer }] }] })
              : { ...this.best, insns: this.best.insns.with(at, plainer), kfuncCalls: callsWithout(this.best, at, plainer) },
          )
        )
          break;
      }
    }
  }

  private dropMaps(): void {
    const { maps } = this.best;
    for (let at = maps.length - 1; at >= 0; at--) {
      if (this.best.insns.some((insn) => mapOf(insn) === at)) continue;
      this.keep(() => ({
        ...this.best,
        maps: this.best.maps.toSpliced(at, 1),
        insns: this.best.insns.map((insn) => (mapOf(insn) > at ? { ...insn, imm: insn.imm - 1 } : insn)),
      }));
    }
  }
}

/** A kernel function's call that became something else is none any more. */
function callsWithout(program: Program, at: InsnIdx, insn: Insn): ReadonlyMap<InsnIdx, string> {
  if (!program.kfuncCalls.has(at) || insn.opcode === OP_CALL) return program.kfuncCalls;
  const rest = new Map(program.kfuncCalls);
  rest.delete(at);
  return rest;
}

const mapOf = ({ opcode, src, imm }: Insn): number =>
  opcode === OP_LDDW && (src === PSEUDO_MAP_FD || src === PSEUDO_MAP_VALUE) ? imm : -1;

const isSecond = (insns: readonly Insn[], at: number): boolean =>
  at > 0 && at < insns.length && insns[at]!.opcode === 0 && insns[at - 1]!.opcode === OP_LDDW;
const wideStart = (insns: readonly Insn[], at: number): number => (isSecond(insns, at) ? at - 1 : at);
const wideEnd = (insns: readonly Insn[], at: number): number => (isSecond(insns, at) ? at + 1 : at);

/** The program without the instructions `[from, to)`, and without functions that lost all of theirs. */
function without(program: Program, from: InsnIdx, to: InsnIdx): Program | null {
  if (to - from >= program.insns.length) return null;
  const { subprogs } = program;
  const end = (i: number): number => subprogs[i + 1]?.start ?? program.insns.length;
  const left = subprogs.filter((sub, i) => i === 0 || !(sub.start >= from && end(i) <= to));
  const edited = applyEdit({ ...program, subprogs: left }, { changes: [{ at: from, remove: to - from, insert: [] }] });
  // The beginning of the first function may not become another one's.
  const starts = new Set(edited.subprogs.map(({ start }) => start));
  return starts.size === edited.subprogs.length ? edited : null;
}

const mov = (dst: number, imm: number): Insn => ({ opcode: 0xb7, dst, src: 0, off: 0, imm });
const SMALL = [0, 1, 8];

/** Plainer instructions that may do in place of one, the plainest first. */
function* plainerThan(insn: Insn): Generator<Insn> {
  const cls = classOf(insn);
  const isMov = (cls === ALU || cls === ALU64) && opOf(insn) === 0xb0;
  if (isJump(insn)) {
    if (opOf(insn) !== JA && cls === 5) yield { ...insn, opcode: 0x05, dst: 0, src: 0, imm: 0 };
  } else if (insn.opcode === OP_CALL && !isPseudoCall(insn)) yield mov(0, 0);
  else if (insn.opcode === OP_LDDW || cls === LDX || ((cls === ALU || cls === ALU64) && !isMov && insn.dst < 10)) yield mov(insn.dst, 0);
  else if (isMov && (insn.opcode & X) !== 0 && insn.dst < 10) yield mov(insn.dst, 0);
  if (insn.opcode === OP_LDDW || insn.opcode === OP_CALL || insn.opcode === OP_EXIT || isPseudoCall(insn)) return;
  if (cls === ST || (insn.opcode & X) === 0) {
    if (opOf(insn) === JA && isJump(insn)) return;
    for (const imm of SMALL) if (Math.abs(imm) < Math.abs(insn.imm)) yield { ...insn, imm };
    if (insn.imm > 0 && (insn.imm & (insn.imm + 1)) !== 0) yield { ...insn, imm: 2 ** Math.floor(Math.log2(insn.imm)) };
  }
  if (!isJump(insn) && insn.off !== 0 && cls !== ALU && cls !== ALU64) {
    yield { ...insn, off: 0 };
    if (insn.off < -8) yield { ...insn, off: -8 };
  }
}

/** What is to become less: instructions above all, then what they do and how large their numbers are. */
function weight({ insns, maps, subprogs }: Program): number {
  let sum = maps.length;
  sum += subprogs.length;
  for (const insn of insns) {
    const isZero = insn.opcode === 0xb7 && insn.imm === 0;
    sum += 1000 + (isZero ? 0 : 20) + Math.min(9, Math.abs(insn.imm)) + Math.min(9, Math.abs(insn.off));
  }
  return sum;
}

/** Without source lines and origins of what is gone: several may have come to stand at one place. */
function tidy(program: Program): Program {
  const lines = new Map<InsnIdx, Program['lineInfo'][number]>();
  for (const line of program.lineInfo) if (line.insnIdx < program.insns.length) lines.set(line.insnIdx, line);
  return { ...program, lineInfo: [...lines.values()].sort((a, b) => a.insnIdx - b.insnIdx) };
}
