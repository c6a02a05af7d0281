import { InputError } from '../base/errors.ts';
import { checkFinite } from './finite.ts';
import { Inference } from './infer.ts';
import type { SymbolicInput } from './inputs.ts';
import { concreteInputs, suggestedDims, symbolicInputs, symbolsOf } from './inputs.ts';
import type { Model, Node, Tensor, ValueInfo } from './model.ts';
import type { GraphProto, ModelProto } from './proto.ts';
import { readModelProto } from './proto.ts';
import type { ExternalData } from './tensor.ts';
import { elementCount, isFloat } from './tensor.ts';

/** Default-domain operator sets that the operator definitions here cover. */
const OPSETS = { min: 7, max: 23 };

export interface ImportOptions {
  /** Shown in errors. */
  readonly fileName: string;
  /** Sizes of symbolic dimensions. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Inputs that always have these values: they become constants. */
  readonly constants?: Readonly<Record<string, Tensor>>;
  /** Finds the bytes of weights that lie outside the file, by the location that the file gives. */
  readonly externalData?: ExternalData;
}

/** What a form for symbolic dimensions shows before a model is imported. */
export interface Inspection {
  readonly inputs: readonly SymbolicInput[];
  readonly symbolicDims: readonly string[];
  readonly opset: number;
  readonly producer: string;
  readonly nodeCount: number;
  /** A size for every symbolic dimension. */
  readonly suggested: Readonly<Record<string, number>>;
}

/** Reads what can be known without sizes for symbolic dimensions. Throws {@link InputError}. */
export function inspectModel(bytes: Uint8Array, fileName: string): Inspection {
  const { proto, graph, opset } = read(bytes, fileName);
  const inputs = symbolicInputs(graph, fileName);
  return {
    inputs,
    symbolicDims: symbolsOf(inputs),
    opset,
    producer: proto.producer,
    nodeCount: graph.nodes.length,
    suggested: suggestedDims(inputs),
  };
}

/** Reads an ONNX file, infers every shape and folds every constant. Throws {@link InputError} for all that it cannot use. */
export function importModel(bytes: Uint8Array, options: ImportOptions): Model {
  const file = options.fileName;
  const { proto, graph, opset } = read(bytes, file);
  const constants = options.constants ?? {};
  const open = symbolicInputs(graph, file).filter(({ name }) => !Object.hasOwn(constants, name));
  const inputs = concreteInputs(open, options.dims ?? {}, file);
  const inference = new Inference({ file, opset, functions: proto.functions, externalData: options.externalData });
  inference.addInitializers(graph);
  const parameterCount = [...inference.known.values()]
    .filter(({ dtype, value }) => value && isFloat(dtype))
    .reduce((sum, { dims }) => sum + elementCount(dims), 0);
  for (const input of inputs) inference.known.set(input.name, { ...input, value: null });
  for (const [name, tensor] of Object.entries(constants)) inference.addConstant(name, tensor);
  runWithHint(inference, graph, options.dims ?? {});

  const outputNames = graph.outputs.map(({ name }) => name);
  if (outputNames.length === 0) throw new InputError('the graph has no output', file);
  for (const name of outputNames) {
    if (!inference.known.has(name)) throw new InputError(`output \`${name}\` is produced by no node`, file);
  }
  const nodes = withoutDeadNodes(nameOutputs(inference, outputNames), outputNames, inference.folded);
  const assembled = assemble(inference, nodes, inputs, outputNames);
  checkFinite(nodes, assembled.initializers, file);
  return { ...assembled, name: graph.name, producer: proto.producer, opset, parameterCount };
}

/** A size chosen for a symbol may be one that the model cannot take (a longer sequence than its position table): then say so. */
function runWithHint(inference: Inference, graph: GraphProto, dims: Readonly<Record<string, number>>): void {
  try {
    inference.run(graph.nodes);
  } catch (error) {
    const given = Object.entries(dims).map(([name, size]) => `${name}=${size}`);
    if (!(error instanceof InputError) || error.advice || given.length === 0) throw error;
    throw new InputError(error.what, error.where, `The model was given ${given.join(', ')}; it may need other sizes`);
  }
}

function read(bytes: Uint8Array, file: string): { proto: ModelProto; graph: GraphProto; opset: number } {
  const proto = readModelProto(bytes, file);
  if (!proto.graph) {
    throw new InputError('not an ONNX model: it holds no graph', file, 'Give a model exported as .onnx');
  }
  const opset = proto.opsets.get('') ?? (proto.opsets.size > 0 ? OPSETS.max : 0);
  if (opset < OPSETS.min || opset > OPSETS.max) {
    const what = opset === 0 ? 'the file names no operator set' : `operator set ${opset} is not supported`;
    throw new InputError(what, file, `Export the model with an opset_version from ${OPSETS.min} to ${OPSETS.max}`);
  }
  return { proto, graph: proto.graph, opset };
}

/**
 * Gives graph outputs back their names where the node that produced them was removed: their source takes the name, or, where it
 * has another use for its own (it is an input or an output itself), the removed node returns.
 */
function nameOutputs(inference: Inference, outputs: readonly string[]): Node[] {
  const kept = [...inference.kept];
  const produced = new Set(kept.flatMap((node) => node.outputs));
  const fixed = new Set(outputs);
  const renamed = new Map<string, string>();
  for (const output of outputs) {
    const source = inference.resolve(output);
    if (source === output || renamed.get(source) === output || inference.known.get(source)?.value) continue;
    const movable = !fixed.has(source) && !renamed.has(source) && produced.has(source);
    if (movable) renamed.set(source, output);
    else {
      const node = inference.producers.get(output)!;
      inference.folded.delete(node.index);
      kept.push({ ...node, op: 'Identity', domain: '', inputs: [source], outputs: [output], attrs: new Map() });
    }
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  return kept.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
}

function withoutDeadNodes(nodes: readonly Node[], outputs: readonly string[], folded: Map<number, string>): Node[] {
  const needed = new Set(outputs);
  const alive: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) {
      folded.set(node.index, 'dead');
      continue;
    }
    alive.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  return alive.reverse();
}

type Assembled = Pick<Model, 'nodes' | 'inputs' | 'outputs' | 'initializers' | 'values' | 'folded' | 'allNodes'>;

function assemble(inference: Inference, nodes: readonly Node[], inputs: readonly ValueInfo[], outputNames: readonly string[]): Assembled {
  const { known } = inference;
  const values = new Map<string, ValueInfo>();
  const initializers = new Map<string, Tensor>();
  const add = (name: string) => {
    const { dtype, dims, value } = known.get(name)!;
    values.set(name, { name, dtype, dims });
    if (value) initializers.set(name, value);
  };
  for (const { name } of inputs) add(name);
  for (const node of nodes) for (const name of [...node.inputs, ...node.outputs]) if (name !== '') add(name);
  for (const name of outputNames) add(name);
  const outputs = outputNames.map((name) => values.get(name)!);
  return { nodes, inputs, outputs, initializers, values, folded: inference.folded, allNodes: inference.allNodes };
}
