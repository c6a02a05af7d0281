import { InputError } from '../base/errors.ts';
import type { Node, Tensor } from './model.ts';
import { nodeOf } from './nodes.ts';
import type { Known } from './ops/context.ts';
import { OpContext } from './ops/context.ts';
import { DATA_DEPENDENT, opDef } from './ops/table.ts';
import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from './proto.ts';
import type { ExternalData } from './tensor.ts';
import { elementCount, tensorOf } from './tensor.ts';

/** Constants larger than this stay in the graph as operators. */
const MAX_FOLDED_ELEMENTS = 2 ** 26;
/** A file whose functions and branches unfold to more nodes than this is hostile. */
const MAX_NODES = 1_000_000;
const MAX_UNFOLDING = 32;

export interface InferOptions {
  readonly file: string;
  readonly opset: number;
  readonly functions: readonly FunctionProto[];
  readonly externalData?: ExternalData;
}

/** Runs over the nodes in file order: infers every output, computes what is constant and removes what only passes a value on. */
export class Inference {
  readonly #options: InferOptions;
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly known = new Map<string, Known>();
  /** Name of a removed output → name of the value it equals. */
  readonly aliases = new Map<string, string>();
  readonly folded = new Map<number, string>();
  readonly kept: Node[] = [];
  readonly allNodes: Node[] = [];
  /** Node that produces each value, removed ones included. */
  readonly producers = new Map<string, Node>();

  constructor(options: InferOptions) {
    this.#options = options;
    this.#functions = new Map(options.functions.map((fn) => [`${fn.domain}:${fn.name}`, fn]));
  }

  resolve(name: string): string {
    return this.aliases.get(name) ?? name;
  }

  addConstant(name: string, value: Tensor): void {
    this.known.set(name, { dtype: value.dtype, dims: value.dims, value: value.dtype === 'string' ? null : value });
  }

  addInitializers(graph: GraphProto): void {
    const { file, externalData } = this.#options;
    if (graph.sparseInitializers > 0) throw new InputError('it has sparse initialisers, which are not supported', file, 'Store them dense');
    for (const proto of graph.initializers)
      this.addConstant(proto.name, tensorOf(proto, `${file}: initialiser \`${proto.name}\``, externalData));
  }

  run(protos: readonly NodeProto[]): void {
    const { file, externalData } = this.#options;
    for (const [index, proto] of protos.entries()) this.allNodes.push(nodeOf(proto, index, file, externalData));
    for (const [index, proto] of protos.entries()) this.#process(this.allNodes[index], proto, 0);
  }

  #process(node: Node, proto: NodeProto, depth: number): void {
    const fn = this.#functions.get(`${node.domain}:${node.op}`);
    if (fn) {
      this.#unfoldFunction(node, proto, fn, depth);
      return;
    }
    const context = new OpContext(node, this.#options.opset, this.#options.file, (name) => this.known.get(this.resolve(name)));
    if (node.domain === '' && node.op === 'If') {
      this.#unfoldIf(node, proto, context, depth);
      return;
    }
    for (const name of node.outputs) {
      if (name !== '' && this.known.has(name)) context.fail(`\`${name}\`, which it produces, exists already`);
    }
    const def = opDef(node.domain, node.op) ?? refuse(context);
    for (const name of node.outputs) if (name !== '') this.producers.set(name, node);
    try {
      this.#infer(node, def, context);
    } catch (error) {
      if (error instanceof InputError) throw error;
      // Inputs that the operator's specification rules out (a rank, a type, an empty list) end here rather than as a crash.
      context.fail('its inputs or attributes do not fit the operator');
    }
  }

