import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { isFeatureInput } from '../../hooks/features/binding.ts';
import { FIELD_NAMES, FLOW_NAMES } from '../../hooks/features/catalogue.ts';
import { FeatureExtractor } from '../../hooks/features/extract.ts';
import { FEATURES_MAP } from '../../hooks/features/maps.ts';
import { columnsOf, type FeaturePlan, planOf, type Transform } from '../../hooks/features/plan.ts';
import { ModelRunner } from '../../replay/runner.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { FeatureRow, FeatureValuesView } from '../feature-views.ts';
import type { CallContext } from '../rpc.ts';
import { heldProgram } from './programs.ts';
import { rest, SLICE_MS } from './rest.ts';
import { heldTrace } from './traces.ts';

/** Program and reference side by side along a trace; going on from where they are costs only the packets between. */
class Along {
  readonly #runner: ModelRunner;
  readonly #extractor: FeatureExtractor;
  next = 0;
  numbers = 0;
  differ = 0;
  values: Float64Array | null = null;
  program: Float64Array = new Float64Array(0);
  read: Float32Array = new Float32Array(0);

  constructor(runner: ModelRunner, plan: FeaturePlan) {
    this.#runner = runner;
    this.#extractor = new FeatureExtractor(plan);
  }

  step(frame: Uint8Array, timeNs: number): void {
    this.#runner.runPacket(frame, timeNs);
    const extracted = this.#extractor.next(frame, timeNs);
    this.values = extracted?.values ?? null;
    this.next++;
    if (!extracted) return;
    this.read = extracted.numbers;
    const map = this.#runner.vm.maps.get(FEATURES_MAP).lookup(new Uint8Array(4))!;
    const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
    // Every value is less than 2^53 either way.
    this.program = Float64Array.from(extracted.values, (_, i) => view.getInt32(8 * i + 4, true) * 2 ** 32 + view.getUint32(8 * i, true));
    this.numbers += this.program.length;
    for (const [i, value] of extracted.values.entries()) if (value !== this.program[i]) this.differ++;
  }
}

let present: { readonly key: string; readonly along: Along } | null = null;

/** The features of packet `index` in the program's map and by the reference, after all packets before it. */
export async function featureValues(
  { program: spec, trace, index }: { program: ProgramSpec; trace: BlobRef; index: number },
  context: CallContext,
): Promise<FeatureValuesView> {
  const { program, meta } = await heldProgram(spec, context);
  const input = spec.from.kind === 'model' ? spec.from.binding.input : null;
  if (!meta || !input || !isFeatureInput(input)) throw new InputError('the binding takes no features', 'binding');
  const held = await heldTrace(trace);
  if (held.kind !== 'packets') throw new InputError('the trace holds no packets', trace.name);
  const plan = planOf(input);
  const key = JSON.stringify([spec.key, trace.hash]);
  if (present?.key !== key || present.along.next > index) {
    await loadParts(program);
    present = { key, along: new Along(new ModelRunner(program, meta), plan) };
  }
  const { along } = present;
  let rested = performance.now();
  const { packets: file } = held;
  for await (const { frames } of file.frames(along.next, index + 1)) {
    for (const frame of frames) {
      along.step(frame, file.timeNs(along.next));
      if (performance.now() - rested <= SLICE_MS) continue;
      context.progress('counting for flows', along.next, index + 1);
      await rest();
      if (context.cancelled) throw new Cancelled();
      rested = performance.now();
    }
  }
  const { values, program: ours, read, next: packets, numbers, differ } = along;
  return { rows: values && rowsOf(plan, values, ours, read), packets, numbers, differ };
}

function rowsOf(plan: FeaturePlan, values: Float64Array, program: Float64Array, read: Float32Array): FeatureRow[] {
  const says = sayingsOf(plan);
  return columnsOf(plan).map((name, i) => ({ name, says: says[i]!, value: values[i]!, program: program[i]!, number: read[i]! }));
}

/** What each number is, in words. */
function sayingsOf({ entries, tokens, count }: FeaturePlan): string[] {
  if (tokens) {
    const { shift, buckets } = tokens;
    return Array.from(
      { length: count },
      () => `size >> ${shift}, at most ${buckets - 1}; + ${buckets} back to the first sender; ${2 * buckets} for no packet`,
    );
  }
  return entries.flatMap((entry) => {
    if (entry.kind === 'channels')
      return Array.from({ length: entry.length }, () =>
        entry.channels.map(({ channel, transform }) => `${CHANNEL_SAYS[channel]}${scaling(transform)}`),
      ).flat();
    const name = entry.name.split('=')[0]!;
    const { says = '' } = FIELD_NAMES.get(name) ?? FLOW_NAMES.get(name) ?? {};
    return [entry.kind === 'equals' ? `1 where it is ${entry.value}: ${says}` : `${says}${scaling(entry.transform)}`];
  });
}

const CHANNEL_SAYS = {
  size: 'bytes of the frame',
  direction: '1 from the first sender, −1 back',
  signed_size: 'bytes, negative back to the first sender',
  iat: 'ns since the packet before',
} as const;

/** What is done with the integer, where anything is. */
function scaling({ log2, mean, scale }: Transform): string {
  const value = log2 ? 'log2(1 + value)' : 'value';
  const shifted = mean === 0 ? value : `(${value} − ${mean})`;
  const scaled = scale === 1 ? shifted : `${shifted} × ${Number(scale.toPrecision(4))}`;
  return scaled === 'value' ? '' : `; ${scaled}`;
}
