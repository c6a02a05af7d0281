import type { Kernel } from '../../companion/kernel.ts';
import type { TensorSlot } from '../../compiler/api.ts';
import { programBtf } from '../../object/program-btf.ts';
import { Vm } from '../../vm/vm.ts';
import { CLOCK_MAP, clockValue } from '../clock.ts';
import type { FeatureInput } from '../features/binding.ts';
import { FeatureExtractor } from '../features/extract.ts';
import { FEATURES_MAP, FLOW_STATS, FLOW_STATS_MAP } from '../features/maps.ts';
import { planOf, quantiserOf, type Transform } from '../features/plan.ts';
import { featureSource } from '../features/source.ts';
import { xdpHook } from '../xdp.ts';
import { fittedFeatures } from './feature-bindings.ts';
import { INPUT_OFF, programOf } from './harness.ts';
import type { TimedFrame } from './traffic.ts';

const KEY = new Uint8Array(4);
const OUTPUT_SCALE = 2e-5;

/** What was compared, and what differed. */
export interface FeatureRun {
  readonly messages: readonly string[];
  readonly packets: number;
  /** Packets that had features. */
  readonly seen: number;
  /** Numbers compared of each engine. */
  readonly numbers: number;
  /** What the kernel's verifier counted; null without a kernel. */
  readonly processed: number | null;
}

export type Slot = Pick<TensorSlot, 'elem' | 'scale'>;

/** Where the binding's numbers go when nobody says: tokens, or 16-bit integers of 1/64. */
export const slotFor = (input: FeatureInput): Slot => (planOf(input).tokens ? { elem: 'u16', scale: 1 } : { elem: 'i16', scale: 1 / 64 });

/** Packets through the program of a binding in the kernel (if there is one) and in both engines, and through the reference: features and inputs are compared exactly. */
export async function compareFeatures(
  input: FeatureInput,
  packets: readonly TimedFrame[],
  kernel: Kernel | null,
  cpu: 'v3' | 'v4' = 'v4',
  slot: Slot = slotFor(input),
): Promise<FeatureRun> {
  const fit = fittedFeatures(input);
  const program = programOf(xdpHook(fit, featureSource(input)), fit.count, fit.classes, OUTPUT_SCALE, cpu, slot);
  const hasClock = program.maps.some(({ name }) => name === CLOCK_MAP);
  const messages: string[] = [];
  const engines = (['interp', 'wasm'] as const).map((engine) => ({ engine, vm: new Vm(program, { engine }) }));
  await kernel?.pin(0);
  const loaded = kernel && (await kernel.load(program, { btf: programBtf(program) }));
  if (loaded && !loaded.program) throw new Error(loaded.log.slice(-3000));
  const plan = planOf(input);
  const extractor = new FeatureExtractor(plan);
  const width = slot.elem === 'f32' ? 4 : 2;
  let seen = 0;
  for (const [i, { frame, timeNs }] of packets.entries()) {
    const expected = extractor.next(frame, timeNs);
    const clock = clockValue(timeNs);
    const answers: [string, number, Uint8Array, Uint8Array][] = engines.map(({ engine, vm }) => {
      if (hasClock) vm.maps.get(CLOCK_MAP).update(KEY, clock);
      const { returnValue } = vm.runXdp(frame);
      return [engine, returnValue, vm.maps.get(FEATURES_MAP).lookup(KEY)!.slice(), vm.maps.get('in').lookup(KEY)!.slice()];
    });
    if (loaded?.program) {
      const { program: run } = loaded;
      const [, result, features, inputs] = await Promise.all([
        hasClock ? run.map(CLOCK_MAP).update(KEY, clock) : null,
        run.testRun(frame),
        run.map(FEATURES_MAP).lookup(KEY),
        run.map('in').lookup(KEY),
      ]);
      answers.push(['kernel', result.returnValue, features!, inputs!]);
    }
    if (!expected) {
      for (const [engine, returnValue] of answers) if (returnValue !== 2) messages.push(`packet ${i}: ${engine} returned ${returnValue}`);
      continue;
    }
    seen++;
    const stored = storedOf(expected.values, plan, slot);
    for (const [engine, , features, inputs] of answers) {
      const view = new DataView(features.buffer, features.byteOffset);
      const numbers = new DataView(inputs.buffer, inputs.byteOffset + INPUT_OFF);
      for (let n = 0; n < fit.count; n++) {
        const value = view.getUint32(n * 8, true) + view.getInt32(n * 8 + 4, true) * 2 ** 32;
        if (value !== expected.values[n])
          messages.push(`packet ${i}, number ${n}: ${engine} has ${value}, reference ${expected.values[n]}`);
        const held =
          width === 4
            ? numbers.getFloat32(n * 4, true)
            : slot.elem === 'u16'
              ? numbers.getUint16(n * 2, true)
              : numbers.getInt16(n * 2, true);
        const wanted = width === 4 ? expected.numbers[n]! : stored[n]!;
        if (held !== wanted) messages.push(`packet ${i}, input ${n}: ${engine} has ${held}, reference ${wanted}`);
      }
    }
  }
  for (const { vm } of engines) {
    if (!hasClock) continue;
    const unlocked = vm.maps.get(FLOW_STATS_MAP).lookup(new Uint8Array(Uint32Array.of(FLOW_STATS.unlocked).buffer))!;
    if (unlocked.some((byte) => byte !== 0)) messages.push('updates without the lock');
  }
  const processed = loaded?.program ? (await loaded.program.info()).verifiedInsns : null;
  await loaded?.program?.closeAll();
  return { messages, packets: packets.length, seen, numbers: seen * fit.count, processed };
}

/** The integers of the input by {@link quantiserOf}'s formula, exactly. */
function storedOf(values: Float64Array, { entries }: ReturnType<typeof planOf>, { scale }: Slot): Float64Array {
  const stored = Float64Array.from(values);
  const put = (at: number, transform: Transform) => {
    const { shiftIn, factor, add, shiftOut } = quantiserOf(transform, scale);
    const scaled = Number(((BigInt(values[at]!) >> BigInt(shiftIn)) * BigInt(factor) + add) >> BigInt(shiftOut));
    stored[at] = Math.min(32_767, Math.max(-32_768, scaled));
  };
  for (const entry of entries) {
    if (entry.kind === 'value') put(entry.at, entry.transform);
    else if (entry.kind === 'equals') stored[entry.at] = values[entry.at]! * Math.min(32_767, Math.round(1 / scale));
    else
      for (let i = 0; i < entry.length; i++)
        for (const [n, { transform }] of entry.channels.entries()) put(entry.at + i * entry.channels.length + n, transform);
  }
  return stored;
}
