import { InputError } from '../../base/errors.ts';
import type { Model, Tensor } from '../../onnx/model.ts';
import { dtypeCode } from '../../onnx/tensor.ts';
import type { Command, Kernel, TensorDesc } from './command.ts';
import { fusedKernel } from './fused-kernel.ts';
import type { DeviceMemory } from './memory.ts';
import { evaluateNode, infoOf } from './node-kernel.ts';
import { bytesIn, type Plan, planOf, type Step } from './plan.ts';
import { bytesOf, denseStrides, elementBytes, tensorFrom } from './tensor-bytes.ts';

/** Tensors of one inference by name: inputs, and what the reference computed. */
export type PassValues = Readonly<Record<string, Tensor>>;

export interface PassOptions {
  readonly request: number;
  readonly tenant?: number;
  readonly token?: number;
  /** Number of the first command; the others follow. */
  readonly firstSeq: number;
  readonly priority?: number;
  readonly deadlineNs?: number;
  /** Handle of the request's key; 0 none. */
  readonly key?: number;
  /** Digest of an input, by name, that its sender made. */
  readonly digests?: Readonly<Record<string, Uint8Array>>;
}

export interface MemoryWrite {
  readonly name: string;
  readonly addr: number;
  readonly data: Uint8Array;
}

/** One pass of a model. */
export interface Stream {
  readonly commands: readonly Command[];
  /** Inputs that the driver puts into device memory before it submits the commands. */
  readonly writes: readonly MemoryWrite[];
  /** Where the model's outputs will lie, by name. */
  readonly outputs: Readonly<Record<string, TensorDesc>>;
}

const DEFAULT_PRIORITY = 100;

/** A model whose weights lie in device memory, and whose runs become commands. */
export class ModelOnDevice {
  readonly model: Model;
  readonly plan: Plan;
  readonly memory: DeviceMemory;
  readonly #weights: ReadonlyMap<string, number>;
  /** Activations of each request: its passes follow each other and use the same memory. */
  readonly #activations = new Map<number, Map<string, number>>();
  readonly #recorded: ReadonlySet<string>;

  private constructor(model: Model, plan: Plan, memory: DeviceMemory, weights: ReadonlyMap<string, number>, recorded: ReadonlySet<string>) {
    this.model = model;
    this.plan = plan;
    this.memory = memory;
    this.#weights = weights;
    this.#recorded = recorded;
  }

  /**
   * Puts a model's weights into device memory. `values` are those of any one inference: on them it is tried which nodes the units can compute; the outputs of
   * the others are taken from the reference at each pass. Throws {@link InputError} when memory is full.
   */
  static load(model: Model, memory: DeviceMemory, values: PassValues): ModelOnDevice {
    const weights = new Map<string, number>();
    for (const [name, tensor] of model.initializers) {
      const data = bytesOf(tensor);
      const addr = memory.allocate(data.length);
      memory.write(addr, data);
      weights.set(name, addr);
    }
    const plan = planOf(model);
    return new ModelOnDevice(model, plan, memory, weights, notComputed(model, plan, values));
  }

