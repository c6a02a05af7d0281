import { decodeInsns, encodeInsns } from '../../bpf/insn.ts';
import type { MapDef, Program, Subprog } from '../../bpf/program.ts';
import type { VerifyResult } from '../api.ts';

/** What Linux 6.18 says about a program, as root. Programs that fail before exploration have no counters. */
export interface Answer {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly processed: number | null;
  readonly totalStates: number | null;
  readonly peakStates: number | null;
  readonly maxStatesPerInsn: number | null;
  readonly stackDepth: string | null;
}

/** A program on which verifier and kernel once differed, made as small as it gets, and what the kernel says about it. */
export interface FiledCase {
  readonly about: string;
  readonly program: Program;
  readonly kernel: Answer;
}

/** One line of a file of cases. */
interface Line {
  readonly about: string;
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  readonly loadFlags: number;
  /** Instructions in hex, map indices in place of file descriptors. */
  readonly insns: string;
  readonly maps: readonly (Omit<MapDef, 'data'> & { readonly data?: string })[];
  readonly subprogs: readonly Subprog[];
  readonly kfuncs: readonly (readonly [insnIdx: number, name: string])[];
  readonly kernel: Answer;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

export function fileLine({ about, program, kernel }: FiledCase): string {
  const line: Line = {
    about,
    progType: program.progType,
    expectedAttachType: program.expectedAttachType,
    sleepable: program.sleepable,
    loadFlags: program.loadFlags,
    insns: hex(encodeInsns(program.insns)),
    maps: program.maps.map(({ data, ...def }) => (data ? { ...def, data: hex(data) } : def)),
    subprogs: program.subprogs,
    kfuncs: [...program.kfuncCalls],
    kernel,
  };
  return JSON.stringify(line);
}

export function parseFiled(text: string): FiledCase[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { about, progType, expectedAttachType, sleepable, loadFlags, insns, maps, subprogs, kfuncs, kernel } = JSON.parse(line) as Line;
      const code = decodeInsns(unhex(insns));
      const program: Program = {
        name: 'filed',
        section: '',
        progType,
        expectedAttachType,
        sleepable,
        loadFlags,
        license: 'GPL',
        insns: code,
        subprogs,
        maps: maps.map(({ data, ...def }) => (data === undefined ? def : { ...def, data: unhex(data) })),
        lineInfo: [],
        origins: [],
        insnOrigins: code.map(() => []),
        kfuncCalls: new Map(kfuncs),
      };
      return { about, program, kernel };
    });
}

/** Our verifier's answer. */
export const ourAnswer = (result: VerifyResult): Answer => pick(result, result.message ?? '');

/** The kernel's answer: the final message is the last line of the log that is neither a statistic nor a source line. */
export function kernelAnswer(result: Answer & { readonly log: string }): Answer {
  const said = result.log.split('\n').filter((line) => line !== '' && !/^(processed \d|verification time|stack depth|; )/.test(line));
  return pick(result, said.at(-1) ?? '');
}

function pick({ accepted, processed, totalStates, peakStates, maxStatesPerInsn, stackDepth }: Answer, said: string): Answer {
  // Two messages lack the end of their line; one names an instruction of the program as the kernel had rewritten it by then.
  const message = said.replace(/processed \d+ insns \(limit.*/, '').replace(/(No program to jit at insn) \d+/, '$1 N');
  return { accepted, message: accepted ? null : message.trim(), processed, totalStates, peakStates, maxStatesPerInsn, stackDepth };
}

export type Difference = 'unsound' | 'strict' | 'message' | 'counters';

/** What is different, or null. `unsound`: accepted by us alone. */
export function difference(ours: Answer, kernel: Answer): Difference | null {
  if (ours.accepted !== kernel.accepted) return ours.accepted ? 'unsound' : 'strict';
  if (ours.message !== kernel.message) return 'message';
  if (kernel.processed === null) return null;
  const same =
    ours.processed === kernel.processed &&
    ours.totalStates === kernel.totalStates &&
    ours.peakStates === kernel.peakStates &&
    ours.maxStatesPerInsn === kernel.maxStatesPerInsn &&
    ours.stackDepth === kernel.stackDepth;
  return same ? null : 'counters';
}
