import { parseCases } from '../../verifier/corpus.ts';
import { parseConformanceCases, runConformanceCase } from '../../vm/conformance.ts';
import { runRetvals } from '../../vm/retvals.ts';
import { choice, onlyPositional, parse } from '../args.ts';
import { print, printJson, readText, tell, within } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';

/** `conformance CASES.jsonl`: the instruction-set suite, or the return values of verifier cases, on the engine. Status 1 when a case fails. */
export const conformanceVerb: Verb = (argv) => {
  const args = parse(argv, { engine: 'string', jsonl: 'boolean' });
  const engine = choice(args, 'engine', ['interp', 'wasm'] as const, 'interp');
  const path = onlyPositional(args, 'one file of cases');
  const text = readText(path);
  if (/^\s*\{[^\n]*"prog_type"/.test(text)) return returnValues(text, path, engine, args.flag('jsonl'));
  const cases = within(path, () => parseConformanceCases(text));
  const results = cases.map((testCase) => runConformanceCase(testCase, engine));
  const failed = results.filter((result) => !result.ok);
  if (args.flag('jsonl')) for (const { name, result, ok } of results) printJson({ name, result, ok });
  else for (const { name, result } of failed) print(`✕ ${name}: ${result}`);
  tell(`${results.length - failed.length} of ${results.length} cases pass`);
  return failed.length === 0 ? 0 : 1;
};

/** Cases of the verifier corpus: those that state what a test run returned. `ok` is null where there is nothing to compare with. */
function returnValues(text: string, path: string, engine: 'interp' | 'wasm', jsonl: boolean): ExitStatus {
  const cases = within(path, () => parseCases(text)).filter((test) => test.retvals.length > 0);
  const counts = { equal: 0, different: 0, incomparable: 0, refused: 0 };
  for (const test of cases) {
    const outcome = runRetvals(test, engine);
    counts[outcome.kind]++;
    const result = 'why' in outcome ? outcome.why : `0x${outcome.got.toString(16)}`;
    const ok = outcome.kind === 'equal' ? true : outcome.kind === 'incomparable' ? null : false;
    if (jsonl) printJson({ name: test.descr, result, ok });
    else if (outcome.kind === 'different') print(`✕ ${test.descr}: ${result}, not 0x${outcome.expected.toString(16)}`);
    else if (outcome.kind === 'refused') print(`✕ ${test.descr}: ${result}`);
  }
  const { equal, different, incomparable, refused } = counts;
  tell(
    `${equal} of ${cases.length} cases return what they state; ${different} differ, ${incomparable} state nothing comparable, ${refused} cannot run here`,
  );
  return different + refused === 0 ? 0 : 1;
}
