import type { FixedStrategy } from './api.ts';
import type { FuncCost, IrFunc } from './ir/ir.ts';

/** Instructions that the verifier processes before it gives up. */
export const PROCESSED_LIMIT = 1_000_000;
/** The part of it that an estimate may come to: spills and paths that are walked twice (saturation) add about half. */
const PROCESSED_ROOM = 0.5;
/** Pending branches (`BPF_COMPLEXITY_LIMIT_JMP_SEQ`) are far from their limit where functions are verified apart; walked inline they are not. */
const INLINE_LIMIT = 100_000;
/** Measured with `npm run long strategies` on Linux 6.18: an operation of the IR, and a round of `bpf_loop`. */
const NS_PER_OPERATION = 0.07;
const NS_PER_CALLBACK = 15;

/** What a program costs with one strategy, estimated from its loops before registers are given. */
export interface CostEstimate {
  readonly strategy: FixedStrategy;
  /** Instructions that the verifier will process. */
  readonly processed: number;
  readonly insns: number;
  /** Operations of one inference, and its time. */
  readonly executed: number;
  readonly callbacks: number;
  readonly ns: number;
  /** Whether the verifier's budget allows it. */
  readonly fits: boolean;
}

/** Sums over all functions. Global ones are walked once each; static ones at every call. */
export function estimate(strategy: FixedStrategy, funcs: readonly IrFunc[], roots: readonly string[]): CostEstimate {
  const byName = new Map(funcs.map((func) => [func.name, func]));
  const whole = new Map<string, { walked: number; executed: number; callbacks: number }>();
  const total = (name: string): { walked: number; executed: number; callbacks: number } => {
    const known = whole.get(name);
    if (known) return known;
    const cost: FuncCost = byName.get(name)?.cost ?? { walked: 0, executed: 0, callbacks: 0, calls: [] };
    const sum = { walked: cost.walked, executed: cost.executed, callbacks: cost.callbacks };
    for (const call of cost.calls) {
      const inner = total(call.func);
      sum.walked += call.walked * inner.walked;
      sum.executed += call.executed * inner.executed;
      sum.callbacks += call.executed * inner.callbacks;
    }
    whole.set(name, sum);
    return sum;
  };
  const inline = strategy === 'bounded';
  const sums = roots.map(total);
  const executed = sums.reduce((sum, one) => sum + one.executed, 0);
  const callbacks = sums.reduce((sum, one) => sum + one.callbacks, 0);
  const processed = inline ? sums.reduce((sum, one) => sum + one.walked, 0) : funcs.reduce((sum, { cost }) => sum + (cost?.walked ?? 0), 0);
  const insns = funcs.reduce((sum, { blocks }) => sum + blocks.reduce((n, block) => n + block.insts.length + 1, 0), 0);
  return {
    strategy,
    processed: Math.round(processed),
    insns,
    executed: Math.round(executed),
    callbacks: Math.round(callbacks),
    ns: Math.round(executed * NS_PER_OPERATION + callbacks * NS_PER_CALLBACK),
    fits: processed <= (inline ? INLINE_LIMIT : PROCESSED_LIMIT * PROCESSED_ROOM),
  };
}

/** The fastest strategy that fits, the first of equal ones within a tenth; where none fits, the one that the verifier processes least of. */
export function cheapest(costs: readonly CostEstimate[]): CostEstimate {
  const fitting = costs.filter((cost) => cost.fits);
  if (fitting.length === 0) return costs.reduce((best, cost) => (cost.processed < best.processed ? cost : best));
  const least = Math.min(...fitting.map((cost) => cost.ns));
  return fitting.find((cost) => cost.ns <= least * 1.1)!;
}
