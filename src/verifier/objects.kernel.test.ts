import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { readObject } from '../object/reader.ts';
import { verify } from './verify.ts';

const CASES = Array.from({ length: 18 }, (_, i) => i);
const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const has = (tool: string, arg: string): boolean => spawnSync(tool, [arg]).status === 0;
const isPossible = kernel !== null && has('bpftool', 'version') && has('clang-19', '--version');
if (!isPossible) console.warn('allocated objects against the kernel: skipped, a kernel, bpftool and clang-19 are needed');

const folder = mkdtempSync(join(tmpdir(), 'bpformer-objects-'));
afterAll(() => rmSync(folder, { recursive: true }));
const source = fileURLToPath(new URL('./testdata/objects.c', import.meta.url));

/** What bpftool's debug output holds of the kernel's log: the lines before the counters, and those. */
function kernelSays(path: string): { accepted: boolean; message: string; counters: string } {
  const pin = `/sys/fs/bpf/bpformer-objects-${process.pid}`;
  const run = spawnSync('bpftool', ['-d', 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pin, { force: true });
  const lines = (run.stdout + run.stderr).split('\n').filter((line) => !/^(stack depth|verification time) /.test(line));
  const at = lines.findIndex((line) => line.startsWith('processed '));
  return { accepted: run.status === 0, message: lines[at - 1] ?? '', counters: lines[at] ?? '' };
}

describe.skipIf(!isPossible)('objects that a program allocates', () => {
  it.each(CASES)('case %i of objects.c gets the kernel’s verdict, message and counters', (n) => {
    const path = join(folder, `case${n}.o`);
    const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-w', `-DCASE=${n}`, '-I/usr/include/x86_64-linux-gnu'];
    execFileSync('clang-19', [...flags, '-c', source, '-o', path]);
    const theirs = kernelSays(path);
    const [program] = readObject(new Uint8Array(readFileSync(path)), `case${n}.o`).programs;
    const ours = verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 1, cpus: kernel!.cpus });
    const counters = ours.log.trimEnd().split('\n').at(-1);
    expect({ accepted: ours.accepted, counters }).toEqual({ accepted: theirs.accepted, counters: theirs.counters });
    if (!theirs.accepted) expect(ours.message).toBe(theirs.message);
  });
});
