import { randomOf } from '../../base/random.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';

/** A layer of a random convolutional network; sizes that do not fit are cut to what does. */
export interface Layer {
  readonly kind: 'conv' | 'depthwise' | 'grouped' | 'max' | 'average' | 'residual';
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly padded: boolean;
  readonly channels: number;
  readonly norm: boolean;
  readonly after: 'Relu' | 'Clip' | 'Tanh' | 'none';
}

export interface CnnShape {
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly layers: readonly Layer[];
  readonly head: 'flatten' | 'pool';
  readonly seed: number;
}

/** Any list of layers is a valid model of opset 13. */
export function randomCnn({ size, channels, layers, head, seed }: CnnShape): ModelSpec {
  const random = randomOf(seed);
  const nodes: NodeSpec[] = [];
  const initializers: Record<string, Tensor> = {};
  const weight = (dims: readonly number[], scale: number, offset = 0): string => {
    const name = `w${Object.keys(initializers).length}`;
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * scale + offset);
    initializers[name] = { dtype: 'float32', dims, data };
    return name;
  };
  const node = (op: string, inputs: readonly string[], attrs: Record<string, AttrSpec> = {}): string => {
    const name = `v${nodes.length}`;
    nodes.push({ op, inputs, outputs: [name], attrs });
    return name;
  };
  const ints = (list: readonly number[]): AttrSpec => ({ ints: list });
  let [x, c] = ['x', channels];
  let [h, w] = size;
  for (const layer of layers) {
    const { stride, padded, kind } = layer;
    const pool = kind === 'max' || kind === 'average';
    const dilation = pool ? 1 : layer.dilation;
    const kernel = layer.kernel.map((k, i) => Math.max(1, Math.min(k, Math.floor(((i ? w : h) - 1) / dilation) + 1)));
    const same = kind === 'residual';
    const pads = kernel.map((k) => (same ? (dilation * (k - 1)) / 2 : padded ? Math.min(1, k - 1) : 0));
    if (pads.some((p) => !Number.isInteger(p))) continue;
    const steps = same ? 1 : stride;
    const attrs = { kernel_shape: ints(kernel), strides: ints([steps, steps]), pads: ints([...pads, ...pads]) };
    const before = x;
    if (pool) {
      x = node(kind === 'max' ? 'MaxPool' : 'AveragePool', [x], attrs);
    } else {
      const out = same || kind === 'depthwise' ? c : layer.channels * (kind === 'grouped' && c % 2 === 0 ? 2 : 1);
      const group = kind === 'depthwise' ? c : kind === 'grouped' && c % 2 === 0 ? 2 : 1;
      const terms = (c / group) * kernel[0] * kernel[1];
      const inputs = [x, weight([out, c / group, ...kernel], 1.5 / Math.sqrt(terms)), weight([out], 0.3)];
      x = node('Conv', inputs, { ...attrs, dilations: ints([dilation, dilation]), group: { int: group } });
      c = out;
      if (layer.norm) {
        const [scale, shift, mean, variance] = [weight([c], 0.3, 1), weight([c], 0.2), weight([c], 0.2), weight([c], 0.4, 1)];
        x = node('BatchNormalization', [x, scale, shift, mean, variance]);
      }
    }
    if (same) x = node('Add', [x, before]);
    h = Math.floor((h + 2 * pads[0] - dilation * (kernel[0] - 1) - 1) / steps) + 1;
    w = Math.floor((w + 2 * pads[1] - dilation * (kernel[1] - 1) - 1) / steps) + 1;
    if (layer.after === 'Clip') {
      initializers.low ??= { dtype: 'float32', dims: [], data: Float32Array.of(0) };
      initializers.high ??= { dtype: 'float32', dims: [], data: Float32Array.of(1.5) };
      x = node('Clip', [x, 'low', 'high']);
    } else if (layer.after !== 'none') x = node(layer.after, [x]);
  }
  if (head === 'pool') {
    x = node('GlobalAveragePool', [x]);
    h = 1;
    w = 1;
  }
  x = node('Flatten', [x]);
  const features = c * h * w;
  x = node('Gemm', [x, weight([3, features], 1.5 / Math.sqrt(features)), weight([3], 0.2)], { transB: { int: 1 } });
  return {
    opset: 13,
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, channels, ...size] }],
    outputs: [{ name: x }],
    initializers,
  };
}
