import type { Progress } from '../base/progress.ts';
import { Cancelled } from '../base/progress.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import { Comparison, type ComparisonResult, chooseClass, cutOf } from '../reference/compare.ts';
import type { Tensors } from '../reference/reference.ts';
import type { ReferenceOutcome, ReferenceRunner } from './reference-runner.ts';
import { actionName, type Outcome, probability } from './runner.ts';
import { XDP_ACTIONS } from './verdicts.ts';

/** Something that runs a compiled model: the engine in this process, or a kernel. */
export interface Runner {
  /** `timeNs`: when it came, for programs with flows. */
  runPacket(packet: Uint8Array, timeNs?: number): Outcome | Promise<Outcome>;
  runTensors(inputs: Tensors): Outcome | Promise<Outcome>;
  /** What the compiler recorded; tells a single probability from a single logit. */
  readonly meta?: ProgramMeta;
}

export interface ReplaySummary {
  readonly events: number;
  /** Verdict → events; argmax classes for tensor inputs. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Null without a reference. */
  readonly comparison: ComparisonResult | null;
  /** Largest difference of a score; null without a reference or a score. */
  readonly maxScoreError: number | null;
  /** Rate of the program alone, without the reference. */
  readonly eventsPerSecond: number;
}

export interface ReplayOptions {
  readonly reference?: ReferenceRunner;
  readonly progress?: Progress;
  /** Events that the reference decides by less than this count as near ties. */
  readonly near?: number;
  onEvent?(index: number, outcome: Outcome): void;
  /** Told of both sides of an event as they are compared; without a reference `reference` is null. */
  onScored?(index: number, program: Scored, reference: Scored | null): void;
}

/** Neighbouring packets of a trace. */
export interface TimedPackets {
  readonly packets: readonly Uint8Array[];
  /** When each came, in ns of any origin; bindings with flows need them. */
  readonly times?: ArrayLike<number>;
}

/** What one side says about an event. */
export interface Scored {
  /** Return value of a packet program, number of the class of tensors, 1 for a system call that is tagged. */
  readonly verdict: number;
  /** Probability of a threshold's class, or of the chosen one; NaN where no model ran or the binding names none. */
  readonly score: number;
  /** Scores of the classes; empty where no model ran. */
  readonly values: ArrayLike<number>;
}

const DEFAULT_NEAR = 0.1;
/** Verdicts that a binding can name, in the order of the confusion matrix. TAG passes the packet on. */
const PACKET_CLASSES: readonly string[] = XDP_ACTIONS;

/** What a program's outcome for a packet says. */
export const packetScored = (outcome: Outcome): Scored => ({
  verdict: outcome.returnValue,
  score: probability(outcome),
  values: Object.values(outcome.outputs ?? {})[0] ?? [],
});

/** What ONNX Runtime's says. */
export function referenceScored(expected: ReferenceOutcome): Scored {
  const [name] = Object.keys(expected.outputs ?? {});
  return {
    verdict: PACKET_CLASSES.indexOf(expected.verdict === 'TAG' ? 'PASS' : expected.verdict),
    score: expected.score,
    values: expected.outputs?.[name!] ?? [],
  };
}

/** What outputs for tensors say, of either side. */
export function tensorScored(outputs: Readonly<Record<string, Float64Array>>, meta: ProgramMeta | undefined): Scored {
  const { index, values } = classOf(outputs, meta, cutOf(meta?.model.nodes ?? []));
  return { verdict: index, score: Number.NaN, values };
}

/** Runs packets through the program and, if there is one, the reference. Disagreement means another verdict. No batch is kept. */
export async function replayPackets(
  batches: AsyncIterable<TimedPackets> | Iterable<TimedPackets>,
  runner: Runner,
  options: ReplayOptions = {},
): Promise<ReplaySummary> {
  const tally = new Tally();
  const beside = options.reference ? new PacketsBeside(options.reference, options.near ?? DEFAULT_NEAR) : null;
  for await (const { packets, times } of batches) {
    for (const [at, packet] of packets.entries()) {
      const timeNs = times?.[at];
      const running = tally.run(() => runner.runPacket(packet, timeNs), options);
      // Millions of packets do not wait for what is there already.
      const outcome = running instanceof Promise ? await running : running;
      tally.count(actionName(outcome.returnValue));
      const mine = packetScored(outcome);
      const theirs = beside ? await beside.compare(packet, timeNs, outcome, mine) : null;
      options.onScored?.(tally.events - 1, mine, theirs);
    }
  }
  return tally.summary(beside?.comparison.result() ?? null, beside?.maxScoreError ?? null);
}

/** ONNX Runtime on the packets of a replay. */
class PacketsBeside {
  readonly comparison: Comparison;
  maxScoreError: number | null = null;
  readonly #reference: ReferenceRunner;

  constructor(reference: ReferenceRunner, near: number) {
    this.#reference = reference;
    this.comparison = new Comparison(PACKET_CLASSES, near);
  }

