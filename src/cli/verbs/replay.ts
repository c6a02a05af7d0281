import { InputError } from '../../base/errors.ts';
import { KernelRunner } from '../../companion/kernel-runner.ts';
import type { Difference } from '../../replay/ab.ts';
import { type AbRecord, abRecord, compareAll } from '../../replay/ab-record.ts';
import type { ReplaySummary, Runner, Scored } from '../../replay/replay.ts';
import type { DetectionRecord, RunRecord } from '../../replay/run-record.ts';
import { type Scores, valuesAt } from '../../replay/scores.ts';
import { readLabels } from '../../traces/labels.ts';
import { type Args, choice, ENGINES, type Engine, KERNELS, MODEL_OPTIONS, parse, pictureScaling, share } from '../args.ts';
import { print, printJson, readInput } from '../io.ts';
import type { Verb } from '../main.ts';
import { type Events, eventCount, readEvents } from '../model.ts';
import { replayAlone, replayBeside } from '../replay.ts';
import { type BothRan, runBoth, summaryOf } from '../replay-against.ts';
import { Detector, isPage, runRecord, withoutCurves, writeComparison, writeReport } from '../run-report.ts';
import { isModel, openSide, runnerOf, type Side } from '../sides.ts';

/** Options of the second program, which otherwise takes those of the first. */
const SECOND = ['quant', 'strategy', 'kernel', 'calibration', 'binding', 'program'] as const;

const REPLAY_OPTIONS = {
  compare: 'string',
  engine: 'string',
  program: 'string',
  labels: 'string',
  class: 'string',
  report: 'string',
  baseline: 'string',
  filter: 'string',
  against: 'string',
  differing: 'string',
  'against-specialise': 'boolean',
  ...(Object.fromEntries(SECOND.map((name) => [`against-${name}`, 'string'])) as Record<`against-${(typeof SECOND)[number]}`, 'string'>),
} as const;

/** Events that differ, as they are listed at the most. */
const MOST_DIFFERING = 100;

/** The second program's arguments: its own where they are given. */
const secondArgs = (args: Args): Args => ({
  ...args,
  string: (name) => args.string(`against-${name}`) ?? args.string(name),
  flag: (name) => (name === 'specialise' ? args.flag('against-specialise') || args.flag(name) : args.flag(name)),
});

interface Replayed {
  readonly summary: ReplaySummary;
  readonly detection: DetectionRecord | null;
}

interface Job {
  readonly args: Args;
  readonly trace: string;
  readonly engine: Engine;
  /** Whether ONNX Runtime runs beside. */
  readonly compare: boolean;
}

const eventsOf = (args: Args, trace: string, side: Side): Promise<Events> =>
  readEvents(trace, side, { scaling: pictureScaling(args), filter: args.string('filter') });

function detectorOf(args: Args, count: number, side: Side): Detector | null {
  const labels = args.string('labels');
  const wanted = args.string('class') === undefined ? null : args.count('class', 0, 0);
  return labels === undefined ? null : new Detector(labels, count, side, wanted);
}

/** Closes what holds something of the kernel. */
function close(...runners: readonly Runner[]): void {
  for (const runner of runners) if (runner instanceof KernelRunner) runner.close();
}

async function replayOne({ args, trace, engine, compare }: Job, side: Side): Promise<Replayed> {
  const events = await eventsOf(args, trace, side);
  const detector = detectorOf(args, eventCount(events), side);
  const runner = await runnerOf(side, engine);
  try {
    const scored = detector ? { onScored: detector.take } : {};
    const { loaded } = side;
    const summary = compare && loaded ? await replayBeside(loaded, events, runner, scored) : await replayAlone(events, runner, scored);
    return { summary, detection: detector?.record() ?? null };
  } finally {
    close(runner);
  }
}

interface Both {
  readonly replayed: { readonly a: Replayed; readonly b: Replayed };
  readonly record: (runs: { readonly a: RunRecord; readonly b: RunRecord }) => AbRecord;
}