  /** The same model with other commands: the same work in another division. */
  withSteps(steps: readonly Step[]): ModelOnDevice {
    return new ModelOnDevice(this.model, { ...this.plan, steps }, this.memory, this.#weights, this.#recorded);
  }

  /** Whether the units compute a step themselves. */
  isComputed({ nodes }: Step): boolean {
    return nodes.every(({ outputs }) => !this.#recorded.has(outputs[0]!));
  }

  /** The commands of one inference. Throws {@link InputError} when an input, or a recorded value, is missing or has another shape. */
  pass(values: PassValues, options: PassOptions): Stream {
    const { request, tenant = 0, token = 0, firstSeq, priority = DEFAULT_PRIORITY, deadlineNs = 0, key = 0, digests = {} } = options;
    const writes = this.model.inputs.map(({ name }) => ({
      name,
      addr: this.#addressOf(name, request),
      data: bytesOf(this.#given(values, name)),
    }));
    const commands = this.plan.steps.map((step, at): Command => {
      const { nodes, op, layer, label, flops, bytes, width } = step;
      return {
        seq: firstSeq + at,
        request,
        tenant,
        token,
        layer,
        op,
        nodes: nodes.map(({ index }) => index),
        label,
        tensors: [
          ...step.inputs.map((name) => this.#describe(name, request, digests[this.#held(name)])),
          ...step.outputs.map((name) => this.#describe(name, request, undefined, true)),
        ],
        flops,
        bytes,
        width,
        deadlineNs,
        priority,
        key,
        kernel: this.#kernel(step, values),
      };
    });
    const outputs = Object.fromEntries(this.model.outputs.map(({ name }) => [name, this.#describe(name, request)]));
    return { commands, writes, outputs };
  }

  #held(name: string): string {
    return this.plan.views.get(name) ?? name;
  }

  #addressOf(name: string, request: number): number {
    const held = this.#held(name);
    const weight = this.#weights.get(held);
    if (weight !== undefined) return weight;
    let own = this.#activations.get(request);
    if (!own) {
      own = new Map();
      this.#activations.set(request, own);
    }
    let addr = own.get(held);
    if (addr === undefined) {
      addr = this.memory.allocate(bytesIn(this.model, held));
      own.set(held, addr);
    }
    return addr;
  }

  #describe(name: string, request: number, digest?: Uint8Array, written = false): TensorDesc {
    const { dtype, dims } = infoOf(this.model, name);
    return {
      name,
      dims,
      strides: denseStrides(dims, elementBytes(dtype, `value \`${name}\``)),
      dtype: dtypeCode(dtype),
      addr: this.#addressOf(name, request),
      bytes: bytesIn(this.model, name),
      role: written ? 'output' : this.#weights.has(this.#held(name)) ? 'weight' : 'activation',
      digest: digest ?? null,
      sealed: false,
      signed: digest !== undefined,
    };
  }

  #given(values: PassValues, name: string): Tensor {
    const tensor = values[name];
    if (!tensor) throw new InputError('no tensor was given for it', `value \`${name}\``);
    const { dtype, dims } = infoOf(this.model, name);
    if (tensor.dtype !== dtype || tensor.dims.join() !== dims.join())
      throw new InputError(
        `it is ${tensor.dtype} [${tensor.dims.join(', ')}] and should be ${dtype} [${dims.join(', ')}]`,
        `value \`${name}\``,
      );
    return tensor;
  }

  #kernel(step: Step, values: PassValues): Kernel {
    if (!this.isComputed(step)) return recordedKernel(step, (name) => this.#given(values, name));
    return step.nodes.length > 1 ? fusedKernel(this.model, this.plan, step) : computedKernel(this.model, step);
  }
}

/** `ModelOnDevice` for a single pass: loads the model and gives the commands. */
export const streamOf = (
  model: Model,
  values: PassValues,
  { memory, ...options }: PassOptions & { readonly memory: DeviceMemory },
): Stream => ModelOnDevice.load(model, memory, values).pass(values, options);

function computedKernel(model: Model, { nodes, inputs, outputs }: Step): Kernel {
  const [node] = nodes;
  const outs = outputs.map((name) => infoOf(model, name));
  return {
    how: 'computed',
    run: (bytes) => {
      const given = new Map(inputs.map((name, at) => [name, tensorFrom(infoOf(model, name).dtype, infoOf(model, name).dims, bytes[at]!)]));
      const made = evaluateNode(node!, model.opset, (name) => given.get(name), outs)!;
      return made.map((data, at) => bytesOf({ dtype: outs[at]!.dtype, data }));
    },
  };
}

const recordedKernel = ({ outputs }: Step, given: (name: string) => Tensor): Kernel => {
  const made = outputs.map((name) => bytesOf(given(name)));
  return { how: 'recorded', run: () => made };
};

/** First outputs of nodes that the units cannot compute, tried on what the reference gave; what it does not name we compute for what follows. */
function notComputed(model: Model, { steps, views }: Plan, values: PassValues): Set<string> {
  const recorded = new Set<string>();
  const own = new Map<string, Tensor>();
  const known = (name: string): Tensor | undefined => model.initializers.get(name) ?? values[name] ?? own.get(name);
  const lookup = (name: string): Tensor | undefined => {
    const held = known(name) ?? known(views.get(name) ?? name);
    return held && { ...held, data: held.data, dims: infoOf(model, name).dims };
  };
  for (const { nodes, inputs, outputs } of steps) {
    const [node] = nodes;
    const outs = outputs.map((name) => infoOf(model, name));
    const made = inputs.every((name) => lookup(name)) ? evaluateNode(node!, model.opset, lookup, outs) : null;
    if (!made) recorded.add(node!.outputs[0]!);
    made?.forEach((data, at) => {
      own.set(outputs[at]!, { dtype: outs[at]!.dtype, dims: outs[at]!.dims, data });
    });
  }
  return recorded;
}
