import { rewrite } from './rewrite.ts';
import { WireReader } from './wire.ts';
import { WireWriter } from './write.ts';

/** A value that readers take from outside instead of from the node that makes it. */
export interface Cut {
  readonly name: string;
  readonly dims: readonly number[];
}

/** The graph input of an isolated model that stands for value `name` where it is read. */
export const cutInput = (name: string): string => `cut:${name}`;

/** `TensorProto.DataType.FLOAT` of `onnx.proto`. */
const FLOAT = 1;

/**
 * The same model with a graph input of type float32 in place of each value in `cuts`, wherever a node of the main graph reads it. What makes
 * the value is still computed, from inputs of its own, so that every piece between two cuts can be judged by itself. Bodies of `If`, `Loop`
 * and `Scan` read the values around them as before.
 */
export function isolate(bytes: Uint8Array, file: string, cuts: readonly Cut[]): Uint8Array {
  const names = new Set(cuts.map(({ name }) => name));
  const parts = rewrite(new WireReader(bytes, file), (field, graph, to) => {
    if (field !== 7) return false;
    to.bytes(
      7,
      rewrite(graph.message(), (inner, node, nodes) => {
        if (inner !== 1) return false;
        nodes.bytes(
          1,
          rewrite(node.message(), (part, input, inputs) => part === 1 && rename(input, inputs, names)),
        );
        return true;
      }),
    );
    return true;
  });
  // Protobuf merges the parts of a message that stand one behind another.
  const added = new WireWriter().message(7, (graph) => {
    for (const cut of cuts) graph.message(11, (value) => writeInput(value, cut));
  });
  return new WireWriter().raw(parts).raw(added.finish()).finish();
}

function rename(input: WireReader, to: WireWriter, names: ReadonlySet<string>): boolean {
  const name = input.string();
  if (!names.has(name)) return false;
  to.string(1, cutInput(name));
  return true;
}

/** A ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 } } } }. */
function writeInput(value: WireWriter, { name, dims }: Cut): void {
  value.string(1, cutInput(name)).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, FLOAT).message(2, (shape) => {
        for (const dim of dims) shape.message(1, (one) => one.int(1, dim));
      }),
    ),
  );
}
