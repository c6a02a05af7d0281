import { InputError } from '../base/errors.ts';
import type { Attr, Graph, Node, Tensor } from './model.ts';
import type { AttributeProto, GraphProto, NodeProto } from './proto.ts';
import type { ExternalData } from './tensor.ts';
import { tensorOf } from './tensor.ts';

/** AttributeProto.AttributeType numbers (`onnx.proto`). */
const FLOAT = 1;
const INT = 2;
const STRING = 3;
const TENSOR = 4;
const GRAPH = 5;
const FLOATS = 6;
const INTS = 7;
const STRINGS = 8;

/** A NodeProto as a {@link Node}. */
export function nodeOf(proto: NodeProto, index: number, file: string, externalData?: ExternalData): Node {
  const name = proto.name || `${proto.op}_${index}`;
  const where = `${file}: node \`${name}\` (${proto.op})`;
  const attrs = new Map<string, Attr>();
  for (const attr of proto.attributes) {
    const value = attrOf(attr, where, externalData);
    if (value !== undefined) attrs.set(attr.name, value);
  }
  return { index, name, op: proto.op, domain: proto.domain, inputs: proto.inputs, outputs: proto.outputs, attrs };
}

function attrOf(attr: AttributeProto, where: string, externalData?: ExternalData): Attr | undefined {
  switch (attr.type) {
    case FLOAT:
      return attr.f;
    case INT:
      return attr.i;
    case STRING:
      return attr.s;
    case TENSOR:
      return tensorAttr(attr, where, externalData);
    case GRAPH:
      return attr.g ? graphOf(attr.g, where, externalData) : undefined;
    case FLOATS:
      return attr.floats;
    case INTS:
      return attr.ints;
    case STRINGS:
      return attr.strings;
    default:
      // Files of IR version 1 and 2 may leave the type out: the field that is set tells it.
      if (attr.ints.length > 0) return attr.ints;
      if (attr.floats.length > 0) return attr.floats;
      if (attr.strings.length > 0) return attr.strings;
      if (attr.t) return tensorAttr(attr, where, externalData);
      return attr.s !== '' ? attr.s : attr.f !== 0 ? attr.f : attr.type === 0 ? attr.i : undefined;
  }
}

function tensorAttr(attr: AttributeProto, where: string, externalData?: ExternalData): Tensor {
  if (!attr.t) throw new InputError(`attribute \`${attr.name}\` has no tensor`, where);
  return tensorOf(attr.t, `${where}, attribute \`${attr.name}\``, externalData);
}

/** A nested graph for display; import takes branches of If apart itself. */
function graphOf(proto: GraphProto, where: string, externalData?: ExternalData): Graph {
  const initializers = new Map(
    proto.initializers.map((tensor) => [tensor.name, tensorOf(tensor, `${where}: \`${tensor.name}\``, externalData)]),
  );
  return { nodes: proto.nodes.map((node, i) => nodeOf(node, i, where, externalData)), inputs: [], outputs: [], initializers };
}
