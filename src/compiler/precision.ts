import { InputError } from '../base/errors.ts';
import type { Model } from '../onnx/model.ts';
import type { Precision, Quant } from './api.ts';
import type { HGraph, HOp } from './graph/hops.ts';

/** What each precision means for a product with weights, finest first. */
export const PRECISIONS: readonly { readonly name: Precision; readonly weightBits: number; readonly activationBits: 8 | 16 }[] = [
  { name: 'w16a16', weightBits: 16, activationBits: 16 },
  { name: 'w8a16', weightBits: 8, activationBits: 16 },
  { name: 'w8a8', weightBits: 8, activationBits: 8 },
  { name: 'w4a16', weightBits: 4, activationBits: 16 },
  { name: 'w2a16', weightBits: 2, activationBits: 16 },
  { name: 'w2a8', weightBits: 2, activationBits: 8 },
  { name: 'w1a16', weightBits: 1, activationBits: 16 },
  { name: 'w1a8', weightBits: 1, activationBits: 8 },
];

export const DEFAULT_PRECISION: Precision = 'w8a16';

const NAMES = PRECISIONS.map(({ name }) => name);

const isPrecision = (text: string): text is Precision => (NAMES as readonly string[]).includes(text);

/** A precision for all products with weights, and others for some nodes by name. */
export interface QuantSpec {
  readonly base: Precision;
  readonly nodes: ReadonlyMap<string, Precision>;
}

/** Reads `w8a16` or `w8a16,/layer1/MatMul=w16a16,…`. Throws {@link InputError}. */
export function parseQuant(text: string, where = 'arguments'): QuantSpec {
  const [base, ...rest] = text.split(',').map((part) => part.trim());
  if (!isPrecision(base!)) throw new InputError(`there is no precision ${base}`, where, `Take one of ${NAMES.join(', ')}`);
  const nodes = new Map<string, Precision>();
  for (const part of rest) {
    const at = part.lastIndexOf('=');
    const precision = part.slice(at + 1);
    if (at < 1) throw new InputError(`${part} is not NODE=PRECISION`, where);
    if (!isPrecision(precision)) throw new InputError(`there is no precision ${precision}`, where, `Take one of ${NAMES.join(', ')}`);
    nodes.set(part.slice(0, at), precision);
  }
  return { base, nodes };
}

/** The document `{"default": "w8a16", "nodes": {"/layer1/MatMul": "w16a16"}}`. Throws {@link InputError}. */
export function quantOfJson(source: unknown, where: string): Quant {
  const value = source as { default?: unknown; nodes?: unknown } | null;
  const nodes = value?.nodes ?? {};
  if (typeof value !== 'object' || value === null || typeof nodes !== 'object' || Array.isArray(nodes))
    throw new InputError('precisions are an object with `default` and `nodes`', where);
  const spec = { base: value.default ?? DEFAULT_PRECISION, nodes: new Map(Object.entries(nodes as object)) };
  return formatQuant(parseQuant(quantText(spec as unknown as QuantSpec), where));
}

const quantText = ({ base, nodes }: QuantSpec): string =>
  [base, ...[...nodes].map(([name, precision]) => `${name}=${precision}`)].join(',');

/** The text of a specification: the same for the same choices, so that it can stand in keys and in an object. */
export const formatQuant = ({ base, nodes }: QuantSpec): Quant =>
  quantText({ base, nodes: new Map([...nodes].filter(([, p]) => p !== base).sort(([a], [b]) => (a < b ? -1 : 1))) }) as Quant;

const hasPrecision = (op: HOp): op is HOp & { kind: 'linear' | 'matmul' } => op.kind === 'linear' || op.kind === 'matmul';

/** Gives every product the precision that the specification has for one of its nodes. Throws {@link InputError} for a node that is no product. */
export function applyPrecision(graph: HGraph, model: Pick<Model, 'nodes'>, { base, nodes }: QuantSpec): HGraph {
  const used = new Set<string>();
  const precisionOf = (op: HOp): Precision => {
    for (const { name } of op.nodes) {
      const own = nodes.get(name);
      if (!own) continue;
      used.add(name);
      return own;
    }
    return base;
  };
  const ops = graph.ops.map((op) => (hasPrecision(op) ? { ...op, precision: precisionOf(op) } : op));
  for (const name of nodes.keys()) {
    if (used.has(name)) continue;
    const node = model.nodes.find((candidate) => candidate.name === name);
    throw new InputError(
      node ? `node ${name} (${node.op}) is part of no product of its own` : `the model has no node ${name}`,
      '--quant',
      `Products: ${graph.ops.filter(hasPrecision).map(productName).slice(0, 6).join(', ')}`,
    );
  }
  return { ...graph, ops };
}

/** The node that stands for a product: the one that multiplies. */
export const productName = (op: HOp): string =>
  (op.nodes.find(({ op: kind }) => /MatMul|Gemm|Conv|Einsum|Linear/.test(kind)) ?? op.nodes.at(-1))?.name ?? op.out.name;

export const weightBitsOf = (precision: Precision): number => PRECISIONS.find(({ name }) => name === precision)!.weightBits;
export const activationBitsOf = (precision: Precision): 8 | 16 => PRECISIONS.find(({ name }) => name === precision)!.activationBits;
