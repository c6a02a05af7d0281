/**
 * `npm run long syscalls MODEL.onnx TRACES [CALIBRATION…]`: held-out traces of samples/syscalls (`trace.py TRACES --first 1000 --seeds 4`) through the compiled program: precision and
 * recall by window and by trace, agreement with ONNX Runtime.
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
import { readCalls } from '../src/traces/syscalls/calls.ts';
import { callNumber } from '../src/traces/syscalls/numbers.ts';
// Hash maps are among the machine's parts that load on demand.
import '../src/vm/vm.ts';

const BINDING = fileURLToPath(new URL('../samples/syscalls/binding.json', import.meta.url));
/** samples/syscalls/work.py calls it where its work begins. */
const MARK = callNumber('getpgid')!;
const EXECVE = callNumber('execve')!;
/** Windows that reach less into the work are of neither kind. */
const REACH = 8;
/** A trace is called abnormal when so many windows of it are tagged. */
const ALARM = 3;

interface Tally {
  tp: number;
  fp: number;
  fn: number;
  tn: number;
}
const add = (tally: Tally, label: boolean, said: boolean) => tally[label ? (said ? 'tp' : 'fn') : said ? 'fp' : 'tn']++;
const rates = ({ tp, fp, fn, tn }: Tally) => ({ tp, fp, fn, tn, precision: tp / (tp + fp), recall: tp / (tp + fn) });

export default async function measure([model, traces, calibration]: string[]): Promise<object> {
  if (!model || !traces || !calibration) throw new Error('npm run long syscalls MODEL.onnx TRACES CALIBRATION.strace');
  const built = await compileModel(model, parseArgs(['--binding', BINDING, '--dim', 'batch=1', '--calibrate', calibration], MODEL_OPTIONS));
  const { program, meta } = built.compiled;
  const reference = new ReferenceRunner(await createReference(built.bytes, { fileName: built.file }), built.model, built.fitted);
  const windows: Tally = { tp: 0, fp: 0, fn: 0, tn: 0 };
  const wholes: Tally = { tp: 0, fp: 0, fn: 0, tn: 0 };
  const kinds: Record<string, { windows: number; tagged: number }> = {};
  let [events, agreed, calls, engines] = [0, 0, 0, 0];
  for (const file of readdirSync(traces).filter((name) => name.endsWith('.strace'))) {
    const trace = readCalls(readFileSync(join(traces, file), 'utf8'), file);
    const abnormal = file.startsWith('abnormal');
    const begins = trace.calls.findIndex(({ nr }) => nr === MARK);
    const within = new Map<number, number>();
    // Programs that abnormal work executes are not abnormal themselves: a shell is a shell.
    const executed = new Set<number>();
    const reach = trace.calls.map(({ pid, nr }, i) => {
      if (abnormal && i >= begins && nr === EXECVE) executed.add(pid);
      const made = (within.get(pid) ?? 0) + (i >= begins ? 1 : 0);
      within.set(pid, made);
      return executed.has(pid) ? Math.min(1, made) : made;
    });
    let tagged = 0;
    const name = basename(file).replace(/-\d+\.strace$/, '');
    kinds[name] ??= { windows: 0, tagged: 0 };
    const kind = kinds[name]!;
    const verdicts: CallVerdict[] = [];
    const beside = { reference, fitted: built.fitted!, model: built.model };
    const summary = await replayCalls(trace.calls, new ModelRunner(program, meta), beside, {
      onVerdict: (verdict) => verdicts.push(verdict),
    });
    const again: CallVerdict[] = [];
    if (engines++ < 3) {
      await replayCalls(trace.calls, new ModelRunner(program, meta, 'interp'), undefined, { onVerdict: (verdict) => again.push(verdict) });
      if (JSON.stringify(again) !== JSON.stringify(verdicts)) throw new Error(`${file}: the engines differ`);
    }
    for (const { index, verdict } of verdicts) {
      const label = abnormal && reach[index]! > 0;
      if (label && reach[index]! < REACH) continue;
      add(windows, label, verdict === 'TAG');
      if (verdict === 'TAG') tagged++;
      if (reach[index]! >= REACH) {
        kind.windows++;
        if (verdict === 'TAG') kind.tagged++;
      }
    }
    add(wholes, abnormal, tagged >= ALARM);
    calls += summary.events;
    events += summary.comparison!.events;
    agreed += summary.comparison!.agreed;
  }
  await reference.release();
  return {
    calls,
    byWindow: rates(windows),
    byTrace: { ...rates(wholes), alarmAt: ALARM },
    agreement: agreed / events,
    decisions: events,
    kinds,
  };
}
