import type { BlockId } from '../../compiler/ir/ir.ts';
import type { Inst } from '../llvm-ir/module.ts';
import type { FunctionLowering } from './function.ts';
import { width } from './significant.ts';

/** Neighbouring cases that go to one place. */
interface Cluster {
  readonly low: bigint;
  readonly high: bigint;
  readonly target: string;
}

/** So many cases are compared one after another; of more, each comparison rules out half. */
const LINEAR = 3;

/** A `switch` as comparisons: BPF has no tables of jumps. `to` gives the block for a target. */
export function lowerSwitch(f: FunctionLowering, inst: Extract<Inst, { op: 'switch' }>, to: (target: string) => BlockId): void {
  const { code } = f;
  const bits = width(inst.value.type);
  const opWidth = f.opWidth(inst.value.type);
  const value = f.extended(inst.value, false, opWidth);
  const reg = 'imm' in value ? code.constant(BigInt(value.imm)) : value.reg;
  const cases = inst.cases
    .map(([number, target]) => ({ number: BigInt.asUintN(bits, number), target }))
    .sort((a, b) => (a.number < b.number ? -1 : 1));
  const clusters: Cluster[] = [];
  for (const { number, target } of cases) {
    const last = clusters.at(-1);
    if (last && last.target === target && last.high + 1n === number) clusters[clusters.length - 1] = { ...last, high: number };
    else clusters.push({ low: number, high: number, target });
  }
  const other = to(inst.other);
  const one = (cluster: Cluster, next: BlockId): void => {
    const target = to(cluster.target);
    if (cluster.low === cluster.high) {
      const b = code.immediate(cluster.low, opWidth);
      code.end({ op: 'branch', cmp: 'eq', width: opWidth, a: { reg }, b, ifTrue: target, ifFalse: next });
      return;
    }
    const above = code.newBlock();
    const low = code.immediate(cluster.low, opWidth);
    code.end({ op: 'branch', cmp: 'ult', width: opWidth, a: { reg }, b: low, ifTrue: next, ifFalse: above });
    code.start(above);
    const high = code.immediate(cluster.high, opWidth);
    code.end({ op: 'branch', cmp: 'ule', width: opWidth, a: { reg }, b: high, ifTrue: target, ifFalse: next });
  };
  const search = (list: readonly Cluster[]): void => {
    if (list.length <= LINEAR) {
      list.forEach((cluster, at) => {
        const next = at === list.length - 1 ? other : code.newBlock();
        one(cluster, next);
        if (next !== other) code.start(next);
      });
      return;
    }
    const middle = list.length >> 1;
    const [left, right] = [code.newBlock(), code.newBlock()];
    const pivot = code.immediate(list[middle]!.low, opWidth);
    code.end({ op: 'branch', cmp: 'ult', width: opWidth, a: { reg }, b: pivot, ifTrue: left, ifFalse: right });
    code.start(left);
    search(list.slice(0, middle));
    code.start(right);
    search(list.slice(middle));
  };
  if (clusters.length === 0) code.end({ op: 'jump', to: other });
  else search(clusters);
}
