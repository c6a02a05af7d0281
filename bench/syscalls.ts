/**
 * `npm run long syscalls MODEL.onnx TRACES CALIBRATION [FOLD]`: held-out traces of samples/syscalls (`trace.py TRACES --first 1000 --seeds 6`) through the compiled program:
 * precision and recall by window and by trace, of the kinds of work that training saw and of those that it did not, and agreement with ONNX Runtime.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODEL_OPTIONS, parse as parseArgs } from '../src/cli/args.ts';
import { compileModel } from '../src/cli/model.ts';
import { createReference } from '../src/reference/reference.ts';
import { ReferenceRunner } from '../src/replay/reference-runner.ts';
import { ModelRunner } from '../src/replay/runner.ts';
import { type CallVerdict, replayCalls } from '../src/replay/syscalls.ts';
import { readCalls, type SystemCall } from '../src/traces/syscalls/calls.ts';
import { callNumber } from '../src/traces/syscalls/numbers.ts';
// Hash maps are among the machine's parts that load on demand.
import '../src/vm/vm.ts';

const BINDING = fileURLToPath(new URL('../public/samples/syscalls/binding.json', import.meta.url));
const GETPGID = callNumber('getpgid')!;
const EXECVE = callNumber('execve')!;
/** Windows that reach less into the work are of neither kind. */
const REACH = 8;
/** A trace is called abnormal when so many verdicts on one process are TAG, one behind the other. */
const ALARM = 4;
/** As in train.py: every third kind, in alphabetical order. */
const heldOut = (kinds: readonly string[], fold: number): string[] => [...kinds].sort().filter((_, i) => i % 3 === fold);

interface Tally {
  tp: number;
  fp: number;
  fn: number;
  tn: number;
}
const tally = (): Tally => ({ tp: 0, fp: 0, fn: 0, tn: 0 });
const add = (into: Tally, label: boolean, said: boolean) => into[label ? (said ? 'tp' : 'fn') : said ? 'fp' : 'tn']++;
const rates = ({ tp, fp, fn, tn }: Tally) => ({
  tp,
  fp,
  fn,
  tn,
  precision: tp / (tp + fp),
  recall: tp / (tp + fn),
  falseAlarms: fp / (fp + tn),
});

/** Calls of a trace without its marks, and for each where it stands: before the work, in it, or nowhere that is judged. */
function judged(file: string, text: string): { calls: SystemCall[]; stands: ('before' | 'work' | 'out')[] } {
  const lines = text.split('\n');
  const abnormal = file.startsWith('abnormal');
  const within = new Map<number, number>();
  const over = new Set<number>();
  const calls: SystemCall[] = [];
  const stands: ('before' | 'work' | 'out')[] = [];
  let begun = false;
  for (const call of readCalls(text, file).calls) {
    const mark = call.nr === GETPGID ? /getpgid\((42424[23])/.exec(lines[call.line - 1]!)?.[1] : undefined;
    if (mark === '424242') begun = true;
    if (mark === '424243') over.add(call.pid);
    if (mark) continue;
    const made = (within.get(call.pid) ?? 0) + (begun ? 1 : 0);
    within.set(call.pid, made);
    // Programs that abnormal work executes are not abnormal themselves: a shell is a shell.
    if (abnormal && begun && call.nr === EXECVE) over.add(call.pid);
    calls.push(call);
    stands.push(made === 0 ? 'before' : over.has(call.pid) || made < REACH ? 'out' : 'work');
  }
  return { calls, stands };
}

export default async function measure([model, traces, calibration, fold = '0']: string[]): Promise<object> {
  if (!model || !traces || !calibration) throw new Error('npm run long syscalls MODEL.onnx TRACES CALIBRATION.strace [FOLD]');
  const built = await compileModel(model, parseArgs(['--binding', BINDING, '--dim', 'batch=1', '--calibrate', calibration], MODEL_OPTIONS));
  const { program, meta } = built.compiled;
  const reference = new ReferenceRunner(await createReference(built.bytes, { fileName: built.file }), built.model, built.fitted);
  const files = readdirSync(traces).filter((name) => name.endsWith('.strace'));
  const kindOf = (file: string): string => basename(file).split('-')[1]!;
  const kindsOf = (label: string): string[] => [...new Set(files.filter((file) => file.startsWith(label)).map(kindOf))];
  const unseen = new Set(['everyday', 'abnormal'].flatMap((label) => heldOut(kindsOf(label), Number(fold))));
  const sides = { seen: { windows: tally(), traces: tally() }, unseen: { windows: tally(), traces: tally() } };
  const before = { windows: 0, tagged: 0 };
  const kinds: Record<string, { seen: boolean; windows: number; tagged: number; traces: number; alarms: number }> = {};
  let [events, agreed, count, engines] = [0, 0, 0, 0];
  for (const file of files) {
    const { calls, stands } = judged(file, readFileSync(join(traces, file), 'utf8'));
    const abnormal = file.startsWith('abnormal');
    const seen = !unseen.has(kindOf(file));
    const side = sides[seen ? 'seen' : 'unseen'];
    const name = `${abnormal ? 'abnormal' : 'everyday'} ${kindOf(file)}`;
    kinds[name] ??= { seen, windows: 0, tagged: 0, traces: 0, alarms: 0 };
    const kind = kinds[name]!;
    const verdicts: CallVerdict[] = [];
    const beside = { reference, fitted: built.fitted!, model: built.model };
    const summary = await replayCalls(calls, new ModelRunner(program, meta), beside, { onVerdict: (verdict) => verdicts.push(verdict) });
    if (engines++ < 3) {
      const again: CallVerdict[] = [];
      await replayCalls(calls, new ModelRunner(program, meta, 'interp'), undefined, { onVerdict: (verdict) => again.push(verdict) });
      if (JSON.stringify(again) !== JSON.stringify(verdicts)) throw new Error(`${file}: the engines differ`);
    }
    const inRow = new Map<number, number>();
    let alarm = false;
    for (const { index, call, verdict } of verdicts) {
      const tagged = verdict === 'TAG';
      const stand = stands[index]!;
      if (stand === 'before') {
        before.windows++;
        if (tagged) before.tagged++;
      }
      if (stand !== 'work') continue;
      add(side.windows, abnormal, tagged);
      kind.windows++;
      if (tagged) kind.tagged++;
      inRow.set(call.pid, tagged ? (inRow.get(call.pid) ?? 0) + 1 : 0);
      if (inRow.get(call.pid)! >= ALARM) alarm = true;
    }
    add(side.traces, abnormal, alarm);
    kind.traces++;
    if (alarm) kind.alarms++;
    count += calls.length;
    events += summary.comparison!.events;
    agreed += summary.comparison!.agreed;
  }
  await reference.release();
  return {
    traces: files.length,
    calls: count,
    seen: { windows: rates(sides.seen.windows), traces: rates(sides.seen.traces) },
    unseen: { windows: rates(sides.unseen.windows), traces: rates(sides.unseen.traces) },
    alarmAt: ALARM,
    beforeTheWork: before,
    decisions: events,
    agreement: agreed / events,
    insns: program.insns.length,
    kinds,
  };
}