  #infer(node: Node, def: NonNullable<ReturnType<typeof opDef>>, context: OpContext): void {
    // Also those that the operator does not look at.
    for (const i of node.inputs.keys()) context.opt(i);
    const outs = def.infer(context).slice(0, node.outputs.length);
    if (outs.length < node.outputs.length) context.fail(`it has ${node.outputs.length} outputs instead of ${outs.length}`);
    for (const { dims } of outs) checkDims(dims, context);
    if (outs.length > 0 && def.passesThrough?.(context, outs)) {
      this.known.set(node.outputs[0], context.in(0));
      this.aliases.set(node.outputs[0], this.resolve(node.inputs[0]));
      this.folded.set(node.index, 'identity');
      return;
    }
    // What is joined to empty parts alone stays as it is (a cache of past keys that holds none).
    const parts = node.op === 'Concat' && node.domain === '' ? node.inputs.filter((_, i) => elementCount(context.in(i).dims) > 0) : [];
    if (parts.length === 1 && node.inputs.length > 1) {
      this.known.set(node.outputs[0], this.known.get(this.resolve(parts[0]))!);
      this.aliases.set(node.outputs[0], this.resolve(parts[0]));
      this.folded.set(node.index, 'identity');
      return;
    }
    const constant = node.inputs.every((_, i) => context.opt(i)?.value !== null);
    const size = outs.reduce((sum, { dims }) => sum + elementCount(dims), 0);
    const strings = outs.some(({ dtype }) => dtype === 'string');
    const data = (constant || def.shapeOnly) && !strings && size <= MAX_FOLDED_ELEMENTS ? def.evaluate?.(context, outs) : null;
    outs.forEach((out, i) => {
      const value = data ? { dtype: out.dtype, dims: out.dims, data: data[i] } : null;
      if (node.outputs[i] !== '') this.known.set(node.outputs[i], { dtype: out.dtype, dims: out.dims, value });
    });
    if (data) this.folded.set(node.index, constant && node.op !== 'Shape' && node.op !== 'Size' ? 'constant' : 'shape');
    else this.kept.push({ ...node, inputs: node.inputs.map((name) => this.resolve(name)) });
  }

  /** An If whose condition is known is replaced by the branch that it takes. */
  #unfoldIf(node: Node, proto: NodeProto, context: OpContext, depth: number): void {
    const condition = context.in(0).value;
    if (condition?.data.length !== 1) {
      context.fail(
        'its condition depends on the data, and so does what runs',
        'Export the model with torch.where instead of Python branches',
      );
    }
    const name = condition.data[0] ? 'then_branch' : 'else_branch';
    const branch = proto.attributes.find((attr) => attr.name === name)?.g ?? context.fail(`attribute \`${name}\` is missing`);
    this.addInitializers(branch);
    this.folded.set(node.index, 'constant');
    const names = this.#namesOf(branch, node);
    const rename = (inner: string): string => names.get(inner) ?? inner;
    for (const inner of branch.nodes)
      this.#processInner({ ...inner, inputs: inner.inputs.map(rename), outputs: inner.outputs.map(rename) }, node, depth);
    node.outputs.forEach((output, i) => {
      const inner = rename(branch.outputs[i]?.name ?? context.fail(`its ${name} has fewer outputs than it`));
      if (inner !== output) this.#alias(output, inner, node, context);
    });
  }

  /** What a branch computes gets the names of the If, which those who run the file know; other names stay private. */
  #namesOf(branch: GraphProto, node: Node): Map<string, string> {
    const names = new Map<string, string>();
    // Graphs inside would have to be renamed too.
    if (branch.nodes.some(({ attributes }) => attributes.some(({ g }) => g))) return names;
    for (const inner of branch.nodes) for (const output of inner.outputs) if (output) names.set(output, `${node.name}/${output}`);
    branch.outputs.forEach(({ name }, i) => {
      const output = node.outputs[i];
      if (output && names.has(name)) names.set(name, output);
    });
    return names;
  }

  #alias(output: string, target: string, node: Node, context: OpContext): void {
    const from = this.resolve(target);
    this.known.set(output, this.known.get(from) ?? context.fail(`\`${target}\` is produced by no node`));
    this.aliases.set(output, from);
    this.producers.set(output, node);
  }

  #processInner(proto: NodeProto, parent: Node, depth: number): void {
    const { file, externalData } = this.#options;
    if (depth >= MAX_UNFOLDING || this.allNodes.length >= MAX_NODES) {
      throw new InputError('its functions or branches unfold without end', `${file}: node \`${parent.name}\` (${parent.op})`);
    }
    const node = nodeOf({ ...proto, name: `${parent.name}/${proto.name || proto.op}` }, this.allNodes.length, file, externalData);
    this.allNodes.push(node);
    this.#process(node, proto, depth + 1);
  }

  /** A call of a model-local function is replaced by the function's nodes, with private names and the call's attributes. */
  #unfoldFunction(node: Node, proto: NodeProto, fn: FunctionProto, depth: number): void {
    const names = new Map<string, string>([['', '']]);
    fn.inputs.forEach((name, i) => {
      names.set(name, node.inputs[i] ?? '');
    });
    fn.outputs.forEach((name, i) => {
      if (!names.has(name)) names.set(name, node.outputs[i] ?? `${node.name}/${name}`);
    });
    const rename = (name: string) => names.get(name) ?? `${node.name}/${name}`;
    const given = new Map([...fn.defaults, ...proto.attributes].map((attr) => [attr.name, attr]));
    const bind = (attr: AttributeProto): AttributeProto[] => {
      if (!attr.refName) return [attr];
      const value = given.get(attr.refName);
      return value ? [{ ...value, name: attr.name }] : [];
    };
    this.folded.set(node.index, 'function');
    for (const inner of fn.nodes) {
      const bound = {
        ...inner,
        inputs: inner.inputs.map(rename),
        outputs: inner.outputs.map(rename),
        attributes: inner.attributes.flatMap(bind),
      };
      this.#processInner(bound, node, depth);
    }
  }
}

function refuse(context: OpContext): never {
  const { op, domain } = context.node;
  if (domain === '' && DATA_DEPENDENT.has(op)) {
    context.fail(
      'the shape of its output depends on the data, so it cannot be known before the program runs',
      'Replace it by a mask (Where, Mul) of fixed shape before exporting',
    );
  }
  if (domain === '' && (op === 'Loop' || op === 'Scan')) {
    context.fail('loops inside a graph are not supported', 'Export the model with the loop unrolled');
  }
  context.fail(
    `operator \`${op}\`${domain ? ` of domain \`${domain}\`` : ''} is not supported`,
    domain ? 'Export the model with standard ONNX operators only' : 'Express it with other operators before exporting',
  );
}

function checkDims(dims: readonly number[], context: OpContext): void {
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || elementCount(dims) > 2 ** 40) {
    context.fail(`its output would have the impossible shape [${dims.map((size) => (Number.isNaN(size) ? '?' : size)).join(', ')}]`);
  }
}
