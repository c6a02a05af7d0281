import { importModel, inspectModel } from '../../onnx/core.ts';
import { loadOps } from '../../onnx/load-ops.ts';
import type { Attr, Model, Node } from '../../onnx/model.ts';
import type { Inspected } from '../actions.ts';
import type { ModelSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { ModelNodeView, ModelView, TensorSummary } from '../views.ts';
import { bytesOf, Recent } from './blobs.ts';

const models = new Recent<Model>(4);

export async function modelOf(blob: BlobRef, dims: Readonly<Record<string, number>>): Promise<Model> {
  const key = JSON.stringify([blob.hash, dims]);
  const known = models.get(key);
  if (known) return known;
  const bytes = bytesOf(blob);
  await loadOps(bytes, blob.name);
  return models.set(key, importModel(bytes, { fileName: blob.name, dims }));
}

export async function modelView(spec: ModelSpec): Promise<ModelView> {
  const model = await modelOf(spec.model, spec.dims);
  return {
    file: spec.model.name,
    name: model.name,
    producer: model.producer,
    opset: model.opset,
    parameterCount: model.parameterCount,
    inputs: model.inputs.map(summary),
    outputs: model.outputs.map(summary),
    nodes: nodeViews(model),
  };
}

/** The nodes that are left, and those of the file that folding removed. */
function nodeViews(model: Model): ModelNodeView[] {
  const left = new Set(model.nodes.map((node) => node.index));
  const gone = model.allNodes.filter((node) => !left.has(node.index));
  return [
    ...model.nodes.map((node) => nodeView(model, node)),
    ...gone.map((node) => nodeView(model, node, model.folded.get(node.index) ?? 'unused')),
  ];
}

export function inspect({ blob }: { blob: BlobRef }): Inspected {
  const { symbolicDims, suggested } = inspectModel(bytesOf(blob), blob.name);
  return { symbolicDims, suggested };
}

function summary({ name, dtype, dims }: TensorSummary): TensorSummary {
  return { name, dtype, dims };
}

function nodeView(model: Model, node: Node, folded?: string): ModelNodeView {
  const output = model.values.get(node.outputs[0] ?? '');
  const more = node.outputs.slice(1).flatMap((name) => {
    const info = model.values.get(name);
    return info ? [summary(info)] : [];
  });
  const weights = node.inputs.flatMap((name) => {
    const tensor = model.initializers.get(name);
    return tensor ? [{ name, dtype: tensor.dtype, dims: tensor.dims }] : [];
  });
  return {
    index: node.index,
    name: node.name,
    op: node.op,
    domain: node.domain,
    inputs: node.inputs,
    outputs: node.outputs,
    attrs: [...node.attrs].map(([name, value]) => ({ name, text: attrText(value) })),
    output: output ? summary(output) : null,
    ...(more.length > 0 ? { moreOutputs: more } : {}),
    ...(folded === undefined ? {} : { folded }),
    weights,
  };
}

const MOST_VALUES = 16;

function attrText(value: Attr): string {
  if (typeof value === 'string') return JSON.stringify(value);
  // Attributes are float32: more digits than seven say nothing.
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(7)));
  if (typeof value !== 'object') return String(value);
  if ('data' in value) return `tensor ${value.dims.join('×')} ${value.dtype}`;
  if ('nodes' in value) return `graph of ${value.nodes.length} nodes`;
  const shown = Array.from(value as readonly unknown[])
    .slice(0, MOST_VALUES)
    .map(String)
    .join(', ');
  return value.length > MOST_VALUES ? `[${shown}, …]` : `[${shown}]`;
}
