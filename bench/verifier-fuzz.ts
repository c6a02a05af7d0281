/**
 * Differential fuzzing of the verifier against this machine's kernel: `npm run long verifier-fuzz COUNT SEED SECONDS`.
 *
 * Half of the programs are random ones with structure, half are mutations of accepted programs: cases of the folder BPFORMER_CORPUS,
 * what clang makes of the object reader's C files, what our compiler emits (few, they are large), and random programs again. Verdict,
 * message and counters must be the kernel's. Each difference is shrunk and left in BPFORMER_DEFECTS (default: the temporary folder).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFuncAddress } from '../src/bpf/insn.ts';
import type { MapDef, Program } from '../src/bpf/program.ts';
import { type Kernel, type KernelMap, type LoadResult, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { VerifyResult } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { Dice } from '../src/verifier/testing/dice.ts';
import { randomProgram } from '../src/verifier/testing/random-programs.ts';
import { verify } from '../src/verifier/verify.ts';
import { listingOf, mutate, shrink } from './verifier-mutate.ts';
import { clangPrograms, encoderPrograms } from './verifier-programs.ts';

const WINDOW = 24;
/** Mutations of programs larger than this take most of the time for few new situations: they are one in five hundred. */
const LARGE = 1500;
const MOST_SHRUNK = 40;

/** Maps are made once: programs that define the same map share it. */
class Maps {
  readonly #kernel: Kernel;
  readonly #made = new Map<string, Promise<KernelMap | number>>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  async of(program: Program): Promise<Map<string, KernelMap> | null> {
    const found = new Map<string, KernelMap>();
    for (const def of program.maps) {
      const map = await this.#get(def);
      if (typeof map === 'number') return null;
      found.set(def.name, map);
    }
    return found;
  }

  #get(def: MapDef): Promise<KernelMap | number> {
    const key = JSON.stringify({ ...def, data: def.data ? Buffer.from(def.data).toString('base64') : undefined });
    const map = this.#made.get(key) ?? this.#kernel.tryCreateMap(def);
    this.#made.set(key, map);
    return map;
  }
}

/** Program arrays and cgroup storage belong to the first program that uses them. */
const isBound = (def: MapDef): boolean => [3, 19, 21].includes(def.type);
/** Static functions alone need no types: without them, mutations may call where they like. */
function untyped(program: Program): Program {
  const needsTypes = program.subprogs.slice(1).some(({ linkage }) => linkage === 'global') || program.insns.some(isFuncAddress);
  return needsTypes ? program : { ...program, subprogs: program.subprogs.slice(0, 1) };
}

const plain = (def: MapDef): boolean => def.spinLockOff === undefined && def.type !== 24;

/** Accepted cases whose maps and functions need no types. */
function corpusSeeds(): Program[] {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) return [];
  return parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'))
    .filter((test) => test.verdict618 === 'accept' && !test.needs_btf && !test.attach && test.kfuncs.length === 0)
    .filter((test) => !Object.keys(test.fixups).some((kind) => /timer|kptr|spin_lock|sk_storage/.test(kind)))
    .map(caseProgram)
    .map((program) => ({ ...program, name: 'fuzz', maps: program.maps.map((def, i) => ({ ...def, name: `m${i}` })) }))
    .filter((program) => program.maps.every(plain));
}

async function seedsOf(): Promise<Record<string, Program[]>> {
  const all: Record<string, Program[]> = {
    corpus: corpusSeeds(),
    clang: clangPrograms(['v4']).map(({ program }) => program),
    compiler: encoderPrograms(4).map(({ program }) => program),
  };
  const bare = ({ maps, kfuncCalls }: Program): boolean => maps.every(plain) && kfuncCalls.size === 0;
  for (const name of Object.keys(all)) all[name] = all[name].filter(bare).map(untyped);
  return all;
}

type End = Pick<VerifyResult, 'accepted' | 'message' | 'processed' | 'totalStates' | 'peakStates' | 'maxStatesPerInsn' | 'stackDepth'>;

