import type { Node } from '../onnx/model.ts';
import { joinNodes } from './graph/lazy.ts';
import type { Reg } from './ir/builder.ts';
import { FuncBuilder } from './ir/builder.ts';
import type { IrFunc, OriginId } from './ir/ir.ts';
import { outlineLoops } from './ir/outline.ts';
import { type Layout, linkageOf, loopStyle, type Space } from './kernels/frame.ts';
import type { Origins } from './origins.ts';
import type { Group } from './plan/groups.ts';

/** Byte offset of an operand in its space (weights: in the live block): a constant and a stride for each outer loop. */
export interface Operand {
  readonly space: Space;
  readonly off: number;
  readonly strides: readonly number[];
}

/** A call of an integer kernel for one or two rows. */
export interface KernelCall {
  readonly key: string;
  readonly name: string;
  /** `parts`: an origin for each entry of `parts` below. */
  readonly build: (name: string, layout: Layout, origin: OriginId, parts: readonly OriginId[]) => IrFunc;
  readonly args: readonly Operand[];
  readonly nodes: readonly Node[];
  /** Nodes of the parts that a kernel of several operators has one after the other. */
  readonly parts?: readonly (readonly Node[])[];
}

/** The functions of a program besides its main one. */
export interface Stages {
  readonly funcs: readonly IrFunc[];
  /** Functions that run the model, in order, with their origin. Each takes the offset of the live block of weights. */
  readonly stages: readonly { readonly name: string; readonly origin: OriginId }[];
  /** The function of each call, by stage. */
  readonly callees: readonly (readonly string[])[];
}

/** One function for each distinct kernel, and one for each group of steps: loops over rows that call kernels. */
export function emitFuncs(planned: readonly { group: Group; calls: readonly KernelCall[] }[], layout: Layout, origins: Origins): Stages {
  const kernels = new Map<string, { name: string; call: KernelCall; nodes: Node[]; parts: Node[][] }>();
  const taken = new Map<string, number>();
  for (const { calls } of planned) {
    for (const call of calls) {
      const known = kernels.get(call.key);
      if (known) {
        known.nodes.push(...call.nodes);
        call.parts?.forEach((nodes, at) => {
          known.parts[at]!.push(...nodes);
        });
        continue;
      }
      const count = taken.get(call.name) ?? 0;
      taken.set(call.name, count + 1);
      const parts = (call.parts ?? []).map((nodes) => [...nodes]);
      kernels.set(call.key, { name: count ? `${call.name}_${count}` : call.name, call, nodes: [...call.nodes], parts });
    }
  }
  const funcs: IrFunc[] = [];
  for (const { name, call, nodes, parts } of kernels.values()) {
    const origin = origins.set(joinNodes(nodes));
    const ofParts = parts.map((part) => origins.set(joinNodes(part)));
    funcs.push(...outlineLoops(call.build(name, layout, origin, ofParts)));
  }
  const stages = planned.map(({ group, calls }, i) => {
    const origin = origins.set(joinNodes(...calls.map((c) => c.nodes)));
    const name = `stage_${i}`;
    const b = new FuncBuilder(name, linkageOf(layout), ['scalar'], 'scalar', loopStyle(layout, 2));
    b.setOrigin(origin);
    const live = b.arg(0);
    const callOrigins = calls.map((c) => origins.set(c.nodes));
    loopRows(b, group, [], (indices) => {
      calls.forEach((call, at) => {
        b.setOrigin(callOrigins[at]);
        b.call(
          kernels.get(call.key)!.name,
          call.args.map((arg) => address(b, arg, indices, live)),
        );
      });
      b.setOrigin(origin);
    });
    b.ret(0);
    funcs.push(...outlineLoops(b.finish()));
    return { name, origin };
  });
  const callees = planned.map(({ calls }) => calls.map(({ key }) => kernels.get(key)!.name));
  return { funcs, stages, callees };
}

/** Loops over the outer dimensions; the last one in pairs, and an odd last row together with the one before it. */
function loopRows(
  b: FuncBuilder,
  group: Group,
  indices: readonly (Reg | number)[],
  body: (indices: readonly (Reg | number)[]) => void,
): void {
  const level = indices.length;
  const n = group.outer[level];
  if (n === undefined) {
    body(indices);
    return;
  }
  const step = level === group.outer.length - 1 ? group.lanes : 1;
  const full = Math.floor(n / step) * step;
  if (full === step) loopRows(b, group, [...indices, 0], body);
  else b.repeat(full / step, step, (i) => loopRows(b, group, [...indices, i], body));
  if (full < n) loopRows(b, group, [...indices, n - step], body);
}

function address(b: FuncBuilder, arg: Operand, indices: readonly (Reg | number)[], live: Reg): Reg | number {
  let constant = arg.off;
  let sum: Reg | null = arg.space === 'weights' ? b.copy(live) : null;
  arg.strides.forEach((stride, i) => {
    const index = indices[i];
    if (stride === 0) return;
    if (typeof index === 'number') {
      constant += index * stride;
      return;
    }
    const term = b.mul(index, stride);
    if (sum) b.aluTo(sum, 'add', sum, term);
    else sum = term;
  });
  if (!sum) return constant;
  if (constant) b.aluTo(sum, 'add', sum, constant);
  return sum;
}
