import type { AccelOp } from '../../bpf/accelerator/layout.ts';
import type { Model, Node } from '../../onnx/model.ts';
import { elementCount } from '../../onnx/tensor.ts';
import { layersOf } from './model-layers.ts';
import { infoOf, outputsOf } from './node-kernel.ts';
import { accelOpOf, flopsOf, VIEWS } from './op-classes.ts';
import { elementBytes } from './tensor-bytes.ts';

/** One command of every pass of a model: the work of one node, or of several after fusion. */
export interface Step {
  readonly nodes: readonly Node[];
  readonly op: AccelOp;
  readonly label: string;
  readonly layer: number;
  /** Names of values, without those that steps of one command make for each other. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly flops: number;
  readonly bytes: number;
  /** Elements of the largest value that its nodes make. */
  readonly width: number;
}

/** What a model asks of the units, in order. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly layers: readonly string[];
  /** Names that say differently what another value holds → that value. They share its memory. */
  readonly views: ReadonlyMap<string, string>;
}

/** One command for each node, but for those that only say differently what lies in memory. */
export function planOf(model: Model): Plan {
  const { layerOf, labels } = layersOf(model);
  const views = new Map<string, string>();
  const steps: Step[] = [];
  model.nodes.forEach((node, at) => {
    const [output] = node.outputs;
    if (node.domain === '' && VIEWS.has(node.op) && outputsOf(node).length === 1) {
      views.set(output!, views.get(node.inputs[0]!) ?? node.inputs[0]!);
      return;
    }
    const inputs = node.inputs.filter((name) => name !== '');
    const outputs = outputsOf(node);
    const step = { nodes: [node], op: accelOpOf(node.op), label: node.name, layer: layerOf[at]!, inputs, outputs };
    const dims = (names: readonly string[]) => names.map((name) => infoOf(model, name).dims);
    const width = Math.max(1, ...dims(outputs).map(elementCount));
    steps.push({ ...step, flops: flopsOf(node, dims(inputs), dims(outputs)), bytes: movedBytes(model, step), width });
  });
  return { steps, layers: labels, views };
}

/** Bytes of a value in device memory. */
export function bytesIn(model: Model, name: string): number {
  const { dtype, dims } = infoOf(model, name);
  return elementCount(dims) * elementBytes(dtype, `value \`${name}\``);
}

/** Bytes that a step moves: every input once and every output; of a table that it looks up in, the rows that it takes. */
export function movedBytes(model: Model, { op, inputs, outputs }: Pick<Step, 'op' | 'inputs' | 'outputs'>): number {
  const written = outputs.reduce((sum, name) => sum + bytesIn(model, name), 0);
  const read = [...new Set(inputs)].reduce((sum, name, at) => {
    const bytes = bytesIn(model, name);
    return sum + (op === 'gather' && at === 0 ? Math.min(bytes, written) : bytes);
  }, 0);
  return read + written;
}
