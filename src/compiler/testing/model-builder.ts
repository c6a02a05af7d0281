import type { Attr, Model, Node, Tensor, ValueInfo } from '../../onnx/model.ts';

/** Builds imported models node by node; shapes are given, not inferred. */
export class ModelBuilder {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, Tensor>();
  readonly values = new Map<string, ValueInfo>();
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2 + 1;
  }
  random(): number {
    this.#state = (Math.imul(this.#state, 48271) >>> 0) % 0x7fffffff;
    return (this.#state / 0x7fffffff) * 2 - 1;
  }
  weight(dims: readonly number[], size: number, offset = 0): string {
    const name = `w${this.initializers.size}`;
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => this.random() * size + offset);
    this.initializers.set(name, { dtype: 'float32', dims, data });
    return name;
  }
  constant(dims: readonly number[], data: readonly number[]): string {
    const name = `c${this.initializers.size}`;
    this.initializers.set(name, { dtype: 'float32', dims, data: Float32Array.from(data) });
    return name;
  }
  flags(dims: readonly number[], data: readonly boolean[]): string {
    const name = `b${this.initializers.size}`;
    this.initializers.set(name, { dtype: 'bool', dims, data: Uint8Array.from(data, Number) });
    return name;
  }
  node(
    op: string,
    inputs: readonly string[],
    dims: readonly number[],
    attrs: Readonly<Record<string, Attr>> = {},
    dtype: ValueInfo['dtype'] = 'float32',
  ): string {
    const index = this.nodes.length;
    const name = `v${index}`;
    this.nodes.push({ index, name: `${op}_${index}`, op, domain: '', inputs, outputs: [name], attrs: new Map(Object.entries(attrs)) });
    this.values.set(name, { name, dtype, dims });
    return name;
  }
  integer(value: number, dims: readonly number[] = []): string {
    const name = `i${this.initializers.size}`;
    this.initializers.set(name, { dtype: 'int64', dims, data: BigInt64Array.of(BigInt(value)) });
    return name;
  }
  model(inputs: readonly ValueInfo[], output: string): Model {
    return {
      nodes: this.nodes,
      inputs,
      outputs: [this.values.get(output) as ValueInfo],
      initializers: this.initializers,
      name: 'built',
      producer: 'test',
      opset: 17,
      values: this.values,
      folded: new Map(),
      allNodes: this.nodes,
      parameterCount: 0,
    };
  }
}
