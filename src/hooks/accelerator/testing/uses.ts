import { readFileSync } from 'node:fs';
import { type CompiledC, compileC } from '../../../clang/compile.ts';
import { type Fixture, loadModel, modelBytes, tensors } from '../../../compiler/testing/fixtures.ts';
import type { Model } from '../../../onnx/model.ts';
import { createReference } from '../../../reference/reference.ts';
import { Device } from '../device.ts';
import { Driver } from '../driver.ts';
import {
  type BpfLink,
  type BpfObject,
  bpf_map__update_elem,
  bpf_object__find_map_by_name,
  bpf_object__load,
  bpf_object__open,
  bpf_program__attach,
} from '../libbpf.ts';
import type { Parameters } from '../parameters.ts';
import { ModelOnDevice, type PassValues } from '../stream.ts';

/** The shipped programs (samples/accelerator), compiled once, and a small model on a device. */

export const USES = ['shape_provenance', 'confidential', 'adaptive_qos', 'audit', 'metrics', 'sign_activations'] as const;
export type Use = (typeof USES)[number];

const compiled = new Map<string, Promise<CompiledC>>();

export const sourceOf = (name: string): string =>
  readFileSync(new URL(`../../../../samples/accelerator/${name}.c`, import.meta.url), 'utf8');

export function compileUse(name: Use | 'host_control'): Promise<CompiledC> {
  let result = compiled.get(name);
  if (!result) {
    result = compileC(sourceOf(name), { fileName: `${name}.c` });
    compiled.set(name, result);
  }
  return result;
}

export async function openUse(name: Use): Promise<BpfObject> {
  const { object, diagnostics } = await compileUse(name);
  if (!object) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  const opened = bpf_object__open(object, { object_name: name });
  bpf_object__load(opened);
  return opened;
}

export const attachAll = (object: BpfObject, device: Device, order = 0): BpfLink[] =>
  object.programs.map((program) => bpf_program__attach(program, device, { order }));

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../../${path}`, import.meta.url)));
const samples = new Map<Fixture, Promise<{ model: Model; values: PassValues[] }>>();

/** A small model with three inputs and everything that the reference computes of them. */
export function sampleOf(fixture: Fixture): Promise<{ model: Model; values: PassValues[] }> {
  let sample = samples.get(fixture);
  if (!sample) {
    sample = (async () => {
      const model = loadModel(read, fixture);
      const reference = await createReference(modelBytes(read, fixture), { outputs: 'all' });
      const values: PassValues[] = [];
      for (const inputs of tensors(read, fixture, 'inputs.npy', model).slice(0, 3))
        values.push({ ...inputs, ...(await reference.run(inputs)) });
      await reference.release();
      return { model, values };
    })();
    samples.set(fixture, sample);
  }
  return sample;
}

export async function rig(fixture: Fixture = 'encoder-post-relu-cls', parameters: Partial<Parameters> = {}) {
  const { model, values } = await sampleOf(fixture);
  const device = new Device(parameters);
  const on = ModelOnDevice.load(model, device.memory, values[0]!);
  return { device, on, driver: new Driver(device, on), model, values };
}

/** Numbers of one width after the other, little-endian. */
export function bytes(...parts: readonly (readonly [bits: 8 | 32 | 64, ...numbers: readonly number[]])[]): Uint8Array {
  const out: number[] = [];
  for (const [bits, ...numbers] of parts)
    for (const number of numbers) for (let at = 0; at < bits; at += 8) out.push(Number((BigInt(number) >> BigInt(at)) & 255n));
  return Uint8Array.from(out);
}

export const u32 = (...numbers: readonly number[]): Uint8Array => bytes([32, ...numbers]);
export const u64 = (...numbers: readonly number[]): Uint8Array => bytes([64, ...numbers]);

/** Sets a value of a map; a refusal is a failure of the test. */
export function put(object: BpfObject, map: string, key: Uint8Array, value: Uint8Array): void {
  const answer = bpf_map__update_elem(bpf_object__find_map_by_name(object, map)!, key, value);
  if (answer !== 0) throw new Error(`map ${map}: ${answer}`);
}

/** The numbers of 64 bits that a map's value is made of. */
export function numbersAt(object: BpfObject, map: string, key: Uint8Array): number[] {
  const value = bpf_object__find_map_by_name(object, map)!.map!.lookup(key);
  if (!value) return [];
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length >> 3 }, (_, at) => Number(view.getBigUint64(at * 8, true)));
}

/** Answers counted by a map `answers` or the like. */
export const counts = (object: BpfObject, map: string, entries: number): number[] =>
  Array.from({ length: entries }, (_, at) => numbersAt(object, map, u32(at))[0]!);