  async compare(packet: Uint8Array, timeNs: number | undefined, outcome: Outcome, mine: Scored): Promise<Scored> {
    const expected = await this.#reference.runPacket(packet, timeNs);
    const theirs = referenceScored(expected);
    const scoreError = Math.abs(expected.score - mine.score);
    if (!Number.isNaN(scoreError)) this.maxScoreError = Math.max(this.maxScoreError ?? 0, scoreError);
    const bothRan = expected.outputs && outcome.outputs;
    this.comparison.add({
      reference: theirs.verdict,
      actual: Math.max(0, PACKET_CLASSES.indexOf(actionName(outcome.returnValue))),
      margin: expected.margin,
      referenceValues: bothRan ? theirs.values : [],
      actualValues: bothRan ? mine.values : [],
    });
    return theirs;
  }
}

/** What a model's outputs say about the class: a label that the model chooses itself, and scores. */
function classOf(outputs: Readonly<Record<string, Float64Array>>, meta: ProgramMeta | undefined, cut: number) {
  const slots = meta?.outputs ?? [];
  const label = slots.find(({ name, classes }) => classes && outputs[name] && classes.every((c) => typeof c === 'number'));
  const scores = slots.find(({ name, classes }) => !classes && outputs[name])?.name ?? (label ? undefined : Object.keys(outputs)[0]);
  const values = (scores === undefined ? undefined : outputs[scores]) ?? new Float64Array();
  const chosen = chooseClass(values, cut);
  if (!label) return { index: chosen.index, margin: chosen.margin, values, classes: values.length };
  const classes = label.classes as readonly number[];
  return { index: Math.max(0, classes.indexOf(outputs[label.name]![0]!)), margin: chosen.margin, values, classes: classes.length };
}

/**
 * Runs tensors through the program and, if there is one, the reference. Disagreement means another label where the model gives one, else
 * another argmax of the first output.
 */
export async function replayTensors(samples: Iterable<Tensors>, runner: Runner, options: ReplayOptions = {}): Promise<ReplaySummary> {
  const tally = new Tally();
  let comparison: Comparison | null = null;
  const cut = cutOf(runner.meta?.model.nodes ?? []);
  for (const sample of samples) {
    const running = tally.run(() => runner.runTensors(sample), options);
    const outcome = running instanceof Promise ? await running : running;
    const chosen = classOf(outcome.outputs ?? {}, runner.meta, cut);
    tally.count(`class ${chosen.index}`);
    const mine: Scored = { verdict: chosen.index, score: Number.NaN, values: chosen.values };
    if (!options.reference) {
      options.onScored?.(tally.events - 1, mine, null);
      continue;
    }
    const expected = classOf(await options.reference.runTensors(sample), runner.meta, cut);
    const classes = Array.from({ length: Math.max(2, expected.classes) }, (_, i) => `class ${i}`);
    options.onScored?.(tally.events - 1, mine, { verdict: expected.index, score: Number.NaN, values: expected.values });
    comparison ??= new Comparison(classes, options.near ?? DEFAULT_NEAR);
    comparison.add({
      reference: expected.index,
      actual: chosen.index,
      margin: expected.margin,
      referenceValues: expected.values,
      actualValues: chosen.values,
    });
  }
  return tally.summary(comparison?.result() ?? null, null);
}

class Tally {
  #events = 0;
  #ms = 0;
  #rested = performance.now();
  readonly #verdicts: Record<string, number> = {};

  get events(): number {
    return this.#events;
  }

  run(work: () => Outcome | Promise<Outcome>, options: ReplayOptions): Outcome | Promise<Outcome> {
    const before = performance.now();
    const outcome = work();
    if (outcome instanceof Promise) return outcome.then((value) => this.#ran(value, performance.now() - before, options));
    return this.#ran(outcome, performance.now() - before, options);
  }

  #ran(outcome: Outcome, ms: number, options: ReplayOptions): Outcome | Promise<Outcome> {
    this.#ms += ms;
    options.onEvent?.(this.#events, outcome);
    this.#events++;
    options.progress?.report('replaying', this.#events, 0);
    // Long work hears "stop" only when it lets messages in.
    return options.progress && performance.now() - this.#rested > 10 ? this.#rest(outcome, options.progress) : outcome;
  }

  async #rest(outcome: Outcome, progress: Progress): Promise<Outcome> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#rested = performance.now();
    if (progress.cancelled) throw new Cancelled();
    return outcome;
  }

  count(verdict: string): void {
    this.#verdicts[verdict] = (this.#verdicts[verdict] ?? 0) + 1;
  }

  summary(comparison: ComparisonResult | null, maxScoreError: number | null): ReplaySummary {
    const eventsPerSecond = this.#ms > 0 ? (this.#events / this.#ms) * 1000 : 0;
    return { events: this.#events, verdicts: this.#verdicts, comparison, maxScoreError, eventsPerSecond };
  }
}
