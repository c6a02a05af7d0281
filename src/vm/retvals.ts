import { InputError } from '../base/errors.ts';
import { MAP_TYPE_PROG_ARRAY } from '../bpf/maps.ts';
import type { Insn, Program } from '../bpf/program.ts';
import { PROG_TYPE_NAMES } from '../bpf/progtypes.ts';
import { type Case, caseProgram } from '../verifier/corpus.ts';
import { contextKind } from './context.ts';
import type { VmMap } from './maps.ts';
import { contextSize } from './memory-context.ts';
import { Vm } from './vm.ts';

/** What became of the runs of a case: equal, different, without an answer to compare with, or not possible in this machine, with the reason. */
export type RetvalOutcome =
  | { readonly kind: 'equal'; readonly got: number }
  | { readonly kind: 'different'; readonly got: number; readonly expected: number }
  | { readonly kind: 'incomparable' | 'refused'; readonly why: string };

const MAX_INSNS = 10_000_000;
/** What the cases state for programs that return an address (POINTER_VALUE of the kernel's test_verifier). */
const ANY_ADDRESS = 0xcafe4a;
/** Program types that Linux runs on data in a test run; for others the cases state what nothing has measured. */
const TESTABLE = new Set(['socket_filter', 'sched_cls', 'sched_act', 'xdp', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit']);

export const hasTestRun = (progType: number): boolean => TESTABLE.has(PROG_TYPE_NAMES[progType] ?? '');

/** Map kinds whose entry 0 holds 28 and, at its seventh word, 0xabcdef12. */
const FILLED = new Set(['fixup_map_array_48b', 'fixup_map_array_ro', 'fixup_map_array_wo', 'fixup_map_array_small']);
/** Slot of the program that returns 42, by kind of program array; 1 calls itself, 2 returns 24. */
export const SLOT_OF_42: Readonly<Record<string, number>> = { fixup_prog1: 0, fixup_prog2: 7 };

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const insn = (opcode: number, dst: number, imm: number, src = 0): Insn => ({ opcode, dst, src, off: 0, imm });
const returns = (value: number): Insn[] => [insn(0xb7, 0, value), insn(0x95, 0, 0)];

/** The programs of a case's program arrays: one that returns 42, one that calls its own slot, one that returns 24. */
export function slotPrograms(program: Program): Program[] {
  const map = program.maps.findIndex((def) => def.type === MAP_TYPE_PROG_ARRAY);
  if (map < 0) return [];
  const bare = { ...program, kfuncCalls: new Map<number, string>() };
  const callsItself = [insn(0xb7, 3, 1), insn(0x18, 2, map, 1), insn(0, 0, 0), insn(0x85, 0, 12), ...returns(41)];
  return [returns(42), callsItself, returns(24)].map((insns) => ({ ...bare, insns }));
}

function fill(map: VmMap, kind: string): void {
  if (FILLED.has(kind)) {
    const value = new Uint8Array(48);
    value.set(word(28));
    value.set(word(0xabcdef12), 28);
    map.update(word(0), value.subarray(0, map.def.valueSize));
  }
  const slot = SLOT_OF_42[kind];
  if (slot === undefined) return;
  map.update(word(slot), word(1));
  map.update(word(1), word(2));
  map.update(word(2), word(3));
}

export function caseData(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** A machine with the case's program and its maps as the case wants them. */
export function caseMachine(test: Case, program: Program, engine: 'interp' | 'wasm'): Vm {
  const vm = new Vm(program, { engine, programs: slotPrograms(program), maxInsns: MAX_INSNS });
  const kinds = Object.keys(test.fixups);
  [...vm.maps].forEach((map, i) => {
    if (kinds[i]) fill(map, kinds[i]);
  });
  return vm;
}

/** Runs a case of the verifier corpus on the data that it names and compares r0. A fault is a refusal with its message. */
export function runRetvals(test: Case, engine: 'interp' | 'wasm'): RetvalOutcome {
  try {
    const program = caseProgram(test);
    const vm = caseMachine(test, program, engine);
    let last = 0;
    for (const { retval, data } of test.retvals) {
      const size = Math.min(contextSize(program.progType), 4096);
      const got = vm.run(
        contextKind(program.progType) === 'memory' ? { context: new Uint8Array(size) } : { packet: caseData(data) },
      ).returnValue;
      const expected = retval >>> 0;
      last = got;
      if (got === expected) continue;
      if (!hasTestRun(test.prog_type)) return { kind: 'incomparable', why: 'Linux has no test run for this program type' };
      if (expected === ANY_ADDRESS) return { kind: 'incomparable', why: 'it returns an address' };
      return { kind: 'different', got, expected };
    }
    return { kind: 'equal', got: last };
  } catch (error) {
    if (error instanceof InputError) return { kind: 'refused', why: error.message };
    throw error;
  }
}
