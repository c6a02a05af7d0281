/**
 * Stories of rejected C as people write it: `npm run long story-variants [CASE…]`. Each program of `testdata/variants.c` is compiled by clang-16, clang-19 and our own compiler. Counted: whether our message is
 * the kernel's (the object loaded by bpftool), whether the story names the line marked `here` and goes through those marked `born`, `proved` and `lost`, how many edits are offered and how many of them the
 * kernel refuses, and whether the reduced program is refused with the same words. Needs root, bpftool and both clangs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from '../src/bpf/program.ts';
import { compileC } from '../src/clang/compile.ts';
import { nativeObject } from '../src/clang/testing/differ.ts';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { runningKernel } from '../src/companion/kernel-target.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { readObject } from '../src/object/reader.ts';
import type { VerifyOptions } from '../src/verifier/api.ts';
import { explain } from '../src/verifier/explain/explain.ts';
import { readLog } from '../src/verifier/logfile/reader.ts';
import { tellLog } from '../src/verifier/logfile/told.ts';
import { messageWords, reduce } from '../src/verifier/reduce/reduce.ts';
import { verify } from '../src/verifier/verify.ts';

const source = readFileSync(fileURLToPath(new URL('../src/verifier/explain/testdata/variants.c', import.meta.url)), 'utf8');
const lines = source.split('\n');
const COMPILERS = ['clang-16', 'clang-19', 'ours'] as const;

interface Case {
  readonly at: number;
  readonly class: string;
  readonly name: string;
  /** Marks in the order of their lines. */
  readonly marks: readonly string[];
}

