import { rewrite } from './rewrite.ts';
import { WireReader } from './wire.ts';
import type { WireWriter } from './write.ts';

/**
 * The same model with every ZipMap (a list of dictionaries in place of a matrix) replaced by Identity, so that a runtime returns a tensor
 * under the same name. Field numbers as in `proto.ts`. A model without one comes back as it is.
 */
export function withoutZipMaps(bytes: Uint8Array, file: string): Uint8Array {
  const zipped = new Set<string>();
  const changed = rewrite(new WireReader(bytes, file), (field, r, w) => {
    if (field !== 7) return false;
    const nodes = rewrite(r.message(), (inner, node, to) => inner === 1 && replaceNode(node.message(), to, zipped));
    const graph = new WireReader(nodes, file);
    w.bytes(
      7,
      rewrite(graph, (inner, value, to) => inner === 12 && untyped(value.message(), to, zipped)),
    );
    return true;
  });
  return zipped.size > 0 ? changed : bytes;
}

function replaceNode(r: WireReader, to: WireWriter, zipped: Set<string>): boolean {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  let [op, domain] = ['', ''];
  while (r.next()) {
    if (r.field === 1) inputs.push(r.string());
    else if (r.field === 2) outputs.push(r.string());
    else if (r.field === 4) op = r.string();
    else if (r.field === 7) domain = r.string();
    else r.skip();
  }
  if (op !== 'ZipMap' || domain !== 'ai.onnx.ml' || !inputs[0] || !outputs[0]) return false;
  zipped.add(outputs[0]);
  to.message(1, (node) => node.string(1, inputs[0]).string(2, outputs[0]).string(4, 'Identity'));
  return true;
}

/** Leaves the type of an output to the runtime's own inference. */
function untyped(r: WireReader, to: WireWriter, zipped: ReadonlySet<string>): boolean {
  let name = '';
  while (r.next()) {
    if (r.field === 1) name = r.string();
    else r.skip();
  }
  if (!zipped.has(name)) return false;
  to.message(12, (value) => value.string(1, name));
  return true;
}
