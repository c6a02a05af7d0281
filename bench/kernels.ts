/**
 * Our profiles of other kernels and privileges beside the real ones: `npm run long kernels [6.1,6.12,6.18] [COUNT] [root,bpf,unpriv]`.
 *
 * 6.1 and 6.12 are Debian's `linux-image-…-cloud-amd64`, unpacked and booted under QEMU (`src/companion/guest-kernel.ts`); 6.18 is this
 * machine's own. Inputs: the cases of BPFORMER_CORPUS, COUNT fuzzed programs (half random ones, half mutations of accepted ones), and
 * models compiled for that kernel. Answers of a kernel are kept in `.cache/kernels`, so that a change of ours is compared in seconds.
 * With BPFORMER_CONTEXTS, also every access to the context of every program type, and every helper from each. Differences are listed in BPFORMER_DEFECTS (default: the temporary folder).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../src/bpf/program.ts';
import type { KernelVersion, Privilege, VerifyResult } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { rulesOf } from '../src/verifier/rules.ts';
import { Dice } from '../src/verifier/testing/dice.ts';
import { randomProgram } from '../src/verifier/testing/random-programs.ts';
import { verify } from '../src/verifier/verify.ts';
import { answersOf } from './kernels-answers.ts';
import type { Answer } from './kernels-ask.ts';
import { callPrograms } from './kernels-calls.ts';
import { contextPrograms } from './kernels-context.ts';
import { listingOf, mutate } from './verifier-mutate.ts';
import { encoderPrograms, samplePrograms } from './verifier-programs.ts';

const FIRST_SEED = 7_000_000;
const LARGE = 1500;

interface Input {
  readonly kind: string;
  readonly name: string;
  readonly program: Program;
}

/** Maps whose values hold kernel objects need types to be created, and test-module functions exist nowhere. */
function corpusInputs(): Input[] {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) {
    console.error('BPFORMER_CORPUS names no folder: no corpus cases');
    return [];
  }
  return parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'))
    .filter((test) => !test.attach && test.kfuncs.length === 0)
    .filter((test) => !Object.keys(test.fixups).some((kind) => /timer|kptr|spin_lock|sk_storage/.test(kind)))
    .map((test) => ({ kind: 'corpus', name: test.descr, program: caseProgram(test) }));
}

/** Instructions of `-mcpu=v4` become their elders, so that a kernel before 6.6 looks further than the first of them. */
function lowered(program: Program): Program {
  const insns = program.insns.map((insn) => {
    const cls = insn.opcode & 7;
    if (cls === 1 && (insn.opcode & 0xe0) === 0x80) return { ...insn, opcode: (insn.opcode & 0x1f) | 0x60 };
    if (cls === 7 && (insn.opcode & 0xf0) === 0xd0) return { ...insn, opcode: 0xdc };
    return cls === 4 || cls === 7 ? { ...insn, off: 0 } : insn;
  });
  return { ...program, insns };
}

function fuzzInputs(count: number, seeds: readonly Program[], lower: boolean): Input[] {
  if (lower) {
    const all = fuzzInputs(count, seeds, false);
    return all.map((input, i) => (i % 8 === 0 ? input : { ...input, program: lowered(input.program) }));
  }

  return Array.from({ length: count }, (_, i) => {
    const seed = FIRST_SEED + i;
    const dice = new Dice(seed);
    if (dice.chance(50) || seeds.length === 0) return { kind: 'random', name: `seed ${seed}`, program: randomProgram(seed) };
    const from = dice.chance(60) ? dice.pick(seeds) : randomProgram(seed);
    return { kind: 'mutated', name: `seed ${seed}`, program: mutate(from, dice) };
  });
}

/** Models compiled for the kernel in question. */
async function modelInputs(version: KernelVersion): Promise<Input[]> {
  const made = [...(await samplePrograms([version])), ...encoderPrograms(6, 1, [version])];
  return made.map(({ name, program }) => ({ kind: 'model', name, program }));
}

type What = 'false accept' | 'false reject' | 'message' | 'processed' | 'not modelled' | 'same';

