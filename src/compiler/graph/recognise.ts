import { InputError } from '../../base/errors.ts';
import type { Model, Node } from '../../onnx/model.ts';
import { isFloat } from '../../onnx/tensor.ts';
import type { Calibration } from '../api.ts';
import { isFamilyOp } from '../families.ts';
import { OPS } from '../ops.ts';
import type { Buf, HGraph } from './hops.ts';
import { joinNodes, place, Walk } from './lazy.ts';
import { floatInput } from './masks.ts';
import { narrowed } from './narrow.ts';
import { type Rules, ruleName } from './rule.ts';
import { denseMap, product } from './view.ts';

/** What to do instead of an operator that is not supported. */
const NEAREST: Readonly<Record<string, string>> = {
  Attention: 'export the model with its attention decomposed (opset 17 or lower)',
  QAttention: 'quantise the matrices only (QLinearMatMul)',
};

/**
 * Turns an ONNX graph into ops that have an integer kernel each; `families` are what `familiesFor(model)` gave, `calibration` tells flags from
 * other integers. Throws {@link InputError} at the first node that has no kernel.
 */
export function recognise(model: Model, families: Rules = new Map(), calibration?: Calibration): HGraph {
  const walk = new Walk(model);
  const inputs: Buf[] = [];
  const held = [...families.values()].find(({ input }) => input)?.input;
  for (const info of model.inputs) {
    const tokens = /^(u?int(8|16|32|64)|bool)$/.test(info.dtype);
    const own = isIndex(model, info.name) ? null : held?.(info);
    const extra = own ?? (tokens ? {} : floatInput(model, info.name, calibration));
    const buf = walk.buf(info.name, info.dims, tokens && !own ? 'token' : 'input', extra);
    if (info.dtype === 'string') throw new InputError(`input "${info.name}" holds strings`, '', 'Give tokens as integers');
    if (product(info.dims) === 0) throw new InputError(`input "${info.name}" is empty`);
    inputs.push(buf);
    walk.set(info.name, { k: 'view', view: { buf, map: denseMap(info.dims), gain: 1 }, nodes: [] });
  }
  setVocabularies(model, inputs, calibration);
  for (const node of usedNodes(model)) {
    const name = ruleName(node);
    const op = families.get(name) ?? OPS.get(name);
    if (!op) {
      if (isFamilyOp(name)) throw new Error(`the family of ${name} was not loaded: await familiesFor(model) and hand it over`);
      throw new InputError(
        `operator ${name} is not supported`,
        place(node),
        Object.hasOwn(NEAREST, node.op) ? `Nearest rewrite: ${NEAREST[node.op]}` : 'docs/ops.md lists the operators that are',
      );
    }
    try {
      op.run(walk, node);
    } catch (error) {
      if (error instanceof InputError) throw error;
      // A node that breaks its operator's own rules (too few inputs, impossible attributes) is the file's fault.
      throw new InputError(`the node cannot be read: ${(error as Error).message}`, place(node), 'Check the model with the ONNX checker');
    }
  }
  const outputs = model.outputs.map(({ name }) => {
    const producer = model.nodes.find((n) => n.outputs.includes(name)) ?? model.nodes[model.nodes.length - 1];
    if (!producer) throw new InputError(`output "${name}" is a constant: the model computes nothing`);
    const { view, nodes } = walk.view(name, producer);
    if (view.buf.grid && !isReal(model, name))
      throw new InputError(`output "${name}" is quantised`, place(producer), 'End the model with DequantizeLinear');
    return { name, view, nodes: joinNodes(nodes, [producer]) };
  });
  const values = walk.views().filter(({ name, view }) => !view.buf.grid || isReal(model, name));
  return narrowed({ inputs, ops: walk.ops, outputs, values });
}

/** Integers of a quantised tensor stand for real values here, but not in the file. */
const isReal = (model: Model, name: string): boolean => isFloat(model.values.get(name)?.dtype ?? 'float32');

/** Nodes that an output depends on, in order. */
function usedNodes(model: Model): Node[] {
  const wanted = new Set(model.outputs.map(({ name }) => name));
  const used: Node[] = [];
  for (const node of [...model.nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of node.inputs) wanted.add(name);
    used.push(node);
  }
  return used.reverse();
}

/** Whether an input chooses rows of a table. */
const isIndex = (model: Model, input: string): boolean => model.nodes.some((node) => tablesOf(node).some(([index]) => index === input));

/** The indices that a node takes, each with its table. */
function tablesOf({ op, inputs: [a, b, c, d, e, , , , i] }: Node): [index: string | undefined, table: string | undefined][] {
  if (op === 'Gather') return [[b, a]];
  return op === 'EmbedLayerNormalization'
    ? [
        [a, c],
        [b, e],
        [i, d],
      ]
    : [];
}

/**
 * The vocabulary of a token input is the number of rows of the largest table that it (or a function of it) indexes. Where there is none,
 * booleans and inputs that only ever were 0 and 1 (attention masks) are flags; others are at least bytes. Generated inputs are 1 in any case:
 * then flags are what has the shape of the tokens.
 */
function setVocabularies(model: Model, inputs: readonly Buf[], calibration?: Calibration): void {
  const ranges = calibration?.ranges ?? {};
  const ids = inputs.filter(({ name }) => isIndex(model, name)).map(({ dims }) => dims.join());
  const booleans = new Set(model.inputs.filter(({ dtype }) => dtype === 'bool').map(({ name }) => name));
  for (const buf of inputs) {
    if (buf.kind !== 'token') continue;
    const reach = new Set([buf.name]);
    let rows = 0;
    for (const node of model.nodes) {
      for (const [index, name] of tablesOf(node)) {
        const table = index && name && reach.has(index) && !reach.has(name) ? model.initializers.get(name) : null;
        if (table) rows = Math.max(rows, table.dims[0]);
      }
      if (
        ['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Transpose', 'Flatten', 'Clip'].includes(node.op) &&
        reach.has(node.inputs[0])
      ) {
        reach.add(node.outputs[0]);
      }
    }
    const told = calibration?.source === 'trace' || ids.includes(buf.dims.join());
    const largest = booleans.has(buf.name) ? 1 : told ? (ranges[buf.name]?.max ?? 255) : 255;
    buf.vocabulary = Math.min(65536, rows || (largest <= 1 ? 2 : Math.max(256, 2 ** Math.ceil(Math.log2(1.25 * largest + 1)))));
  }
}
