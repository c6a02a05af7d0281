import type { Command } from './command.ts';
import type { Parameters } from './parameters.ts';
import type { HookRun } from './runner.ts';

/** Matrix units that work on so many elements of output can use. */
const unitsFor = (elements: number, { units, tileElements }: Parameters): number =>
  Math.max(1, Math.min(units, Math.ceil(elements / tileElements)));

/** Matrix units that a command can use: one for every `tileElements` of the largest value that it makes. */
export function unitsWanted(command: Command, parameters: Parameters): number {
  let elements = command.width ?? 1;
  for (const { role, dims } of command.tensors)
    if (role === 'output')
      elements = Math.max(
        elements,
        dims.reduce((n, dim) => n * dim, 1),
      );
  return unitsFor(elements, parameters);
}

/** Time of a command's arithmetic on `units` of the units, ns. */
export const computeNs = (command: Pick<Command, 'flops'>, units: number, { flopsPerSecond, units: all }: Parameters): number =>
  (command.flops * 1e9 * all) / (flopsPerSecond * units);

/** Time of a command's bytes when it has the memory for itself, ns. */
export const memoryNs = (command: Pick<Command, 'bytes'>, { memoryBytesPerSecond }: Parameters): number =>
  (command.bytes * 1e9) / memoryBytesPerSecond;

/** Time of work that has the device for itself: it starts, and then arithmetic and memory overlap (the roofline). */
export const aloneNs = (work: { readonly flops: number; readonly bytes: number; readonly width: number }, parameters: Parameters): number =>
  wholeNs(parameters.launchNs + Math.max(computeNs(work, unitsFor(work.width, parameters), parameters), memoryNs(work, parameters)));

/** By name of the function: which rate its bytes go by. Functions that are not here cost their call alone. */
const RATES: Readonly<Record<string, readonly ('copyBytesPerNs' | 'hashBytesPerNs' | 'cipherBytesPerNs')[]>> = {
  accel_tensor_read: ['copyBytesPerNs'],
  accel_tensor_sha256: ['copyBytesPerNs', 'hashBytesPerNs'],
  accel_tensor_hmac: ['copyBytesPerNs', 'hashBytesPerNs'],
  accel_tensor_sign: ['copyBytesPerNs', 'hashBytesPerNs'],
  accel_tensor_seal: ['copyBytesPerNs', 'cipherBytesPerNs'],
  accel_sha256: ['hashBytesPerNs'],
  accel_hmac_sha256: ['hashBytesPerNs'],
  accel_trace: ['copyBytesPerNs'],
};

/** What the time of one run of a program is made of, ns. */
export interface HookTime {
  readonly entry: number;
  readonly insns: number;
  readonly functions: number;
}

/** Modelled time of a run from what the engine counted. */
export function hookTime({ insns, calls }: Pick<HookRun, 'insns' | 'calls'>, parameters: Parameters): HookTime {
  let functions = 0;
  for (const [name, { calls: count, bytes }] of calls) {
    functions += count * parameters.callNs;
    for (const rate of RATES[name] ?? []) functions += bytes / parameters[rate];
  }
  return { entry: parameters.hookEntryNs, insns: (insns * parameters.cyclesPerInsn * 1e9) / parameters.engineHz, functions };
}

/** In whole nanoseconds, upwards: what the device's clock counts in. */
export const wholeNs = (ns: number): number => Math.ceil(ns - 1e-6);
export const hookNs = ({ entry, insns, functions }: HookTime): number => wholeNs(entry + insns + functions);