const CASES: readonly Case[] = [...source.matchAll(/^#(?:el)?if CASE == (\d+) \/\* (.*?): (.*) \*\/\n([\s\S]*?)(?=^#)/gm)].map(
  ([, at, kind, name, body]) => ({
    at: Number(at),
    class: kind!,
    name: name!,
    marks: [...body!.matchAll(/\/\/ (\w+)$/gm)].map(([, mark]) => mark!),
  }),
);

const markOf = (line: number): string => /\/\/ (\w+)$/.exec(lines[line - 1] ?? '')?.[1] ?? '';
const lineAt = (program: Program, insnIdx: number): number => program.lineInfo.findLast((info) => info.insnIdx <= insnIdx)?.line ?? 0;

function kernelSays(path: string): { accepted: boolean; message: string; output: string } {
  const pin = `/sys/fs/bpf/bpformer-variants-${process.pid}`;
  const run = spawnSync('bpftool', ['-d', 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pin, { force: true });
  const log = (run.stdout + run.stderr).split('\n').filter((line) => !/^(stack depth|verification time) /.test(line));
  const message = log[log.findIndex((line) => line.startsWith('processed ')) - 1] ?? '';
  return { accepted: run.status === 0, message, output: run.stdout + run.stderr };
}

export default async function measure(only: string[]): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`there is no kernel to ask: ${whyNoKernel()}`);
  const target = runningKernel();
  const options: VerifyOptions = {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    cpus: kernel.cpus,
    kernelBtf: target.btf,
    kernelSymbols: target.symbols,
  };
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-variants-'));
  const rows: object[] = [];
  const totals = {
    programs: 0,
    rejected: 0,
    sameMessage: 0,
    rightLine: 0,
    wholeStory: 0,
    withEdit: 0,
    edits: 0,
    editsRefused: 0,
    reducedSame: 0,
    logLine: 0,
    logClass: 0,
    logStory: 0,
  };
  const complaints: string[] = [];
  try {
    for (const test of CASES) {
      if (only.length > 0 && !only.includes(String(test.at))) continue;
      const text = `#define CASE ${test.at}\n${source}`;
      for (const compiler of COMPILERS) {
        const complain = (what: string): void => {
          complaints.push(`${test.at} ${compiler}: ${what}`);
        };
        let object: Uint8Array | null = null;
        if (compiler === 'ours') {
          const made = await compileC(text, { cpu: 'v3', target });
          object = made.object;
          if (!object) complain(`does not compile: ${made.diagnostics.map(({ message }) => message).join(' ')}`);
        } else {
          try {
            object = nativeObject(text, 'v3', '2', compiler);
          } catch (error) {
            complain(`does not compile: ${String((error as { stderr?: Buffer }).stderr ?? error).slice(0, 400)}`);
          }
        }
        if (!object) continue;
        const path = join(folder, 'variant.o');
        writeFileSync(path, object);
        const [program] = readObject(object, path, target).programs;
        const result = verify(program!, options);
        const theirs = kernelSays(path);
        totals.programs++;
        if (!theirs.accepted) totals.rejected++;
        const same =
          theirs.accepted === result.accepted && (result.message ?? '').trim() === (result.accepted ? '' : theirs.message.trim());
        if (same) totals.sameMessage++;
        else complain(`the kernel says ${theirs.accepted ? 'accepted' : theirs.message}, we ${result.message}`);
        if (result.accepted) {
          complain('accepted');
          continue;
        }
        const told = explain(program!, result, { verify: options });
        const place = (told.source.line?.line ?? 1) - 1;
        const isRight = markOf(place) === 'here';
        if (isRight) totals.rightLine++;
        else complain(`names line ${place}: ${lines[place - 1]?.trim()} (${result.message})`);
        const marks = told.story.map(({ insnIdx }) => markOf(lineAt(program!, insnIdx) - 1));
        const missing = test.marks.filter((mark) => !marks.includes(mark));
        if (missing.length === 0) totals.wholeStory++;
        else
          complain(
            `the story misses ${missing.join(', ')}: ${told.story.map(({ role, insnIdx }, i) => `${role} ${insnIdx} ${marks[i]}`).join('; ')}`,
          );
        if (told.fixes.length > 0) totals.withEdit++;
        for (const fix of told.fixes) {
          totals.edits++;
          const loaded = await kernel
            .load(fix.program, { logLevel: 1, btf: programBtf(fix.program) })
            .catch((error: unknown) => ({ accepted: false, message: String(error), program: null }));
          await loaded.program?.closeAll();
          if (loaded.accepted) continue;
          totals.editsRefused++;
          complain(`edit refused: ${fix.title}: ${loaded.message}`);
        }
        // The same from bpftool's output alone.
        const { bytes, columns } = readLog(new TextEncoder().encode(theirs.output));
        const alone = tellLog(bytes, columns);
        const shown = alone.reason?.source?.text ?? '';
        if (/\/\/ here/.test(shown)) totals.logLine++;
        else complain(`the log alone names ${shown || 'no source'}`);
        if (alone.class === told.class) totals.logClass++;
        else complain(`the log alone is of class ${alone.class}, the program of ${told.class}`);
        const logMarks = [...alone.story.map(({ source: text }) => text), shown].map(
          (text) => /\/\/ (\w+)(?: @ .*)?$/.exec(text)?.[1] ?? '',
        );
        const lost = test.marks.filter((mark) => !logMarks.includes(mark));
        if (lost.length === 0) totals.logStory++;
        else complain(`the log's story misses ${lost.join(', ')}`);
        const reduced = reduce(program!, { verify: options });
        const again = verify(reduced.program, options);
        const keeps = !again.accepted && messageWords(again.message ?? '') === messageWords(result.message ?? '');
        if (keeps) totals.reducedSame++;
        else complain(`reduced to ${again.message}`);
        rows.push({
          case: test.at,
          class: test.class,
          name: test.name,
          compiler,
          message: result.message,
          told: told.class,
          line: isRight,
          story: missing.length === 0,
          edits: told.fixes.map(({ title }) => title),
          insns: [program!.insns.length, reduced.program.insns.length],
        });
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
    kernel.close();
  }
  for (const text of complaints) console.error(text);
  return { ...totals, complaints, rows };
}
