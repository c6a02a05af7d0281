/**
 * How many rejected cases an offered edit mends, judged by this machine's kernel:
 * `BPFORMER_CORPUS=FOLDER npm run long quickfix`, with FOLDER/verifier-raw.jsonl. Each offered edit is loaded; a program that the
 * kernel refuses after an offered edit is listed. Cases of kernel functions and of attach points are left out, because loading them needs more
 * than the program.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALU64, JEQ, JMP, MOV, OP_CALL, OP_EXIT, PSEUDO_KFUNC_CALL } from '../src/bpf/insn.ts';
import type { MapDef, Program } from '../src/bpf/program.ts';
import { Attr } from '../src/companion/attr.ts';
import { type Kernel, KernelMap, type LoadResult, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { BtfBuilder, KIND_INT, KIND_STRUCT } from '../src/object/btf.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { VerifyOptions } from '../src/verifier/api.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { applyEdit } from '../src/verifier/explain/edit.ts';
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

const MAP_CREATE = 0;

/** BTF of a 4-byte key and of a value with a spin lock in its last four bytes: ids of key and value. */
function lockBtf(valueSize: number): { readonly btf: Uint8Array; readonly key: number; readonly value: number } {
  const builder = new BtfBuilder();
  const key = builder.add({ kind: KIND_INT, name: 'int', size: 4, extra: (1 << 24) | 32 });
  const lock = builder.add({ kind: KIND_STRUCT, name: 'bpf_spin_lock', size: 4, members: [{ name: 'val', type: key, offset: 0 }] });
  const members = [
    { name: 'count', type: key, offset: 0 },
    { name: 'lock', type: lock, offset: (valueSize - 4) * 8 },
  ];
  const value = builder.add({ kind: KIND_STRUCT, name: 'value', size: valueSize, members });
  return { btf: builder.encode(), key, value };
}

/** The kernel takes a spin lock only in a map whose value has BTF. */
async function lockMap(kernel: Kernel, def: MapDef): Promise<KernelMap> {
  const { btf, key, value } = lockBtf(def.valueSize);
  const btfFd = await kernel.loadBtf(btf);
  const attr = new Attr(80).u32(0, def.type).u32(4, def.keySize).u32(8, def.valueSize).u32(12, def.maxEntries).u32(16, def.flags);
  const { result } = await kernel.loader.bpf(MAP_CREATE, attr.u32(48, btfFd).u32(52, key).u32(56, value).bytes);
  await kernel.loader.closeFd(btfFd);
  if (result < 0) throw new Error(`kernel refuses a map with a lock: errno ${-result}`);
  return new KernelMap(kernel, result, def);
}

const PROBE_VALUE = 77;
const insn = (opcode: number, dst: number, off: number, imm: number) => ({ insn: { opcode, dst, src: 0, off, imm } });

/** The program with a probe before an instruction: a run that gets there returns {@link PROBE_VALUE}. */
function probed(program: Program, at: number): Program {
  // The frame pointer is never 0, but only the run knows that: the code behind the probe stays reachable.
  const probe = [insn(JMP | JEQ, 10, 2, 0), insn(ALU64 | MOV, 0, 0, PROBE_VALUE), insn(OP_EXIT, 0, 0, 0)];
  return applyEdit(program, { changes: [{ at, remove: 0, insert: probe }] });
}

/** A small number in each eight bytes. */
const SMALL = [3, 0, 0, 0, 0, 0, 0, 0];
const repeated = (pattern: readonly number[], length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => pattern[i % pattern.length]!);

/** Whether some test run of a few packets and map contents gets to the instruction; null when that cannot be tried. */
async function reaches(kernel: Kernel, program: Program, at: number, needsBtf: boolean): Promise<boolean | null> {
  const loaded = await load(kernel, probed(program, at), needsBtf);
  if (!loaded.program) return null;
  let ran = false;
  let reached = false;
  for (const pattern of [[0], [255], [1], SMALL, [5]]) {
    for (const map of loaded.program.maps) {
      const { keySize, valueSize, type } = map.def;
      const value = new Uint8Array(valueSize);
      value.set(repeated(pattern, map.def.spinLockOff ?? valueSize));
      // Maps of maps, programs and sockets take no bytes; they stay empty.
      if (type <= 2) await map.update(new Uint8Array(keySize), value).catch(() => {});
    }
    const run = await loaded.program.testRun(repeated(pattern, 64)).catch(() => null);
    if (run?.errno !== 0) continue;
    ran = true;
    reached ||= run.returnValue === PROBE_VALUE;
  }
  await loaded.program.close();
  for (const map of loaded.program.maps) await map.close();
  return ran ? reached : null;
}

/** Loads a program with new maps. */
async function load(kernel: Kernel, program: Program, needsBtf: boolean): Promise<LoadResult> {
  const named = { ...program, maps: program.maps.map((map, i) => ({ ...map, name: `map${i}` })) };
  const maps = new Map<string, KernelMap>();
  for (const map of named.maps) if (map.spinLockOff !== undefined) maps.set(map.name, await lockMap(kernel, map));
  const loaded = await kernel.load(named, { logLevel: 1, maps, btf: needsBtf ? programBtf(named) : undefined });
  if (!loaded.program) for (const map of maps.values()) await map.close();
  return loaded;
}

/** Whether and why the kernel refuses a program. */
async function ask(kernel: Kernel, program: Program, needsBtf: boolean): Promise<{ readonly accepted: boolean; readonly message: string }> {
  const loaded = await load(kernel, program, needsBtf);
  await loaded.program?.closeAll();
  const last = loaded.message ?? loaded.log.trim().split('\n').at(-1) ?? '';
  return { accepted: loaded.accepted, message: `errno ${loaded.errno}: ${last}` };
}

interface Count {
  cases: number;
  offered: number;
  mended: number;
  /** Of the mended: those with an edit whose program could be run with a probe, and those where a run got to the refused instruction. */
  ran: number;
  reached: number;
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
    classes[found.class] ??= { cases: 0, offered: 0, mended: 0, ran: 0, reached: 0 };
    const count = classes[found.class]!;
    count.cases++;
    if (found.fixes.length > 0) count.offered++;
    let mends = false;
    let reached: boolean | null = null;
    for (const fix of found.fixes) {
      edits++;
      const loaded = await ask(kernel, fix.program, test.needs_btf);
      if (!loaded.accepted) {
        refused.push(`${test.descr}: ${fix.title}: ${loaded.message}`);
        continue;
      }
      mends = true;
      if (!reached) reached = (await reaches(kernel, fix.program, fix.insnIdx, test.needs_btf)) ?? reached;
    }
    if (mends) count.mended++;
    if (reached !== null) count.ran++;
    if (reached) count.reached++;
    if (verbose)
      console.log(
        `${mends ? 'mended' : '------'} ${reached === null ? '' : reached ? 'reached ' : 'missed '}${found.class} | ${test.descr} | ${result.message} | ${found.fixes[0]?.title ?? ''}`,
      );
  }
  kernel.close();
  const fixable = Object.entries(classes).filter(([name]) => FIXABLE.has(name as ExplanationClass));
  const total = (key: keyof Count): number => fixable.reduce((sum, [, count]) => sum + count[key], 0);
  return {
    cases: total('cases'),
    mended: total('mended'),
    ranWithProbe: total('ran'),
    reachedInRun: total('reached'),
    share: Number((total('mended') / total('cases')).toFixed(3)),
    editsOffered: edits,
    refusedByKernel: refused.length,
    refused,
    skipped,
    byClass: Object.fromEntries(Object.entries(classes).sort((a, b) => b[1].cases - a[1].cases)),
  };
}
