import { MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../../bpf/maps.ts';
import type { MapDef, Origin, Program } from '../../bpf/program.ts';
import type { HookCode, HookContext, TensorSlot } from '../../compiler/api.ts';
import { emitProgram } from '../../compiler/backend/emit.ts';
import type { FuncBuilder } from '../../compiler/ir/builder.ts';
import { WEIGHTS_HEADER } from '../../compiler/weights-map.ts';
import type { ArgmaxOutput, Binding, PayloadInput, ThresholdOutput } from '../binding.ts';
import { type FittedBinding, MAX_CLASSES } from '../fit.ts';
import type { Layer } from '../layers.ts';

/** A fitted binding without a model behind it. */
export function fitted(
  layer: Layer,
  length: number,
  output: ArgmaxOutput | ThresholdOutput,
  classes: number,
  extra: Partial<FittedBinding> = {},
): FittedBinding & { readonly input: PayloadInput } {
  const input = (extra.input as PayloadInput | undefined) ?? ({ kind: 'payload', layer, length, pad: 256 } as const);
  const binding: Binding = { hook: 'xdp', input, output };
  return { binding, output, inputName: 'tokens', outputName: 'logits', classes, meaning: 'logits', ...extra, input };
}

/** What {@link standIn} computes, in place of a model: a hash of all tokens gives each output 20 bits of its own, centred on 0. */
export function standInOutputs(tokens: Uint16Array, classes: number): number[] {
  return Array.from({ length: classes }, (_, k) => {
    let hash = k + 1;
    for (const token of tokens) hash = (Math.imul(hash, 31 + 2 * k) + token) >>> 0;
    return ((hash >>> 8) & 0xfffff) - 0x80000;
  });
}

/** Emits {@link standInOutputs}. */
function standIn(b: FuncBuilder, context: HookContext): void {
  const [input, output] = [context.inputs[0], context.outputs[0]];
  const from = b.add(context.lookup(b, input.map, 2), input.byteOff);
  const to = b.add(context.lookup(b, output.map, 2), output.byteOff);
  for (let k = 0; k < output.dims[1]; k++) {
    const hash = b.copy(k + 1);
    const at = b.copy(from);
    b.loop(0, input.dims[1], 1, () => {
      b.aluTo(hash, 'mul', hash, 31 + 2 * k, 32);
      b.aluTo(hash, 'add', hash, b.load(at, 0, 2), 32);
      b.aluTo(at, 'add', at, 2);
    });
    b.store(to, k * 4, b.sub(b.and(b.rsh(hash, 8), 0xfffff), 0x80000), 4);
  }
}

/** Where the harness's programs have their input. */
export const INPUT_OFF = 16;

/** The hook's program around the stand-in: inputs at byte 16 of map `in`, outputs at byte 8 of map `out`. */
export function programOf(
  hook: HookCode,
  length: number,
  classes: number,
  scale: number,
  cpu: 'v3' | 'v4' = 'v4',
  input: Pick<TensorSlot, 'elem' | 'scale'> = { elem: 'u16', scale: 1 },
): Program {
  const tables: Uint8Array[] = [];
  const origins: Origin[] = [];
  const slot = (name: string, map: string, dims: number[], byteOff: number, elem: TensorSlot['elem'], s: number): TensorSlot => ({
    name,
    map,
    dims,
    byteOff,
    elem,
    scale: s,
  });
  const context: HookContext = {
    kernel: '6.18',
    inputs: [slot('tokens', 'in', [1, length], INPUT_OFF, input.elem, input.scale)],
    outputs: [slot('logits', 'out', [1, classes], 8, 'i32', scale)],
    addOrigin: (origin) => origins.push(origin) - 1,
    lookup: (b, map, onNull) => {
      const key = b.stackSlot(8);
      b.store(key.addr(), 0, 0, 4);
      const value = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(map), key.addr()]);
      b.when('eq', value, 0, () => b.ret(onNull));
      return value;
    },
    liveWeights: (b) => b.copy(0),
    addTable: (bytes) => {
      const off = tables.reduce((sum, table) => sum + ((table.length + 7) & ~7), WEIGHTS_HEADER);
      tables.push(bytes);
      return (b) => b.mapValue('.data.weights', off);
    },
    infer: (b) => standIn(b, context),
  };
  const funcs = hook.buildMain(context);
  const io = hook.io === 'percpu' ? MAP_TYPE_PERCPU_ARRAY : MAP_TYPE_ARRAY;
  const data = new Uint8Array(tables.reduce((sum, table) => sum + ((table.length + 7) & ~7), WEIGHTS_HEADER + 8)).fill(
    1,
    0,
    WEIGHTS_HEADER,
  );
  let at = WEIGHTS_HEADER;
  for (const table of tables) {
    data.set(table, at);
    at += (table.length + 7) & ~7;
  }
  const maps: MapDef[] = [
    { name: 'in', type: io, keySize: 4, valueSize: INPUT_OFF + length * (input.elem === 'f32' ? 4 : 2) + 6, maxEntries: 1, flags: 0 },
    { name: 'out', type: io, keySize: 4, valueSize: 8 + MAX_CLASSES * 4, maxEntries: 1, flags: 0 },
    {
      name: '.data.weights',
      type: MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: data.length,
      maxEntries: 1,
      flags: 0,
      section: '.data.weights',
      data,
    },
    ...hook.maps,
  ];
  const emitted = emitProgram(funcs, { cpu, maps });
  return {
    name: 'hook_test',
    section: hook.section,
    progType: hook.progType,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns: emitted.insns,
    subprogs: emitted.subprogs,
    maps,
    lineInfo: [],
    origins,
    insnOrigins: emitted.originIds.map((id) => [id]),
    kfuncCalls: new Map(),
  };
}