/** Runs the trace through both programs, stretch by stretch in turns. */
async function replayBoth({ args, trace, engine, compare }: Job, a: Side, b: Side): Promise<Both> {
  const other = secondArgs(args);
  const [eventsA, eventsB] = [await eventsOf(args, trace, a), await eventsOf(other, trace, b)];
  const count = eventCount(eventsA);
  const path = args.string('labels');
  const labels = path === undefined ? null : readLabels(readInput(path), path, count);
  const [runnerA, runnerB] = [await runnerOf(a, engine), await runnerOf(b, engine)];
  try {
    const ran = await runBoth({ side: a, events: eventsA, runner: runnerA }, { side: b, events: eventsB, runner: runnerB }, compare);
    const { kind, times, ...sides } = ran;
    const compared = compareAll({ kind, ...sides, labels });
    const most = args.count('differing', MOST_DIFFERING, 0);
    return {
      replayed: { a: replayedOf(args, a, ran, 'a'), b: replayedOf(other, b, ran, 'b') },
      record: (runs) => abRecord({ kind, sides, labels, ...compared, runs, times, most }),
    };
  } finally {
    close(runnerA, runnerB);
  }
}

function replayedOf(args: Args, side: Side, ran: BothRan, which: 'a' | 'b'): Replayed {
  const { scores, reference } = ran[which];
  // A program of other people's gives verdicts, which labels judge; there is no score to move a threshold along.
  const detector = side.binding ? detectorOf(args, scores.done, side) : null;
  if (detector) for (let at = 0; at < scores.done; at++) detector.take(at, scoredAt(scores, at), reference && scoredAt(reference, at));
  return { summary: summaryOf(ran.kind, ran[which], ran.times?.[which] ?? null), detection: detector?.record() ?? null };
}

const scoredAt = (scores: Scores, at: number): Scored => ({
  verdict: scores.verdict[at]!,
  score: scores.score[at]!,
  values: valuesAt(scores, at),
});

/** What a program's replay comes to, for `--json`. */
function answerOf({ summary, detection }: Replayed) {
  const { comparison } = summary;
  return {
    events: summary.events,
    verdicts: summary.verdicts,
    agreement: comparison?.agreement ?? null,
    maxAbsError: comparison?.maxAbsError ?? null,
    maxScoreError: summary.maxScoreError,
    eventsPerSecond: summary.eventsPerSecond,
    classes: comparison?.classes.filter(({ events: n }) => n > 0) ?? null,
    nearTies: comparison?.nearTies ?? null,
    ...(detection ? { detection: withoutCurves(detection) } : {}),
  };
}

