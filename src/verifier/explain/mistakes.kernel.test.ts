import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { readObject } from '../../object/reader.ts';
import type { VerifyOptions } from '../api.ts';
import { verify } from '../verify.ts';
import type { ExplanationClass } from './classes.ts';
import { explain, type StoryStep } from './explain.ts';

/** One of `testdata/mistakes.c`: what the refusal is called, and what the story must go through, by the words at the lines of C. */
interface Mistake {
  readonly name: string;
  readonly class: ExplanationClass;
  /** Marks of lines, in the order of the story; `here` is the last. */
  readonly story: readonly string[];
  /** Whether an edit is offered. */
  readonly mended: boolean;
}

/** Classes and weights as rejections of real programs have them (`bpfix-bench`): numbers as addresses 9, ranges 5, spills 3, contracts 3, and so on. */
const MISTAKES: readonly Mistake[] = [
  { name: 'an argument of a probed function is read directly', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'an argument of a raw tracepoint is read directly', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'an address from a map', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'the current task as a number', class: 'wrong-type', story: ['born', 'here'], mended: true },
  { name: 'a field of the packet as an address', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'a packet pointer after the packet has moved', class: 'provenance', story: ['proved', 'lost', 'here'], mended: true },
  { name: 'half of a pointer', class: 'provenance', story: ['lost', 'here'], mended: true },
  { name: 'the distance of two pointers', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'a number in the context', class: 'provenance', story: ['born', 'here'], mended: true },
  { name: 'a byte of the packet as an index', class: 'index', story: ['born', 'here'], mended: true },
  { name: 'a signed index without a lower end', class: 'sign', story: ['born', 'proved', 'here'], mended: true },
  { name: 'a length of the packet as a size', class: 'sign', story: ['born', 'here'], mended: true },
  { name: 'an index that is read again after its check', class: 'index', story: ['born', 'here'], mended: true },
  { name: 'a mask wider than the buffer', class: 'index', story: ['born', 'here'], mended: true },
  { name: 'a pointer that is copied in halves', class: 'provenance', story: ['here'], mended: false },
  { name: 'a kept pointer that is overwritten in part', class: 'provenance', story: ['lost', 'here'], mended: true },
  { name: 'a kept pointer that a helper overwrites', class: 'provenance', story: ['lost', 'here'], mended: true },
  { name: 'a buffer smaller than what is written into it', class: 'stack', story: ['here'], mended: true },
  { name: 'a verdict that the hook does not know', class: 'return-range', story: ['born', 'here'], mended: true },
  { name: 'two frames that are too large together', class: 'call-stack', story: ['here'], mended: false },
  { name: 'a section that is not left', class: 'section', story: ['born', 'here'], mended: false },
  { name: 'a helper under a lock', class: 'section', story: ['born', 'here'], mended: false },
  { name: 'a reserved record that is kept', class: 'reference', story: ['born', 'here'], mended: false },
  { name: 'the bytes of a record after it was sent', class: 'provenance', story: ['born', 'lost', 'here'], mended: true },
  { name: 'packet bytes without a check', class: 'packet-check', story: ['born', 'here'], mended: true },
  { name: 'a check for the first header only', class: 'packet-check', story: ['born', 'proved', 'here'], mended: true },
  { name: 'a lookup without a check', class: 'null-check', story: ['born', 'here'], mended: true },
  { name: 'the check of another lookup', class: 'null-check', story: ['born', 'here'], mended: true },
  { name: 'an object that may not be there is given back', class: 'null-check', story: ['born', 'here'], mended: true },
  { name: 'an index that is one too large', class: 'index', story: ['born', 'proved', 'here'], mended: true },
];

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const has = (tool: string, arg: string): boolean => spawnSync(tool, [arg]).status === 0;
const isPossible = kernel !== null && has('bpftool', 'version') && has('clang-19', '--version');
if (!isPossible) console.warn('classic mistakes: skipped, a kernel, bpftool and clang-19 are needed');

const folder = mkdtempSync(join(tmpdir(), 'bpformer-mistakes-'));
afterAll(() => rmSync(folder, { recursive: true }));
const source = fileURLToPath(new URL('./testdata/mistakes.c', import.meta.url));
const lines = readFileSync(source, 'utf8').split('\n');

/** The words at a line of the C file: `// here`. */
const markOf = (line: number): string => /\/\/ (\w+)$/.exec(lines[line - 1] ?? '')?.[1] ?? '';

const lineAt = (program: Program, insnIdx: number): number => program.lineInfo.findLast((info) => info.insnIdx <= insnIdx)?.line ?? 0;

/** What the kernel says to the object itself, as libbpf loads it. */
function kernelSays(path: string): { accepted: boolean; message: string } {
  const pin = `/sys/fs/bpf/bpformer-mistakes-${process.pid}`;
  const run = spawnSync('bpftool', ['-d', 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pin, { force: true });
  const log = (run.stdout + run.stderr).split('\n').filter((line) => !/^(stack depth|verification time) /.test(line));
  return { accepted: run.status === 0, message: log[log.findIndex((line) => line.startsWith('processed ')) - 1] ?? '' };
}

describe.skipIf(!isPossible)('classic mistakes, in C and in bytecode', () => {
  const options: VerifyOptions = {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    cpus: kernel?.cpus ?? 2,
    kernelBtf: runningKernel().btf,
    kernelSymbols: runningKernel().symbols,
  };

  it.each(MISTAKES.map((mistake, at) => [at, mistake.name, mistake] as const))('%i: %s', async (at, _, mistake) => {
    const path = join(folder, `mistake${at}.o`);
    const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-w', `-DCASE=${at}`, '-I/usr/include/x86_64-linux-gnu'];
    execFileSync('clang-19', [...flags, '-c', source, '-o', path]);
    const [program] = readObject(new Uint8Array(readFileSync(path)), `mistake${at}.o`, runningKernel()).programs;
    const result = verify(program!, options);
    expect({ accepted: result.accepted, message: result.message }).toEqual(kernelSays(path));

    const told = explain(program!, result, { verify: options });
    expect(told.class).toBe(mistake.class);
    // In C: the line at fault is the right one, and the story goes through the lines of birth, proof and loss in order.
    expect(markOf(told.source.line?.line ?? 0)).toBe('here');
    const marks = told.story.map(({ insnIdx }) => markOf(lineAt(program!, insnIdx)));
    let from = 0;
    for (const mark of mistake.story) {
      const found = marks.indexOf(mark, from);
      expect(found, `${mark} in ${marks.join(' ')}`).toBeGreaterThanOrEqual(from);
      from = found;
    }
    // In bytecode: the last step is the refused instruction, proof and loss are told as such.
    if (result.insnIdx !== null) expect(told.story.at(-1)).toMatchObject({ role: 'fault', insnIdx: result.insnIdx });
    const roleAt = (mark: string): readonly StoryStep['role'][] =>
      told.story.filter((_step, i) => marks[i] === mark).map(({ role }) => role);
    if (mistake.story.includes('proved')) expect(roleAt('proved')).toContain('proof');
    if (mistake.story.includes('lost')) expect(roleAt('lost')).toContain('lost');
    for (const part of [told.allowed?.text, told.known?.text, told.why, told.change]) expect(part ?? '').not.toBe('');

    expect(told.fixes.length > 0).toBe(mistake.mended);
    for (const fix of told.fixes) {
      const loaded = await kernel!.load(fix.program, { logLevel: 1, btf: programBtf(fix.program) });
      await loaded.program?.closeAll();
      expect(`${fix.title} ${loaded.accepted ? '' : loaded.message}`).toBe(`${fix.title} `);
    }
  });
});
