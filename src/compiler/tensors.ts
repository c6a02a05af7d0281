import type { TensorPlan, ValueBuffer, ValuePlace } from './api.ts';
import type { Buf, HGraph } from './graph/hops.ts';
import { mapDims } from './graph/view.ts';
import { MAP_OF } from './kernels/frame.ts';
import type { IoLayout } from './lower/places.ts';
import type { Placement } from './memory.ts';
import type { Group } from './plan/groups.ts';
import type { Scales } from './plan/scales.ts';
import type { Step } from './plan/steps.ts';

/** A group of steps as a stage runs it: how many kernel calls one iteration makes, and the last of them for each step. */
export interface PlannedGroup {
  readonly group: Group;
  readonly lastCall: ReadonlyMap<Step, number>;
  readonly calls: number;
}

/** Where every value of the graph stands while the program runs, for those who watch it. */
export function tensorPlan(
  graph: HGraph,
  planned: readonly PlannedGroup[],
  placement: Placement,
  scales: Scales,
  io: IoLayout,
): TensorPlan {
  const buffers: ValueBuffer[] = [];
  const known = new Map<Buf, number>();
  const add = (buf: Buf, place: Omit<ValueBuffer, 'name' | 'dims' | 'scale' | 'max' | 'masks'>): void => {
    const { scale, max } = scales.of(buf);
    known.set(
      buf,
      buffers.push({ name: buf.name, dims: buf.dims, scale, max, masks: buf.masked !== undefined || holdsFloor(buf), ...place }) - 1,
    );
  };
  for (const buf of graph.inputs) {
    // Floats and 64-bit scores are no integers that a viewer could show.
    if (buf.float) continue;
    const elem = buf.kind === 'token' ? 'u16' : 'i16';
    add(buf, { nodes: [], elem, map: MAP_OF.input, byteOff: io.inputOff.get(buf)!, stage: -1, rows: null });
  }
  const nodesOf = new Map(graph.ops.map((op) => [op.out, op.nodes.map((node) => node.index)]));
  // The parts of a concatenation may be written by several stages: the last one completes it.
  const writers = new Map<Buf, { stage: number; step: Step }>();
  planned.forEach(({ group }, stage) => {
    for (const step of group.steps) if (step.out) writers.set(step.out.buf, { stage, step });
  });
  for (const [buf, { stage, step }] of writers) {
    if (buf.float || buf.bytes === 8) continue;
    const { group, lastCall } = planned[stage];
    if (step.op?.kind === 'own') {
      for (const { buf: inner, nodes, strides, elems, byteOff, zero, before, max, scale } of step.op.passes.inner?.(step.op, scales) ??
        []) {
        const rows = { elems, call: lastCall.get(step)!, strides, words: zero, inner: { before: before.index, shares: scale === null } };
        const place = {
          name: inner.name,
          dims: inner.dims,
          nodes: nodes.map((node) => node.index),
          map: MAP_OF.scratch,
          byteOff,
          stage,
          rows,
        };
        known.set(inner, buffers.push({ ...place, elem: 'i32', scale: scale ?? 1 / max, max, masks: false }) - 1);
      }
    }
    const rowElems = group.internal.get(buf);
    const words = group.words?.has(buf) ? { words: scales.of(buf).max + 1 } : {};
    add(buf, {
      nodes: nodesOf.get(buf) ?? [],
      elem: scales.bytes(buf) === 4 ? 'i32' : 'i16',
      map: MAP_OF.scratch,
      byteOff: placement.offsets.get(buf)!,
      stage,
      rows: rowElems === undefined ? null : { elems: rowElems, call: lastCall.get(step)!, strides: step.out!.outer, ...words },
    });
  }
  const values = graph.values.flatMap(({ name, view }): ValuePlace[] => {
    const buffer = known.get(view.buf);
    return buffer === undefined ? [] : [{ name, dims: mapDims(view.map), map: view.map, gain: view.gain, buffer }];
  });
  const named = new Set(values.map((value) => value.name));
  // Steps inside one ONNX node have values that the file has no name for.
  buffers.forEach((buffer, at) => {
    if (!named.has(buffer.name)) values.push({ name: buffer.name, dims: buffer.dims, map: null, gain: 1, buffer: at });
  });
  const stages = planned.map(({ group, calls }, i) => ({ name: `stage_${i}`, outer: group.outer, lanes: group.lanes, calls }));
  return { stages, buffers, values };
}

/** Masks made from tokens are cut off at a floor (`emitTokenFn`). */
const holdsFloor = (buf: Buf): boolean => buf.unmasked !== undefined;
