import { InputError } from '../../base/errors.ts';
import type { FixedStrategy, TensorPlan } from '../api.ts';
import type { HGraph, HOp } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { product } from '../graph/view.ts';
import { dotPackBytes } from '../kernels/dot.ts';
import { type Layout, PAGE_BYTES } from '../kernels/frame.ts';
import { rsqrtTable } from '../kernels/norm.ts';
import { expTable } from '../kernels/softmax.ts';
import { triPackBytes } from '../kernels/tri.ts';
import { placeBuffers } from '../memory.ts';
import type { Origins } from '../origins.ts';
import type { Parts } from '../parts.ts';
import { chunkSizes } from '../plan/chunks.ts';
import { type Group, groupSteps } from '../plan/groups.ts';
import type { Scales } from '../plan/scales.ts';
import { type Step, stepsOf } from '../plan/steps.ts';
import { inTriples } from '../plan/triples.ts';
import { WeightBytes } from '../plan/weights.ts';
import { wordBuffers } from '../plan/words.ts';
import { weightBitsOf } from '../precision.ts';
import { emitFuncs, type KernelCall, type Stages } from '../stages.ts';
import { tensorPlan } from '../tensors.ts';
import { WEIGHTS_HEADER, type WeightsLayout, weightsLayout } from '../weights-map.ts';
import { type IoLayout, Places } from './places.ts';
import { linearCalls, matmulCall } from './products.ts';
import { outputCall, rowCall } from './rows.ts';

export interface Lowered extends Stages {
  /** Tables that are the same for every model, behind room for the map's header. */
  readonly shared: Uint8Array;
  /** What depends on the weights. */
  readonly weights: WeightBytes;
  readonly map: WeightsLayout;
  readonly layout: Layout;
  readonly tensors: TensorPlan;
  /** Products with constant weights, in the graph's order. */
  readonly products: readonly Step[];
  /** Groups of steps, a stage each, with the calls that they became. */
  readonly planned: readonly PlannedCalls[];
}

export interface PlannedCalls {
  readonly group: Group;
  readonly calls: readonly KernelCall[];
  /** Each step's calls end with this one. */
  readonly lastCall: ReadonlyMap<Step, number>;
}

export interface Target {
  readonly strategy: FixedStrategy;
  readonly parts: Parts;
  readonly hookBytes: number;
  /** Scratch memory is per CPU. */
  readonly perCpu: boolean;
}

/**
 * Integer kernels, loops over rows and the bytes of the weights map for a planned graph. The hook adds `target.hookBytes` of tables of its own to the
 * weights later.
 */
export function lower(
  graph: HGraph,
  scales: Scales,
  io: IoLayout,
  origins: Origins,
  { strategy, parts, hookBytes, perCpu }: Target,
): Lowered {
  if (!parts.sums && graph.ops.some((op) => op.kind === 'linear' && op.precision !== undefined && weightBitsOf(op.precision) <= 2))
    throw new Error('kernels of ternary and binary weights were not loaded: await partsFor(options) and hand them over');
  const shared = new WeightBytes();
  shared.add(new Uint8Array(WEIGHTS_HEADER));
  const expOff = shared.add(expTable());
  const rsqrtOff = shared.add(rsqrtTable());
  const zeroOff = strategy === 'may_goto' ? shared.add(new Uint8Array(8)) : 0;
  const weights = new WeightBytes();
  const groups = groupSteps(inTriples(stepsOf(graph), parts)).map((group) =>
    parts.special ? group : { ...group, words: wordBuffers(group, scales) },
  );
  const packBytes = Math.max(64, ...groups.flatMap((g) => g.steps.map((step) => packBytesOf(step, parts))));
  if (packBytes > PAGE_BYTES) {
    const longest = graph.ops.find((op) => op.kind === 'linear' && dotPackBytes(op.weights.dims[1], op.precision) === packBytes);
    throw new InputError(
      `a sum over ${packBytes / 8} terms is too long; ${PAGE_BYTES / 8} fit`,
      longest ? place(longest.nodes[0]) : '',
      'Pool before the matrix',
    );
  }
  const placement = placeBuffers(graph, groups, packBytes, (buf) => scales.bytes(buf), perCpu);
  const places = new Places(scales, weights, io, placement.offsets, parts);
  const chunks = chunkSizes(graph);
  const planned = groups.map((group) => {
    const calls: KernelCall[] = [];
    const lastCall = new Map<Step, number>();
    for (const step of group.steps) {
      calls.push(...callsOf(places, step, group, chunks));
      lastCall.set(step, calls.length - 1);
    }
    return { group, calls, lastCall };
  });
  const map = weightsLayout(shared.size, weights.size + hookBytes);
  const layout: Layout = {
    bytes: { scratch: placement.entryBytes, input: io.inputBytes, output: io.outputBytes, weights: map.total },
    pages: placement.pages,
    pageBytes: placement.pageBytes,
    packBytes,
    expOff,
    rsqrtOff,
    zeroOff,
    strategy,
  };
  const products = groups.flatMap((group) => group.steps.filter((step) => step.op?.kind === 'linear'));
  const tensors = tensorPlan(
    graph,
    planned.map(({ group, calls, lastCall }) => ({ group, calls: calls.length, lastCall })),
    placement,
    scales,
    io,
  );
  return { ...emitFuncs(planned, layout, origins), shared: shared.bytes(), weights, map, layout, tensors, products, planned };
}

/** The calls of integer kernels that a step is. */
function callsOf(places: Places, step: Step, group: Group, chunks: ReadonlyMap<HOp, number>): KernelCall[] {
  const { op } = step;
  if (!op) return [outputCall(places, step, group)];
  if (op.kind === 'linear') return linearCalls(places, step, group, op, chunks);
  if (op.kind === 'matmul') return [matmulCall(places, step, group, op)];
  if (op.kind === 'own') return [...op.passes.calls(op, places, step, group)];
  return [rowCall(places, step, group, op)];
}

function packBytesOf(step: Step, { sums }: Parts): number {
  if (step.op?.kind === 'own') return step.op.passes.packBytes?.(step.op, step) ?? 0;
  if (sums?.takesSums(step.op, step.lanes)) return sums.sumsBytes(step.op);
  if (step.op?.kind === 'linear' && step.lanes === 3) return triPackBytes(step.op.weights.dims[1]!);
  if (step.op?.kind === 'linear') return dotPackBytes(step.op.weights.dims[1], step.op.precision);
  if (step.op?.kind === 'matmul') return 8 * product(step.inner);
  return step.op?.kind === 'softmax' ? 2 * product(step.inner) : 0;
}
