import { OP_CALL, PSEUDO_CALL } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import type { TensorPlan } from '../../compiler/api.ts';
import { iterations } from '../../replay/program-values.ts';
import { storeInputs } from '../../replay/runner.ts';
import { Vm } from '../../vm/vm.ts';
import type { ProgramSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { RunMarks } from '../touch-views.ts';
import type { EventSpec } from '../value-views.ts';
import { callInput, eventInputs, inputOf } from './machine-session.ts';
import { heldProgram } from './programs.ts';

/** More marks than a scrub bar has places for. */
const MOST_MARKS = 20_000;
/** A program that was edited by hand may loop. */
const MOST_STEPS = 20_000_000;

interface Part {
  readonly name: string;
  readonly nodes: readonly number[];
  rounds: number;
}

/**
 * Where one event's run comes to a stage of the model and to each round of its loop; in a program whose plan is not known, to each function and
 * each round of a loop in it. Steps count executed instructions, as the debugger does.
 */
export async function runMarks(
  { program: spec, event }: { program: ProgramSpec; event: EventSpec },
  context: CallContext,
): Promise<RunMarks> {
  const held = await heldProgram(spec, context);
  const { program } = held;
  const vm = new Vm(program, { maxInsns: MOST_STEPS });
  if (event.kind === 'tensors') storeInputs(vm.maps, held.meta!, await eventInputs(event, held));
  const input = event.kind === 'call' ? callInput(vm, event.call) : inputOf(program, event.kind === 'packet' ? event.bytes : NO_BYTES);
  const marks = new Marks(program, held.compiled?.tensors ?? null);
  try {
    vm.trace(input, (insn, frame) => marks.visit(insn, frame));
  } catch {
    // A run that faults or does not end has marks until then; the debugger says what went wrong.
  }
  return marks.view();
}

const NO_BYTES = new Uint8Array(0);

class Marks {
  readonly #program: Program;
  readonly #stageAt = new Map<number, number>();
  readonly #functionAt: ReadonlyMap<number, string>;
  readonly #plan: TensorPlan | null;
  readonly #rounds: readonly number[];
  readonly #step: number[] = [];
  readonly #insn: number[] = [];
  readonly #part: number[] = [];
  readonly #round: number[] = [];
  readonly #parts: Part[] = [];
  #left = 0;
  #count = 0;
  #stage = -1;
  #calls = 0;
  #before = -1;
  #depth = 0;

  constructor(program: Program, plan: TensorPlan | null) {
    this.#program = program;
    this.#plan = plan;
    this.#functionAt = new Map(program.subprogs.map(({ name, start }) => [start, name]));
    const starts = new Map(program.subprogs.map(({ name, start }) => [name, start]));
    plan?.stages.forEach(({ name }, stage) => {
      const start = starts.get(name);
      if (start !== undefined) this.#stageAt.set(start, stage);
    });
    this.#rounds = plan?.stages.map(({ outer, lanes }) => iterations(outer, lanes).length) ?? [];
  }

  visit(insn: number, frame: number): void {
    const step = this.#count++;
    if (step === 0) this.#begin(step, insn, this.#program.name, this.#nodesAt(insn), 0);
    else if (this.#stageAt.size > 0) this.#planned(step, insn, frame);
    else this.#unplanned(step, insn, frame);
    this.#before = insn;
    this.#depth = frame;
  }

  #planned(step: number, insn: number, frame: number): void {
    const stage = this.#stageAt.get(insn);
    if (stage !== undefined) {
      this.#stage = stage;
      this.#calls = 0;
      const { buffers, stages } = this.#plan!;
      const nodes = [...new Set(buffers.filter((one) => one.stage === stage).flatMap((one) => one.nodes))].sort((a, b) => a - b);
      this.#begin(step, insn, stages[stage]!.name, nodes, this.#rounds[stage]!);
      return;
    }
    // A stage calls its kernels directly, or from rounds that are functions of their own.
    const op = this.#program.insns[insn]!;
    if (frame === 0) {
      if (this.#stage >= 0) this.#begin(step, insn, this.#program.name, this.#nodesAt(insn), 0);
      this.#stage = -1;
    } else if (this.#stage >= 0 && frame === 1 && op.opcode === OP_CALL && op.src === PSEUDO_CALL) {
      const { calls } = this.#plan!.stages[this.#stage]!;
      const round = Math.floor(this.#calls / calls);
      if (this.#calls++ % calls === 0 && round > 0) this.#mark(step, insn, round);
    }
  }

  #unplanned(step: number, insn: number, frame: number): void {
    const entered = frame > this.#depth;
    if (frame !== this.#depth) this.#begin(step, insn, this.#nameAt(insn, entered), this.#nodesAt(insn), 0);
    else if (insn <= this.#before) {
      const part = this.#parts.at(-1)!;
      part.rounds = Math.max(part.rounds, 1) + 1;
      this.#mark(step, insn, part.rounds - 1);
    }
  }

  #nameAt(insn: number, entered: boolean): string {
    const own = entered ? this.#functionAt.get(insn) : undefined;
    return own ?? this.#program.subprogs.findLast(({ start }) => start <= insn)?.name ?? this.#program.name;
  }

  #nodesAt(insn: number): number[] {
    const { insnOrigins, origins } = this.#program;
    return (insnOrigins[insn] ?? []).flatMap((at) => (origins[at]!.kind === 'node' ? [origins[at]!.nodeIdx] : []));
  }

  #begin(step: number, insn: number, name: string, nodes: readonly number[], rounds: number): void {
    if (this.#step.length < MOST_MARKS) this.#parts.push({ name, nodes, rounds });
    this.#mark(step, insn, 0);
  }

  #mark(step: number, insn: number, round: number): void {
    if (this.#step.length >= MOST_MARKS) {
      this.#left++;
      return;
    }
    this.#step.push(step);
    this.#insn.push(insn);
    this.#part.push(this.#parts.length - 1);
    this.#round.push(round);
  }

  view(): RunMarks {
    return {
      step: Float64Array.from(this.#step),
      insn: Int32Array.from(this.#insn),
      part: Int32Array.from(this.#part),
      round: Int32Array.from(this.#round),
      parts: this.#parts,
      left: this.#left,
      length: this.#count,
    };
  }
}
