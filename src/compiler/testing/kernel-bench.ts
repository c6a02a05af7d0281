import { MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { MapDef, Program } from '../../bpf/program.ts';
import { PROG_TYPE_XDP, XDP_PASS } from '../../bpf/progtypes.ts';
import { Vm } from '../../vm/vm.ts';
import { emitProgram } from '../backend/emit.ts';
import { FuncBuilder } from '../ir/builder.ts';
import type { IrFunc } from '../ir/ir.ts';
import { type Layout, PAGE_BYTES } from '../kernels/frame.ts';

/** Bytes at the start of scratch that kernels may use as their packing area. */
export const PACK_BYTES = 16384;
export const SCRATCH_BYTES = 32768;

/** A layout for one kernel alone: tables first, then `weights`. */
export function layoutFor(weightBytes: number): Layout {
  return {
    bytes: { scratch: SCRATCH_BYTES, input: 4096, output: 4096, weights: weightBytes },
    pages: 1,
    pageBytes: PAGE_BYTES,
    packBytes: PACK_BYTES,
    expOff: 0,
    rsqrtOff: 0,
    zeroOff: 0,
    strategy: 'global',
  };
}

/** One call of one kernel as a program of its own. */
export function kernelProgram(kernel: IrFunc, args: readonly number[], weights: Uint8Array, cpu: 'v3' | 'v4' = 'v4'): Program {
  const b = new FuncBuilder('run', 'main', ['ctx']);
  b.call(kernel.name, args);
  b.ret(XDP_PASS);
  const array = (name: string, valueSize: number, extra: Partial<MapDef> = {}): MapDef => ({
    name,
    type: MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize,
    maxEntries: 1,
    flags: 0,
    ...extra,
  });
  const maps = [
    array('.data.weights', weights.length, { data: weights, section: '.data.weights' }),
    array('scratch', SCRATCH_BYTES),
    array('input', 4096),
    array('output', 4096),
  ];
  const { insns, subprogs } = emitProgram([b.finish(), kernel], { cpu, maps });
  return {
    name: 'kernel',
    section: 'xdp',
    progType: PROG_TYPE_XDP,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs,
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

/** Runs the program once in the interpreter on the given scratch memory and gives that memory afterwards. */
export function runKernel(program: Program, scratch: Uint8Array): DataView {
  const vm = new Vm(program);
  const key = new Uint8Array(4);
  vm.maps.get('scratch').update(key, scratch);
  vm.runXdp(new Uint8Array(64));
  const out = vm.maps.get('scratch').lookup(key) as Uint8Array;
  return new DataView(out.buffer, out.byteOffset, out.byteLength);
}
