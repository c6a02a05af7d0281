import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { disassemble } from '../bpf/listing.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from './program-btf.ts';
import { readObject } from './reader.ts';
import { writeObject } from './writer.ts';

/** clang before 18 knows up to v3. BPFORMER_ALL_CLANG=1 compiles for every version with every compiler that is installed. */
const MATRIX: readonly (readonly [compiler: string, cpu: string])[] = process.env.BPFORMER_ALL_CLANG
  ? ['clang-13', 'clang-14', 'clang-15', 'clang-16', 'clang-19'].flatMap((compiler) =>
      (compiler === 'clang-19' ? ['v1', 'v2', 'v3', 'v4'] : ['v1', 'v2', 'v3']).map((cpu) => [compiler, cpu] as const),
    )
  : [
      ['clang-16', 'v1'],
      ['clang-16', 'v3'],
      ['clang-19', 'v2'],
      ['clang-19', 'v4'],
    ];

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const testdata = fileURLToPath(new URL('./testdata/', import.meta.url));
const sources = readdirSync(testdata).filter((name) => name.endsWith('.c'));
const folder = mkdtempSync(join(tmpdir(), 'bpformer-clang-'));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (tool: string, arg: string): boolean => spawnSync(tool, [arg]).status === 0;
const compilers = new Set([...new Set(MATRIX.map(([compiler]) => compiler))].filter((tool) => has(tool, '--version')));
const isPossible = kernel !== null && has('bpftool', 'version') && compilers.size > 0;
if (!isPossible) console.warn('objects of clang against the kernel: skipped, a kernel, bpftool and clang-16 or clang-19 are needed');

/** What libbpf and the kernel say about an object: each program's counters as far as loading got, and whether it got through. */
function verdict(path: string): { ok: boolean; processed: string[] } {
  const pins = `/sys/fs/bpf/bpformer-${process.pid}-${basename(path).replaceAll('.', '-')}`;
  const run = spawnSync('bpftool', ['-d', 'prog', 'loadall', path, pins], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pins, { recursive: true, force: true });
  const log = run.stdout + run.stderr;
  return { ok: run.status === 0, processed: [...log.matchAll(/processed \d+ insns .* peak_states \d+/g)].map((match) => match[0]) };
}

describe.skipIf(!isPossible)('objects that clang writes', () => {
  for (const [compiler, cpu] of MATRIX) {
    it.skipIf(!compilers.has(compiler)).each(sources)(
      `${compiler} -mcpu=${cpu} %s: read and written again, the kernel says the same`,
      async (source) => {
        const path = join(folder, `${source}.o`);
        execFileSync(compiler, [
          '-target',
          'bpf',
          `-mcpu=${cpu}`,
          '-O2',
          '-g',
          '-I/usr/include/x86_64-linux-gnu',
          '-c',
          join(testdata, source),
          '-o',
          path,
        ]);
        const object = readObject(readFileSync(path), path);
        for (const program of object.programs) {
          const again = assemble(disassemble(program)).program;
          expect(again?.insns).toEqual(program.insns);
        }
        if (source === 'externs.c') {
          const { kfuncCalls } = object.programs[0]!;
          expect([...kfuncCalls.values()]).toEqual(['bpf_iter_num_new']);
          expect(object.warnings).toEqual(['external unknown_symbol is unresolved and reads as 0']);
          return;
        }
        expect(object.warnings).toEqual([]);
        const original = verdict(path);
        expect(original.ok).toBe(source !== 'rejected.c');
        expect(original.processed).toHaveLength(object.programs.length);
        const copy = join(folder, `again.${source}.o`);
        writeFileSync(copy, writeObject(object.programs));
        expect(verdict(copy)).toEqual(original);
        // A lock is found by the type of the map's value, which only libbpf hands to the kernel.
        if (object.maps.some((map) => map.spinLockOff !== undefined)) return;
        const direct: string[] = [];
        for (const program of object.programs) {
          const result = await kernel!.load(program, { logLevel: 7, btf: programBtf(program) });
          expect(result.accepted).toBe(original.ok);
          direct.push(...[...result.log.matchAll(/processed \d+ insns .* peak_states \d+/g)].map((match) => match[0]));
          await result.program?.closeAll();
        }
        // libbpf loads programs in the order of their sections, which may differ.
        expect(direct.sort()).toEqual([...original.processed].sort());
      },
    );
  }
});
