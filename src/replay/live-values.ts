import { OP_CALL, PSEUDO_CALL } from '../bpf/insn.ts';
import type { Program } from '../bpf/program.ts';
import type { TensorPlan, ValueBuffer } from '../compiler/api.ts';
import { BYTES } from '../compiler/slots.ts';
import { elementCount } from '../onnx/tensor.ts';

/**
 * Whether a value lies in memory at a place of the run: whole; not made yet; gone, since a later stage may have taken its place; or
 * never whole, because its stage makes it row by row.
 */
export type ValueState = 'whole' | 'later' | 'overwritten' | 'rows';

/** How far a run of a compiled model has come, told from where its main function stands. */
export interface StageProgress {
  /** Stages before this one have returned. */
  readonly done: number;
  /** One runs now: what it writes may be half written. */
  readonly under: boolean;
}

/** Stages that have returned when the main function is about to run `mainInsn`, or waits there for a call; -1 when it has ended. */
export function stageProgress({ insns, subprogs }: Program, plan: TensorPlan, mainInsn: number, inside: boolean): StageProgress {
  const starts = plan.stages.map(({ name }) => subprogs.find((one) => one.name === name)?.start ?? -1);
  const end = subprogs.find(({ start }) => start > 0)?.start ?? insns.length;
  const calls = starts.map((start) =>
    insns.findIndex((insn, idx) => idx < end && insn.opcode === OP_CALL && insn.src === PSEUDO_CALL && idx + 1 + insn.imm === start),
  );
  if (mainInsn < 0) return { done: plan.stages.length, under: false };
  return { done: calls.filter((call) => call >= 0 && call < mainInsn).length, under: inside && calls.includes(mainInsn) };
}

/** The state of each of the plan's values, by their order in the plan. */
export function valueStates(plan: TensorPlan, { done, under }: StageProgress): ValueState[] {
  const running = under ? done : done - 1;
  return plan.values.map(({ buffer: at }) => {
    const buffer = plan.buffers[at]!;
    if (buffer.rows) return 'rows';
    // Inputs are there for sure once the first stage runs.
    if (buffer.stage >= done || (done === 0 && !under)) return 'later';
    const taken = plan.buffers.some(
      (other, i) => i !== at && other.stage > buffer.stage && other.stage <= running && overlap(buffer, other),
    );
    return taken ? 'overwritten' : 'whole';
  });
}

/** Of values that are made row by row only the place of some rows is in memory. */
const bytesOf = ({ dims, elem, rows }: ValueBuffer): number =>
  rows?.words === undefined ? (rows ? rows.elems * 2 : elementCount(dims)) * BYTES[elem] : rows.elems * 8;

function overlap(a: ValueBuffer, b: ValueBuffer): boolean {
  return a.map === b.map && a.byteOff < b.byteOff + bytesOf(b) && b.byteOff < a.byteOff + bytesOf(a);
}
