import { InputError } from '../base/errors.ts';
import { decodeInsns } from '../bpf/insn.ts';
import type { Program } from '../bpf/program.ts';
import { Vm } from './vm.ts';

/** A case of the public instruction-set suite: code and memory in hexadecimal, the expected r0. */
export interface ConformanceCase {
  readonly name: string;
  readonly hex: string;
  readonly mem: string;
  readonly result: string;
}

export interface ConformanceResult {
  readonly name: string;
  /** r0 as `0x…`, or why there is none. */
  readonly result: string;
  readonly ok: boolean;
}

/** The cases of a JSON-lines text. */
export function parseConformanceCases(text: string): ConformanceCase[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value: Partial<ConformanceCase> | null = null;
    try {
      value = JSON.parse(line) as Partial<ConformanceCase> | null;
    } catch {
      // Falls through to the message below.
    }
    if (
      typeof value?.name !== 'string' ||
      !isHex(value.hex) ||
      !isHex(value.mem ?? '') ||
      !/^(0x[0-9a-f]+|\d+)$/i.test(value.result ?? '')
    ) {
      throw new InputError('not a conformance case with name, hex, mem and result', `line ${index + 1}`);
    }
    return [{ name: value.name, hex: value.hex!, mem: value.mem ?? '', result: value.result! }];
  });
}

function isHex(text: string | undefined): boolean {
  return typeof text === 'string' && text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text);
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(i * 2, i * 2 + 2), 16));
}

/** Runs one case. A fault is a wrong result, never an exception. */
export function runConformanceCase(testCase: ConformanceCase, engine: 'interp' | 'wasm' = 'interp'): ConformanceResult {
  const memory = fromHex(testCase.mem);
  try {
    const vm = new Vm(rawProgram(fromHex(testCase.hex)), { rawMemory: memory.length, maxInsns: 10_000_000, engine });
    const result = vm.runRaw(memory);
    return { name: testCase.name, result: `0x${result.toString(16)}`, ok: result === BigInt(testCase.result) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { name: testCase.name, result: error.message, ok: false };
  }
}

/** A program of bare instructions, without maps. */
export function rawProgram(code: Uint8Array): Program {
  return {
    name: 'raw',
    section: '',
    progType: 0,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: '',
    insns: decodeInsns(code),
    subprogs: [{ name: 'raw', start: 0, linkage: 'global' }],
    maps: [],
    lineInfo: [],
    origins: [],
    insnOrigins: [],
    kfuncCalls: new Map(),
  };
}
