import { InputError } from '../../base/errors.ts';
import { KernelRunner } from '../../companion/kernel-runner.ts';
import { ModelRunner } from '../../replay/runner.ts';
import { choice, ENGINES, MODEL_OPTIONS, parse, pictureScaling, share } from '../args.ts';
import { print, printJson } from '../io.ts';
import type { Verb } from '../main.ts';
import { compileModel, type Events, eventCount, readEvents } from '../model.ts';
import { openObject } from '../object.ts';
import { replayAlone, replayBeside } from '../replay.ts';
import { Detector, withoutCurves, writeReport } from '../run-report.ts';

const isModel = (path: string): boolean => /\.onnx$/i.test(path);

const REPLAY_OPTIONS = {
  compare: 'string',
  engine: 'string',
  program: 'string',
  labels: 'string',
  class: 'string',
  report: 'string',
  baseline: 'string',
  filter: 'string',
} as const;

/** `replay MODEL.onnx|FILE.o TRACE`. With `--compare ort`, status 1 when agreement is below `--min-agreement`. */
export const replayVerb: Verb = async (argv) => {
  const args = parse(argv, { ...MODEL_OPTIONS, ...REPLAY_OPTIONS });
  if (args.positionals.length !== 2) throw new InputError('takes a model or an object, and a trace', 'arguments');
  const [path, trace] = args.positionals;
  const compare = choice(args, 'compare', ['none', 'ort'] as const, 'none') === 'ort';
  const minAgreement = share(args, 'min-agreement', 0.995);
  const engine = choice(args, 'engine', ENGINES, 'wasm');
  if (!isModel(path) && compare)
    throw new InputError('an object does not hold its model, so there is nothing to compare with', path, 'Give the .onnx file');
  const loaded = isModel(path) ? await compileModel(path, args) : null;
  const built = loaded ?? openObject(path, args.string('program'));
  const events: Events = await readEvents(trace, built, { scaling: pictureScaling(args), filter: args.string('filter') });
  const { program, meta } = built.compiled;
  const labels = args.string('labels');
  const report = args.string('report');
  if (labels === undefined && args.string('class') !== undefined)
    throw new InputError('--class says what --labels are to judge: give them too', 'arguments');
  if (report === undefined && args.string('baseline') !== undefined)
    throw new InputError('--baseline stands in a report: give --report too', 'arguments');
  const count = eventCount(events);
  const wanted = args.string('class') === undefined ? null : args.count('class', 0, 0);
  const detector = labels === undefined ? null : new Detector(labels, count, { binding: built.binding, meta }, wanted);
  const scored = detector ? { onScored: detector.take } : {};
  const runner = engine === 'kernel' ? await KernelRunner.open(program, meta) : new ModelRunner(program, meta, engine);
  try {
    const summary = compare && loaded ? await replayBeside(loaded, events, runner, scored) : await replayAlone(events, runner, scored);
    const { comparison } = summary;
    const detection = detector?.record() ?? null;
    if (report !== undefined) {
      const ran = { model: path, trace, engine, binding: built.binding, built: built.compiled, summary, detection };
      writeReport(report, ran, args.string('baseline'));
    }
    const result = {
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
    if (args.flag('json')) printJson(result);
    else {
      print(
        `${result.events} events: ${Object.entries(result.verdicts)
          .map(([verdict, n]) => `${verdict} ${n}`)
          .join(', ')}; ${Math.round(result.eventsPerSecond)} a second`,
      );
      if (comparison) {
        print(
          `agreement with ONNX Runtime ${((comparison.agreement ?? 0) * 100).toFixed(2)} %, max |Δ| ${comparison.maxAbsError.toPrecision(3)}`,
        );
        for (const { name, events: n, agreed } of result.classes!) print(`  ${name}: ${agreed} of ${n}`);
        const { margin, events: near, disagreed } = comparison.nearTies;
        print(`  within ${margin} of a tie: ${near} events, ${disagreed} of the ${comparison.events - comparison.agreed} disagreements`);
      }
    }
    if (detection && !args.flag('json')) {
      const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(2)} %`);
      const { precision, recall, area } = detection.program;
      print(
        `class ${detection.class} at ${detection.threshold}: precision ${share(precision)}, recall ${share(recall)}, area under the curve ${area?.toFixed(4) ?? '–'}`,
      );
    }
    return !comparison || (comparison.agreement ?? 0) >= minAgreement ? 0 : 1;
  } finally {
    if (runner instanceof KernelRunner) runner.close();
  }
};
