import { InputError } from '../base/errors.ts';
import type { VerdictName } from '../hooks/binding.ts';
import { decide, otherwiseOf } from '../hooks/decide.ts';
import type { FittedBinding } from '../hooks/fit.ts';
import type { Model } from '../onnx/model.ts';
import { createReference, type Reference, type ReferenceOptions, type Tensors } from '../reference/reference.ts';
import { type PacketInputs, packetInputs } from './inputs.ts';

/** What ONNX Runtime and the binding's rule say about one packet. */
export interface ReferenceOutcome {
  readonly verdict: VerdictName;
  /** NaN for a packet that the model did not see. */
  readonly score: number;
  /** How clear it was: lead of the chosen class, or distance from the threshold. */
  readonly margin: number;
  readonly outputs: Readonly<Record<string, ArrayLike<number>>> | null;
}

/** The reference side of a replay: the same bytes, ONNX Runtime, the same rule in floating point. */
export class ReferenceRunner {
  readonly #reference: Reference;
  readonly #inputs: PacketInputs;
  /** Null for a tensor binding, which takes no packets. */
  readonly #binding: FittedBinding | null;

  /** `inputs` makes a packet's inputs; payload bytes as tokens where it is left out. */
  constructor(reference: Reference, model: Model, binding: FittedBinding | null, inputs?: PacketInputs) {
    this.#reference = reference;
    this.#binding = binding;
    this.#inputs =
      inputs ??
      ((packet) => binding && packetInputs(packet, binding.binding, model.inputs.find(({ name }) => name === binding.inputName)!));
  }

  static async open(
    modelBytes: Uint8Array,
    options: ReferenceOptions,
    model: Model,
    binding: FittedBinding | null,
    inputs?: PacketInputs,
  ): Promise<ReferenceRunner> {
    return new ReferenceRunner(await createReference(modelBytes, options), model, binding, inputs);
  }

  /** `timeNs`: when it came; packets with flows must come in their order. */
  async runPacket(packet: Uint8Array, timeNs?: number): Promise<ReferenceOutcome> {
    const fitted = this.#binding;
    if (!fitted) throw new InputError('a tensor binding takes no packets', 'binding');
    const inputs = this.#inputs(packet, timeNs);
    if (!inputs) return { verdict: otherwiseOf(fitted), score: Number.NaN, margin: Number.POSITIVE_INFINITY, outputs: null };
    return this.judge(inputs, fitted);
  }

  /** What the binding says of the model's answer to inputs. */
  async judge(inputs: Tensors, fitted: FittedBinding): Promise<ReferenceOutcome> {
    const outputs = await this.runTensors(inputs);
    const { verdict, score, margin } = decide([...outputs[fitted.outputName]], fitted);
    return { verdict, score, margin, outputs };
  }

  /** Outputs by name as numbers; those that hold texts are left out. */
  async runTensors(inputs: Tensors): Promise<Record<string, Float64Array>> {
    const results = await this.#reference.run(inputs);
    return Object.fromEntries(
      this.#reference.outputNames.flatMap((name) => {
        const data = results[name]?.data;
        return data ? [[name, Float64Array.from(data as ArrayLike<number | bigint>, Number)]] : [];
      }),
    );
  }

  release(): Promise<void> {
    return this.#reference.release();
  }
}
