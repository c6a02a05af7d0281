import { parseConformanceCases, runConformanceCase } from '../../vm/conformance.ts';
import { choice, onlyPositional, parse } from '../args.ts';
import { print, printJson, readText, tell, within } from '../io.ts';
import type { Verb } from '../main.ts';

/** `conformance CASES.jsonl`: the instruction-set suite on the engine. Status 1 when a case fails. */
export const conformanceVerb: Verb = (argv) => {
  const args = parse(argv, { engine: 'string', jsonl: 'boolean' });
  const engine = choice(args, 'engine', ['interp', 'wasm'] as const, 'interp');
  const path = onlyPositional(args, 'one file of cases');
  const cases = within(path, () => parseConformanceCases(readText(path)));
  const results = cases.map((testCase) => runConformanceCase(testCase, engine));
  const failed = results.filter((result) => !result.ok);
  if (args.flag('jsonl')) for (const { name, result, ok } of results) printJson({ name, result, ok });
  else for (const { name, result } of failed) print(`✕ ${name}: ${result}`);
  tell(`${results.length - failed.length} of ${results.length} cases pass`);
  return failed.length === 0 ? 0 : 1;
};
