import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Calibration, FixedStrategy } from '../../compiler/api.ts';
import { compile, compileWeights } from '../../compiler/compile.ts';
import type { Binding } from '../../hooks/binding.ts';
import { importModel } from '../../onnx/core.ts';
import { patchWeights } from '../../onnx/patch-weights.ts';
import { ValueReader } from '../../replay/program-values.ts';
import { Debugger } from '../../vm/debug/debugger.ts';
import { Vm } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import { EMPTY_PROJECT } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { hold } from './blobs.ts';
import { compileOptions } from './build.ts';
import { heldProgram } from './programs.ts';
import { runMarks } from './run-marks.ts';
import { touchEvent } from './touch.ts';

const folder = join(import.meta.dirname, '../../../public/samples/payload');
const bytes = new Uint8Array(readFileSync(join(folder, 'payload-ids.onnx')));
const json = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
const blob = { hash: 'ab'.repeat(32), name: 'payload-ids.onnx', size: bytes.length };
hold({ hash: blob.hash, bytes });
const context: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };
const spec: ProgramSpec = {
  key: 'payload',
  from: {
    kind: 'model',
    model: { key: 'model', model: blob, dims: { batch: 1 } },
    calibration: json('calibration.json') as Calibration,
    binding: json('binding.json') as Binding,
  },
  options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
  fork: null,
};

/** A UDP packet to port 80 with a payload of letters, without checksums, which the program does not look at. */
function packet(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const frame = new Uint8Array(42 + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  frame[14] = 0x45;
  view.setUint16(16, 28 + payload.length);
  frame[22] = 64;
  frame[23] = 17;
  view.setUint16(34, 40_000);
  view.setUint16(36, 80);
  view.setUint16(38, 8 + payload.length);
  frame.set(payload, 42);
  return frame;
}

const event = { kind: 'packet' as const, bytes: packet('GET /index.html?id=1 OR 1=1 -- ') };
const edit = { tensor: 'head.2.bias', index: 1, value: 3 };

describe('an event under the hand', () => {
  it('says with exchanged weights what the model that is compiled with them says', async () => {
    const request = { program: spec, event, file: blob, values: ['/encoder/layers.0/self_attn/Softmax_output_0'] };
    const before = await touchEvent({ ...request, weights: [] }, context);
    const after = await touchEvent({ ...request, weights: [edit] }, context);
    const again = await touchEvent({ ...request, weights: [] }, context);
    expect(before.outputs[0]!.data.length).toBe(2);
    expect(again.outputs).toEqual(before.outputs);
    expect(after.outputs[0]!.data[1]! - before.outputs[0]!.data[1]!).toBeGreaterThan(2);
    // A row of attention sums to one.
    const [map] = before.values;
    const row = map!.data.subarray(0, map!.dims.at(-1));
    expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 2);

    if (spec.from.kind !== 'model') throw new Error('unreachable');
    const model = importModel(patchWeights(bytes, blob.name, [edit]), { fileName: blob.name, dims: { batch: 1 } });
    const { compiled } = await heldProgram(spec, context);
    const { inputs, outputs, strategy } = compiled!.meta;
    const options = { ...(await compileOptions(spec.from, spec.options, context)), model, slots: { inputs, outputs } };
    const whole = compile(options);
    const alone = compileWeights({ ...options, strategy: strategy as FixedStrategy });
    const weights = whole.program.maps[0]!.data!;
    // All but the fingerprint, which only whole programs have.
    expect(alone.data.subarray(16)).toEqual(weights.subarray(16));
    expect(whole.program.insns).toEqual(compiled!.program.insns);
  });

  it('tells the outcome before the values, which are those of a reader of all', async () => {
    const values = ['/encoder/layers.0/self_attn/Softmax_output_0', '/encoder/norm/LayerNormalization_output_0'];
    const told: unknown[] = [];
    const whole = await touchEvent(
      { program: spec, event, file: blob, weights: [], values },
      { ...context, emit: (one) => told.push(structuredClone(one)) },
    );
    expect(told).toEqual([{ ...whole, values: [] }]);
    const { program, compiled } = await heldProgram(spec, context);
    const all = new ValueReader(program, compiled!.meta, compiled!.tensors).packet(event.bytes).values;
    expect(whole.values.map(({ name }) => name)).toEqual(values);
    for (const { name, data } of whole.values) {
      const { data: integers, scale, scales } = all.find((one) => one.name === name)!;
      expect(data).toEqual(Float32Array.from(integers, (integer, i) => integer * (scales ? scales[i]! : scale)));
    }
  });

  it('is refused where weights alone do not do', async () => {
    const wide = { tensor: 'head.2.bias', index: 7, value: 3 };
    const request = { program: spec, event, file: blob, values: [] };
    await expect(touchEvent({ ...request, weights: [wide] }, context)).rejects.toThrow('none of number 7');
    const after = { ...event, after: { trace: blob, index: 3 } };
    await expect(touchEvent({ ...request, event: after, weights: [] }, context)).rejects.toThrow('remembers');
  });
});

describe('marks of a run', () => {
  it('stand where the debugger stands after as many steps, once for each round of each stage', async () => {
    const marks = await runMarks({ program: spec, event }, context);
    const { program, compiled } = await heldProgram(spec, context);
    const debug = new Debugger(new Vm(program, { maxInsns: Number.MAX_SAFE_INTEGER }), ({ prepare }) => prepare({ packet: event.bytes }));
    for (const at of [0, 1, 2, Math.floor(marks.step.length / 2), marks.step.length - 1]) {
      await debug.goTo(marks.step[at]!);
      expect(debug.insnIdx).toBe(marks.insn[at]);
    }
    await debug.goTo(Number.MAX_SAFE_INTEGER);
    expect(debug.length).toBe(marks.length);
    for (const { name } of compiled!.tensors.stages) {
      const part = marks.parts.findIndex((one) => one.name === name);
      expect(part).toBeGreaterThan(0);
      const rounds = [...marks.round].filter((_, i) => marks.part[i] === part);
      expect(rounds).toEqual(Array.from({ length: Math.max(1, marks.parts[part]!.rounds) }, (_, i) => i));
    }
  });
});
