/**
 * How many rejected cases an offered edit mends, judged by this machine's kernel:
 * `BPFORMER_CORPUS=FOLDER npm run long quickfix`, with FOLDER/verifier-raw.jsonl. Each offered edit is loaded; a program that the
 * kernel refuses after an offered edit is listed. Cases of kernel functions and of attach points are left out, because loading them needs more
 * than the program.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OP_CALL, PSEUDO_KFUNC_CALL } from '../src/bpf/insn.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { VerifyOptions } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { type ExplanationClass, explain } from '../src/verifier/explain/explain.ts';
import { verify } from '../src/verifier/verify.ts';

/** The classes for which edits are meant to exist. */
const FIXABLE: ReadonlySet<ExplanationClass> = new Set([
  'null-check',
  'packet-check',
  'index',
  'sign',
  'clobbered',
  'uninitialised',
  'stack',
  'provenance',
  'return-range',
  'complexity',
  'reference',
]);

interface Count {
  cases: number;
  offered: number;
  mended: number;
}

export default async function measure(args: string[]): Promise<unknown> {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) throw new Error('BPFORMER_CORPUS must name a folder with verifier-raw.jsonl');
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const verbose = args.includes('--verbose');
  const options: VerifyOptions = { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel.cpus };
  const classes: Record<string, Count> = {};
  const refused: string[] = [];
  let edits = 0;
  let skipped = 0;
  for (const test of parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'))) {
    if (test.verdict618 === 'accept') continue;
    const program = caseProgram(test);
    const result = verify(program, options);
    if (result.accepted) continue;
    if (
      program.kfuncCalls.size > 0 ||
      program.insns.some((insn) => insn.opcode === OP_CALL && insn.src === PSEUDO_KFUNC_CALL) ||
      test.attach !== null
    ) {
      skipped++;
      continue;
    }
    const found = explain(program, result, { verify: options });
    classes[found.class] ??= { cases: 0, offered: 0, mended: 0 };
    const count = classes[found.class]!;
    count.cases++;
    if (found.fixes.length > 0) count.offered++;
    let mends = false;
    for (const fix of found.fixes) {
      edits++;
      const loaded = await kernel.load(fix.program, { logLevel: 1, btf: test.needs_btf ? programBtf(fix.program) : undefined });
      await loaded.program?.close();
      if (loaded.accepted) mends = true;
      else refused.push(`${test.descr}: ${fix.title}: ${loaded.message ?? loaded.log.trim().split('\n').at(-1)}`);
    }
    if (mends) count.mended++;
    if (verbose)
      console.log(`${mends ? 'mended' : '------'} ${found.class} | ${test.descr} | ${result.message} | ${found.fixes[0]?.title ?? ''}`);
  }
  kernel.close();
  const fixable = Object.entries(classes).filter(([name]) => FIXABLE.has(name as ExplanationClass));
  const total = (key: keyof Count): number => fixable.reduce((sum, [, count]) => sum + count[key], 0);
  return {
    cases: total('cases'),
    mended: total('mended'),
    share: Number((total('mended') / total('cases')).toFixed(3)),
    editsOffered: edits,
    refusedByKernel: refused.length,
    refused,
    skipped,
    byClass: Object.fromEntries(Object.entries(classes).sort((a, b) => b[1].cases - a[1].cases)),
  };
}
