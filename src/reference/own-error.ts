import { type Cut, cutInput, isolate } from '../onnx/isolate.ts';
import { createReference, type Reference, type Tensors } from './reference.ts';
import { type Compared, isMask, scaleAt, type ValueError, valueError } from './value-error.ts';

/** A value of the program by its ONNX name. */
export interface Held extends Compared {
  readonly name: string;
}

/**
 * What every step of a program adds to the error by itself: ONNX Runtime computes each value from the program's own values before it, so that
 * an error that came with those is not charged to the step. A value that the program keeps nowhere is part of the step to the next one that it keeps.
 */
export class OwnErrors {
  readonly #reference: Reference;
  readonly #cuts: ReadonlySet<string>;

  private constructor(reference: Reference, cuts: readonly Cut[]) {
    this.#reference = reference;
    this.#cuts = new Set(cuts.map(({ name }) => name));
  }

  /** `values`: an event as ONNX Runtime computes it; those of type float32 that are among `held` are cut. */
  static async open(model: Uint8Array, fileName: string, held: readonly Held[], values: Tensors): Promise<OwnErrors> {
    const cuts = held.flatMap(({ name, data }): Cut[] => {
      const value = values[name];
      return value?.dtype === 'float32' && value.data.length === data.length ? [{ name, dims: value.dims }] : [];
    });
    return new OwnErrors(await createReference(isolate(model, fileName, cuts), { outputs: 'all', fileName }), cuts);
  }

  /** Errors by value: of an input of the model its rounding, of others what the step that makes it adds. */
  async run(inputs: Tensors, held: readonly Held[], values: Tensors): Promise<ReadonlyMap<string, ValueError>> {
    const feeds: Record<string, Tensors[string]> = { ...inputs };
    for (const one of held) {
      const value = values[one.name];
      if (!this.#cuts.has(one.name) || !value) continue;
      feeds[cutInput(one.name)] = { ...value, data: floats(one, value.data as Float32Array) };
    }
    const outputs = await this.#reference.run(feeds);
    const errors = new Map<string, ValueError>();
    for (const one of held) {
      const expected = outputs[one.name] ?? inputs[one.name];
      if (this.#cuts.has(one.name) && expected) errors.set(one.name, valueError(one, expected.data as Float32Array));
    }
    return errors;
  }

  release(): Promise<void> {
    return this.#reference.release();
  }
}

/** The program's integers as floats; masks as ONNX Runtime has them. */
function floats(held: Held, reference: Float32Array): Float32Array {
  return Float32Array.from(held.data, (integer, at) => (isMask(held.masks, reference[at]!) ? reference[at]! : integer * scaleAt(held, at)));
}