const percent = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(2)} %`);

/** For people. */
function tellReplay({ summary, detection }: Replayed): void {
  const { comparison, events, verdicts, eventsPerSecond } = summary;
  const counted = Object.entries(verdicts).map(([verdict, n]) => `${verdict} ${n}`);
  print(`${events} events: ${counted.join(', ')}; ${Math.round(eventsPerSecond)} a second`);
  if (comparison) {
    print(`agreement with ONNX Runtime ${percent(comparison.agreement ?? 0)}, max |Δ| ${comparison.maxAbsError.toPrecision(3)}`);
    for (const { name, events: n, agreed } of comparison.classes) if (n > 0) print(`  ${name}: ${agreed} of ${n}`);
    const { margin, events: near, disagreed } = comparison.nearTies;
    print(`  within ${margin} of a tie: ${near} events, ${disagreed} of the ${comparison.events - comparison.agreed} disagreements`);
  }
  if (detection) {
    const { precision, recall, area } = detection.program;
    print(
      `class ${detection.class} at ${detection.threshold}: precision ${percent(precision)}, recall ${percent(recall)}, area under the curve ${area?.toFixed(4) ?? '–'}`,
    );
  }
}

/** `replay MODEL.onnx|FILE.o TRACE`. With `--compare ort`, status 1 when agreement is below `--min-agreement`. */
export const replayVerb: Verb = async (argv) => {
  const args = parse(argv, { ...MODEL_OPTIONS, ...REPLAY_OPTIONS });
  if (args.positionals.length !== 2) throw new InputError('takes a model or an object, and a trace', 'arguments');
  const [path, trace] = args.positionals;
  const compare = choice(args, 'compare', ['none', 'ort'] as const, 'none') === 'ort';
  const minAgreement = share(args, 'min-agreement', 0.995);
  const engine = choice(args, 'engine', ENGINES, 'wasm');
  const report = args.string('report');
  checkOptions(args, path, compare);
  if (report !== undefined) isPage(report);
  const second = args.string('against') ?? (hasSecond(args) ? path : undefined);
  const job: Job = { args, trace, engine, compare };
  const side = await openSide(path, args);
  const kernel = choice(args, 'kernel', KERNELS, '6.18');
  const restore = { command: commandOf(argv) };
  const runOf = (of: Side, { summary, detection }: Replayed): RunRecord =>
    runRecord({ side: of, trace, engine, summary, detection }, kernel);
  const agrees = ({ summary: { comparison } }: Replayed) => !comparison || (comparison.agreement ?? 0) >= minAgreement;
  if (second === undefined) {
    const replayed = await replayOne(job, side);
    if (report !== undefined) writeReport(report, runOf(side, replayed), args.string('baseline'), restore);
    if (args.flag('json')) printJson(answerOf(replayed));
    else tellReplay(replayed);
    return agrees(replayed) ? 0 : 1;
  }
  const other = await openSide(second, secondArgs(args));
  const { replayed, record } = await replayBoth(job, side, other);
  const made = record({ a: runOf(side, replayed.a), b: runOf(other, replayed.b) });
  if (report !== undefined) writeComparison(report, made, restore);
  if (args.flag('json')) printJson({ ...answerOf(replayed.a), ...costOf(made.a), against: againstOf(made, replayed.b) });
  else {
    tellReplay(replayed.a);
    print(`against ${made.b.model} (${settingsOf(made.b)}):`);
    tellReplay(replayed.b);
    tellBoth(made);
  }
  return agrees(replayed.a) ? 0 : 1;
};

const hasSecond = (args: Args): boolean =>
  args.flag('against-specialise') || SECOND.some((name) => args.string(`against-${name}`) !== undefined);

function checkOptions(args: Args, path: string, compare: boolean): void {
  const given = (name: string) => args.string(name) !== undefined;
  if (!isModel(path) && compare)
    throw new InputError('an object does not hold its model, so there is nothing to compare with', path, 'Give the .onnx file');
  if (given('class') && !given('labels')) throw new InputError('--class says what --labels are to judge: give them too', 'arguments');
  if (given('baseline') && !given('report')) throw new InputError('--baseline stands in a report: give --report too', 'arguments');
  const both = given('against') || hasSecond(args);
  if (both && given('baseline')) throw new InputError('a report holds a baseline or a second program, not both', '--baseline');
  if (!both && given('differing')) throw new InputError('--differing says how many events are listed: give --against too', 'arguments');
}

const settingsOf = ({ settings: { quant, strategy, kernel } }: RunRecord): string => `${quant}, ${strategy}, ${kernel}`;

const costOf = ({ insns, processed }: RunRecord) => ({ insns, processed });

function againstOf({ a: _a, b, format: _format, version: _version, at: _at, ...comparison }: AbRecord, replayed: Replayed) {
  return { model: b.model, settings: b.settings, ...costOf(b), ...answerOf(replayed), comparison };
}

/** How the two differ, for people. */
function tellBoth({ a, b, events, same, differs, pairs, times, differing }: AbRecord): void {
  print(`the two decide alike on ${same} of ${events} events`);
  for (const [what, one] of [
    ['as ONNX Runtime has it', pairs.reference],
    ['as the labels have it', pairs.labels],
  ] as const) {
    if (!one) continue;
    print(
      `  ${what}: both right ${one.both}, only the first ${one.onlyA}, only the second ${one.onlyB}, both wrong ${one.neither}; exact McNemar p ${one.p.toPrecision(3)}`,
    );
  }
  print(`  instructions ${a.insns} and ${b.insns}, processed ${a.processed} and ${b.processed}`);
  if (times)
    print(
      `  ns an event ${Math.round(times.a)} and ${Math.round(times.b)}, second to first ${times.ratio.toFixed(3)} (in turns, middle of ${times.stretches} stretches)`,
    );
  for (const one of differing) {
    const say = ({ verdict, score }: Difference['a']) => (score === null ? verdict : `${verdict} ${score.toFixed(4)}`);
    const rest = [...(one.reference ? [`reference ${say(one.reference)}`] : []), ...(one.label === null ? [] : [`label ${one.label}`])];
    print(`  event ${one.event + 1}: ${[say(one.a), say(one.b), ...rest].join(' · ')}`);
  }
  if (differs > differing.length) print(`  and ${differs - differing.length} more`);
}

/** The call as it can be typed again. */
const commandOf = (argv: readonly string[]): string =>
  ['bpformer replay', ...argv.map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))].join(' ');
