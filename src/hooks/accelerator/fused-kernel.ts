import { InputError } from '../../base/errors.ts';
import type { Model, Tensor, TensorData } from '../../onnx/model.ts';
import { allocate, elementCount } from '../../onnx/tensor.ts';
import type { Kernel } from './command.ts';
import { evaluateNode, infoOf } from './node-kernel.ts';
import type { Plan, Step } from './plan.ts';
import { factorOf, leadOf, onRows, rowWork, type Tile, tileOf } from './rows.ts';
import { bytesOf, roundedAsHeld, tensorFrom } from './tensor-bytes.ts';

/** Rows that a unit works on at a time, with all that lies between them in its own registers. */
const TILE_ROWS = 32;

/**
 * The kernel of several nodes at once: it goes over tiles of rows and takes each through all nodes, so that what lies between them is never in device
 * memory. Every element is made by the same operations in the same order, rounded to the same types, as by the nodes one after the other: the outputs are equal bit by bit.
 */
export function fusedKernel(model: Model, plan: Pick<Plan, 'views'>, { nodes, inputs, outputs, label }: Step): Kernel {
  const made = new Set(nodes.map(({ outputs: [name] }) => name!));
  const held = (name: string): string => plan.views.get(name) ?? name;
  const lead = leadOf(infoOf(model, nodes[0]!.outputs[0]!).dims);
  const parts = nodes.map((node) => {
    const work = rowWork(model, node, (name) => made.has(held(name)));
    if (!work) throw new InputError(`\`${node.name}\` (${node.op}) does not work row by row`, `fused command \`${label}\``);
    return { node, work, row: onRows(node, work), out: infoOf(model, node.outputs[0]!) };
  });
  const rows = elementCount(lead);
  const batchRows = lead.at(-1) ?? 1;
  return {
    how: 'computed',
    run: (bytes) => {
      const given = new Map(inputs.map((name, at) => [name, tensorFrom(infoOf(model, name).dtype, infoOf(model, name).dims, bytes[at]!)]));
      const results = outputs.map((name) => allocate(infoOf(model, name).dtype, elementCount(infoOf(model, name).dims)));
      for (let from = 0; from < rows; ) {
        const batch = Math.floor(from / batchRows);
        const to = Math.min(from + TILE_ROWS, (batch + 1) * batchRows);
        runTile({ batch, from, to }, given, results);
        from = to;
      }
      return results.map((data, at) => bytesOf({ dtype: infoOf(model, outputs[at]!).dtype, data }));
    },
  };

  function runTile(tile: Tile, given: ReadonlyMap<string, Tensor>, results: readonly TensorData[]): void {
    const registers = new Map<string, Tensor>();
    for (const { node, work, row, out } of parts) {
      const lookup = (name: string): Tensor => {
        const inside = registers.get(held(name));
        if (inside) return inside;
        const tensor = given.get(name)!;
        const at = node.inputs.indexOf(name);
        if (work === 'matmul' && at === 1) return factorOf(tensor, lead, tile.batch);
        if (work === 'sum' && at === 1) return { dtype: 'int64', dims: [1], data: BigInt64Array.of(1n) };
        return tileOf(tensor, lead, tile);
      };
      const dims = [tile.to - tile.from, out.dims.at(-1)!];
      const [data] = evaluateNode(row, model.opset, lookup, [{ dtype: out.dtype, dims }])!;
      registers.set(node.outputs[0]!, { dtype: out.dtype, dims, data: roundedAsHeld(out.dtype, data!) });
    }
    outputs.forEach((name, at) => {
      const { data, dims } = registers.get(name)!;
      (results[at] as Float32Array).set(data as Float32Array, tile.from * dims[1]!);
    });
  }
}