/** The kernel's final message; where functions have types, a source line may follow it. */
function messageOf({ log }: LoadResult): string {
  const said = log.split('\n').filter((line) => line !== '' && !/^(processed \d|verification time|stack depth|; )/.test(line));
  return (said.at(-1) ?? '').replace(/processed \d+ insns \(limit.*/, '').trim();
}

/** What is different, or null. Numbers in place of map addresses and function ids are not compared. */
function difference(ours: End, theirs: LoadResult): 'unsound' | 'strict' | 'message' | 'counters' | null {
  if (ours.accepted !== theirs.accepted) return ours.accepted ? 'unsound' : 'strict';
  if (!ours.accepted && ours.message !== messageOf(theirs)) return 'message';
  // A program that fails before exploration has no counters in the kernel's log.
  if (theirs.processed === null) return null;
  const same =
    ours.processed === theirs.processed &&
    ours.totalStates === theirs.totalStates &&
    ours.peakStates === theirs.peakStates &&
    ours.maxStatesPerInsn === theirs.maxStatesPerInsn &&
    ours.stackDepth === theirs.stackDepth;
  return same ? null : 'counters';
}

export default async function fuzz([count = '20000', firstSeed = '1', seconds = '86400']: string[]): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const maps = new Maps(kernel);
  const seeds = await seedsOf();
  const small = Object.values(seeds)
    .flat()
    .filter((program) => program.insns.length <= LARGE);
  const large = Object.values(seeds)
    .flat()
    .filter((program) => program.insns.length > LARGE);
  const load = async (program: Program): Promise<LoadResult | null> => {
    if (program.maps.some(isBound)) {
      const result = await kernel.load(program, { logLevel: 4, logSize: 1 << 20 }).catch(() => null);
      await result?.program?.closeAll();
      return result;
    }
    const known = await maps.of(program);
    if (!known) return null;
    try {
      const btf = program.subprogs.length > 1 ? { btf: programBtf(program) } : {};
      const result = await kernel.load(program, { logLevel: 4, maps: known, logSize: 1 << 20, ...btf });
      await result.program?.close();
      return result;
    } catch {
      return null;
    }
  };
  const judge = (program: Program): VerifyResult => verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel.cpus });

  const kinds: Record<string, number> = {};
  const opcodes = { accepted: new Set<number>(), all: new Set<number>() };
  const templates = new Map<string, number>();
  const processed: number[] = [];
  const found = { unsound: 0, strict: 0, message: 0, counters: 0, crash: 0 };
  let ran = 0;
  let accepted = 0;
  let skipped = 0;
  let shrunk = 0;
  const defects = process.env.BPFORMER_DEFECTS ?? join(tmpdir(), 'defects');
  mkdirSync(defects, { recursive: true });

  async function compare(kind: string, seed: number, program: Program, pending: Promise<LoadResult | null>): Promise<void> {
    let ours: VerifyResult;
    try {
      ours = judge(program);
    } catch (error) {
      found.crash++;
      writeFileSync(join(defects, `crash-${seed}.txt`), `${kind}\n${(error as Error).stack}\n${listingOf(program)}\n`);
      return;
    }
    const theirs = await pending;
    if (!theirs || /^number of funcs in func_info/m.test(theirs.log) || (!theirs.accepted && theirs.log === '' && ours.message !== '')) {
      skipped++;
      return;
    }
    ran++;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    for (const { opcode } of program.insns) {
      opcodes.all.add(opcode);
      if (theirs.accepted) opcodes.accepted.add(opcode);
    }
    if (theirs.processed) processed.push(theirs.processed);
    if (theirs.accepted) accepted++;
    else {
      const template = messageOf(theirs).replace(/-?\d+/g, 'N');
      templates.set(template, (templates.get(template) ?? 0) + 1);
    }
    const what = difference(ours, theirs);
    if (!what) return;
    found[what]++;
    if (shrunk++ >= MOST_SHRUNK) return;
    const least = await shrink(program, async (candidate) => {
      const again = await load(candidate);
      return again !== null && difference(judge(candidate), again) === what;
    });
    const [mine, kernels] = [judge(least), await load(least)];
    const { accepted: ok, message, processed: n, totalStates, peakStates, stackDepth } = mine;
    const said = `ours: ${JSON.stringify({ ok, message, n, totalStates, peakStates, stackDepth })}\nkernel: ${kernels?.log}`;
    const raw = JSON.stringify({
      progType: least.progType,
      expectedAttachType: least.expectedAttachType,
      insns: least.insns,
      maps: least.maps,
    });
    writeFileSync(join(defects, `${what}-${seed}.txt`), `${kind} seed ${seed}\n${said}\n${listingOf(least)}\n${raw}\n`);
    console.error(
      `${what} ${kind} seed ${seed}: ours ${message ?? 'accepted'} (${n}) · kernel ${kernels?.message ?? 'accepted'} (${kernels?.processed})`,
    );
  }

  const waiting: (() => Promise<void>)[] = [];
  const began = performance.now();
  const last = Number(firstSeed) + Number(count);
  let seed = Number(firstSeed);
  for (; seed < last && performance.now() - began < Number(seconds) * 1000; seed++) {
    const dice = new Dice(seed);
    let kind = 'random';
    let program: Program;
    if (dice.chance(50)) program = randomProgram(seed);
    else if (large.length > 0 && dice.below(250) === 0) [kind, program] = ['large', mutate(dice.pick(large), dice)];
    else if (small.length > 0 && dice.chance(60)) [kind, program] = ['mutated', mutate(dice.pick(small), dice)];
    else [kind, program] = ['mutated random', mutate(randomProgram(seed), dice)];
    const pending = load(program);
    waiting.push(() => compare(kind, seed, program, pending));
    if (waiting.length >= WINDOW) await waiting.shift()!();
    if ((seed - Number(firstSeed)) % 5000 === 4999) {
      console.error(`${ran} run in ${Math.round((performance.now() - began) / 1000)} s, ${accepted} accepted, ${JSON.stringify(found)}`);
    }
  }
  for (const compareNext of waiting) await compareNext();
  kernel.close();
  processed.sort((a, b) => a - b);
  return {
    programs: ran,
    seeds: [Number(firstSeed), seed - 1],
    kinds,
    skipped,
    acceptedShare: Number((accepted / ran).toFixed(3)),
    medianProcessed: processed[processed.length >> 1],
    opcodes: { all: opcodes.all.size, inAccepted: opcodes.accepted.size },
    messageTemplates: templates.size,
    found,
    commonMessages: [...templates].sort((a, b) => b[1] - a[1]).slice(0, 40),
  };
}