/** The states beside an endless loop without the marks of what was read and written, which kernels up to 6.16 print and we do not know;
 * maps have other names there. */
const unmarked = (message: string): string =>
  message
    .replace(/(R\d+|fp-\d+)_[rw]+=/g, '$1=')
    .replace(/map=\w*/g, 'map=')
    .replace(/verification time \d+ usec$/, '');

/** Words that only we say: the profile knows that it does not know. */
const OWN = /^verifier here /;

function judge(ours: VerifyResult, theirs: Answer): What {
  if (ours.accepted && !theirs.accepted) return 'false accept';
  if (!ours.accepted && theirs.accepted) return OWN.test(ours.message ?? '') ? 'not modelled' : 'false reject';
  // Where the kernel says nothing, our words are our own.
  if (!ours.accepted && theirs.message === '' && ours.errno === theirs.errno) return 'same';
  if (!ours.accepted && unmarked((ours.message ?? '').trim()) !== unmarked(theirs.message)) return 'message';
  if (theirs.processed !== null && ours.processed !== theirs.processed) return 'processed';
  return 'same';
}

export default async function kernels([versions = '6.1,6.12', count = '3000', privileges = 'root,bpf,unpriv']: string[]): Promise<unknown> {
  const defects = process.env.BPFORMER_DEFECTS ?? join(tmpdir(), 'defects');
  mkdirSync(defects, { recursive: true });
  const corpus = corpusInputs();
  const seeds = corpus.map(({ program }) => program).filter((p) => p.insns.length <= LARGE && p.subprogs.length === 1);
  const figures: Record<string, unknown> = {};
  for (const version of versions.split(',') as KernelVersion[]) {
    const fuzz = fuzzInputs(Number(count), seeds, !rulesOf(version, 'root').v4);
    const { answers, release, end } = await answersOf(version);
    const models = process.env.BPFORMER_NO_MODELS ? [] : await modelInputs(version);
    for (const privilege of privileges.split(',') as Privilege[]) {
      const contexts = process.env.BPFORMER_CONTEXTS
        ? [
            ...contextPrograms().map((program) => ({ kind: 'context', name: program.name, program })),
            ...callPrograms().map((program) => ({ kind: 'helper call', name: program.name, program })),
          ]
        : [];
      const inputs = [...corpus, ...fuzz, ...contexts, ...(privilege === 'root' ? models : [])];
      const theirs = await answers.ask(
        inputs.map(({ program }) => program),
        privilege,
      );
      const tally: Record<string, Record<string, number>> = {};
      const lines: string[] = [];
      const modelRows: Record<string, string> = {};
      inputs.forEach(({ kind, name, program }, i) => {
        const answer = theirs[i];
        tally[kind] ??= {};
        const row = tally[kind];
        const add = (what: string): void => {
          row[what] = (row[what] ?? 0) + 1;
        };
        if (!answer) {
          add('not askable');
          return;
        }
        add('asked');
        if (answer.accepted) add('accepted there');
        const ours = verify(program, { kernel: version, privilege, logLevel: 0 });
        const what = judge(ours, answer);
        add(what);
        if (kind === 'model')
          modelRows[name] = answer.accepted ? `accepted, ${answer.processed} processed, ours ${ours.processed}` : answer.message;
        if (what === 'same' || what === 'processed') return;
        lines.push(
          JSON.stringify({
            what,
            kind,
            name,
            ours: ours.message ?? 'accepted',
            theirs: answer.accepted ? 'accepted' : answer.message,
            errno: answer.errno,
            listing: program.insns.length < 60 ? listingOf(program) : '',
          }),
        );
      });
      lines.sort();
      writeFileSync(join(defects, `${version}-${privilege}.jsonl`), `${lines.join('\n')}\n`);
      figures[`${version} ${privilege}`] = {
        kernel: release,
        ...tally,
        ...(Object.keys(modelRows).length > 0 ? { models: modelRows } : {}),
      };
      console.error(`${version} ${privilege}: ${JSON.stringify(tally)}`);
    }
    await end();
  }
  return figures;
}
