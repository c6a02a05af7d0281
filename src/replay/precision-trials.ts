import type { Compiled, CompileOptions, Quant } from '../compiler/api.ts';
import { compile } from '../compiler/compile.ts';
import { fold } from '../compiler/fold/fold.ts';
import { recognise } from '../compiler/graph/recognise.ts';
import { productName } from '../compiler/precision.ts';
import type { Measured } from '../compiler/precision-search.ts';
import { readWeightsHeader } from '../compiler/weights-map.ts';
import type { Tensors } from '../reference/reference.ts';
import { type ReferenceOutcome, ReferenceRunner } from './reference-runner.ts';
import { replayPackets, replayTensors, type TimedPackets } from './replay.ts';
import { ModelRunner } from './runner.ts';

/** ONNX Runtime's answers, asked for once each. */
class RememberingReference extends ReferenceRunner {
  readonly #packets = new Map<Uint8Array, Promise<ReferenceOutcome>>();
  readonly #tensors = new Map<Tensors, Promise<Record<string, Float64Array>>>();

  override runPacket(packet: Uint8Array, timeNs?: number): Promise<ReferenceOutcome> {
    let known = this.#packets.get(packet);
    if (!known) {
      known = super.runPacket(packet, timeNs);
      this.#packets.set(packet, known);
    }
    return known;
  }
  override runTensors(inputs: Tensors): Promise<Record<string, Float64Array>> {
    let known = this.#tensors.get(inputs);
    if (!known) {
      known = super.runTensors(inputs);
      this.#tensors.set(inputs, known);
    }
    return known;
  }
}

export type TrialEvents =
  | ({ readonly kind: 'packets' } & TimedPackets)
  | { readonly kind: 'tensors'; readonly tensors: readonly Tensors[] };

/** Nodes of the products with weights, in the order of their multiplications: where a cheaper precision saves most comes first. */
export function productsOf({ model, families }: Pick<CompileOptions, 'model' | 'families'>): string[] {
  const work = new Map<string, number>();
  for (const op of fold(recognise(model, families)).ops) {
    if (op.kind !== 'linear') continue;
    const name = productName(op);
    const rows = op.out.dims.slice(0, -1).reduce((a, b) => a * b, 1);
    work.set(name, (work.get(name) ?? 0) + rows * op.weights.dims[0]! * op.weights.dims[1]!);
  }
  return [...work].sort(([, a], [, b]) => b - a).map(([name]) => name);
}

/** Compiles with a precision and runs every event beside the reference. */
export function trialsOf(
  options: Omit<CompileOptions, 'quant'>,
  events: TrialEvents,
  reference: ConstructorParameters<typeof ReferenceRunner>,
): { measure(quant: Quant): Promise<Measured> } {
  const remembered = new RememberingReference(...reference);
  return {
    measure: async (quant) => {
      const { program, meta } = compile({ ...options, quant });
      const runner = new ModelRunner(program, meta);
      let executed = 0;
      const replay = {
        reference: remembered,
        onEvent: (_: number, { insnsExecuted }: { insnsExecuted: number }) => {
          executed += insnsExecuted;
        },
      };
      const { comparison, events: count } =
        events.kind === 'packets' ? await replayPackets([events], runner, replay) : await replayTensors(events.tensors, runner, replay);
      return { agreement: comparison?.agreement ?? 0, insns: Math.round(executed / Math.max(1, count)), bytes: weightBytes(program) };
    },
  };
}

const weightBytes = (program: Compiled['program']): number => readWeightsHeader(program.maps.find(({ data }) => data)!.data!)?.size ?? 0;
