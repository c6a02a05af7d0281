/**
 * How many rejected cases an offered edit mends, judged by this machine's kernel:
 * `BPFORMER_CORPUS=FOLDER npm run long quickfix [-- --verbose]`, with FOLDER/verifier-raw.jsonl. An edit counts only if the kernel accepts the
 * result, a test run still gets to the refused instruction, it changes at most six instructions, and, where the corpus has the
 * case repaired by hand, both give the same results on 1,000 inputs. Cases of kernel functions, of attach points and of
 * maps whose values hold kernel pointers or timers are left out, because loading them needs more than the program.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OP_CALL, PSEUDO_KFUNC_CALL } from '../src/bpf/insn.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { VerifyOptions } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { type ExplanationClass, explain } from '../src/verifier/explain/explain.ts';
import { MAX_EDIT } from '../src/verifier/explain/fixes.ts';
import { verify } from '../src/verifier/verify.ts';
import { plainInputs, randomInputs } from './quickfix/inputs.ts';
import { load } from './quickfix/load.ts';
import { reach } from './quickfix/reach.ts';
import { compare, twinOf } from './quickfix/twins.ts';

/** The classes for which edits are meant to exist. */
const FIXABLE: ReadonlySet<ExplanationClass> = new Set([
  'null-check',
  'packet-check',
  'index',
  'sign',
  'clobbered',
  'uninitialised',
  'stack',
  'call-stack',
  'provenance',
  'return-range',
  'complexity',
  'reference',
  'section',
]);

const COMPARED = 1000;

/** What became of a case, by its best edit. */
const OUTCOMES = [
  'counts',
  'no edit',
  'refused by the kernel',
  'cannot probe',
  'cannot run',
  'missed',
  'too large',
  'differs from twin',
] as const;
type Outcome = (typeof OUTCOMES)[number];

interface Count {
  cases: number;
  /** The kernel accepts an offered edit. */
  mended: number;
  /** An edit counts in the strict sense. */
  strict: number;
  /** Of these: a run gets there only with chosen random numbers or clock. */
  steered: number;
  /** The first edit offered is one of those. */
  firstIsStrict: number;
  twins: number;
  twinsAgree: number;
  outcomes: Partial<Record<Outcome, number>>;
}

export default async function measure(args: string[]): Promise<unknown> {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) throw new Error('BPFORMER_CORPUS must name a folder with verifier-raw.jsonl');
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const verbose = args.includes('--verbose');
  const options: VerifyOptions = { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel.cpus };
  const inputs = [...plainInputs(), ...randomInputs(40, 3)];
  const compared = randomInputs(COMPARED, 5);
  const classes: Record<string, Count> = {};
  const refused: string[] = [];
  const edits = {
    offered: 0,
    refusedByKernel: 0,
    reached: 0,
    reachedSteered: 0,
    missed: 0,
    notRun: 0,
    agreeWithTwin: 0,
    differFromTwin: 0,
  };
  let skipped = 0;
  const cases = parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'));
  const accepted = cases.filter((test) => test.verdict618 === 'accept');
  for (const test of cases) {
    if (test.verdict618 === 'accept') continue;
    const program = caseProgram(test);
    const result = verify(program, options);
    if (result.accepted) continue;
    if (
      program.kfuncCalls.size > 0 ||
      program.insns.some((insn) => insn.opcode === OP_CALL && insn.src === PSEUDO_KFUNC_CALL) ||
      test.attach !== null ||
      program.maps.some((map) => map.fields)
    ) {
      skipped++;
      continue;
    }
    const found = explain(program, result, { verify: options });
    classes[found.class] ??= { cases: 0, mended: 0, strict: 0, steered: 0, firstIsStrict: 0, twins: 0, twinsAgree: 0, outcomes: {} };
    const count = classes[found.class]!;
    count.cases++;
    const twin = twinOf(test, accepted);
    let outcome: Outcome = 'no edit';
    const better = (now: Outcome): void => {
      if (outcome !== 'counts') outcome = now;
    };
    let mends = false;
    let hasTwin = false;
    let steeredOnly = false;
    const told: string[] = [];
    for (const [i, fix] of found.fixes.entries()) {
      edits.offered++;
      const loaded = await load(kernel, fix.program, test.needs_btf);
      await loaded.program?.closeAll();
      if (!loaded.accepted) {
        edits.refusedByKernel++;
        refused.push(`${test.descr}: ${fix.title}: errno ${loaded.errno}: ${loaded.message ?? loaded.log.trim().split('\n').at(-1)}`);
        better('refused by the kernel');
        continue;
      }
      mends = true;
      const reached = await reach(kernel, fix.program, fix.insnIdx, inputs, options, test.needs_btf);
      if (reached === 'reached') edits.reached++;
      else if (reached === 'steered') edits.reachedSteered++;
      else if (reached === 'missed') edits.missed++;
      else edits.notRun++;
      const agreement = twin ? await compare(kernel, fix.program, caseProgram(twin), compared, test.needs_btf) : null;
      if (agreement && agreement.result !== 'cannot compare') {
        hasTwin = true;
        if (agreement.result === 'agrees') edits.agreeWithTwin++;
        else edits.differFromTwin++;
      }
      told.push(`      ${reached}${agreement ? `, ${agreement.result} (${agreement.runs})` : ''} [${fix.size}] ${fix.title}`);
      if (reached !== 'reached' && reached !== 'steered') better(reached);
      else if (fix.size > MAX_EDIT) better('too large');
      else if (agreement?.result === 'differs') better('differs from twin');
      else {
        if (reached === 'steered' && outcome !== 'counts') steeredOnly = true;
        if (reached === 'reached') steeredOnly = false;
        if (i === 0) count.firstIsStrict++;
        if (agreement?.result === 'agrees' && outcome !== 'counts') count.twinsAgree++;
        outcome = 'counts';
      }
    }
    if (hasTwin) count.twins++;
    if (mends) count.mended++;
    if (outcome === 'counts') count.strict++;
    if (steeredOnly) count.steered++;
    count.outcomes[outcome] = (count.outcomes[outcome] ?? 0) + 1;
    if (verbose) {
      console.log(`${outcome} | ${found.class} | ${test.descr} | ${result.message} | ${twin ? `twin: ${twin.descr}` : ''}`);
      for (const line of told) console.log(line);
    }
  }
  kernel.close();
  const fixable = Object.entries(classes).filter(([name]) => FIXABLE.has(name as ExplanationClass));
  const total = (key: 'cases' | 'mended' | 'strict' | 'steered' | 'firstIsStrict' | 'twins' | 'twinsAgree'): number =>
    fixable.reduce((sum, [, count]) => sum + count[key], 0);
  const share = (part: number): number => Number((part / total('cases')).toFixed(3));
  return {
    cases: total('cases'),
    mended: total('mended'),
    mendedShare: share(total('mended')),
    strict: total('strict'),
    strictShare: share(total('strict')),
    steered: total('steered'),
    firstIsStrict: total('firstIsStrict'),
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, fixable.reduce((sum, [, count]) => sum + (count.outcomes[outcome] ?? 0), 0)]),
    ),
    twinsCompared: total('twins'),
    twinsAgree: total('twinsAgree'),
    edits,
    refused,
    skipped,
    byClass: Object.fromEntries(Object.entries(classes).sort((a, b) => b[1].cases - a[1].cases)),
  };
}
