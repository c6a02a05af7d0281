import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { encodeInsns } from '../bpf/insn.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { readElf } from './elf.ts';
import { readObject } from './reader.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const compilers = ['clang-16', 'clang-19'].filter((tool) => spawnSync(tool, ['--version']).status === 0);
if (compilers.length === 0) console.warn('unusual objects of clang: skipped, clang-16 or clang-19 is needed');
const folder = mkdtempSync(join(tmpdir(), 'bpformer-odd-'));
afterAll(() => rmSync(folder, { recursive: true }));

function compile(compiler: string, source: string, ...flags: string[]): Uint8Array {
  const path = join(folder, 'x.o');
  const file = fileURLToPath(new URL(`./testdata/${source}`, import.meta.url));
  execFileSync(compiler, ['-target', 'bpf', '-mcpu=v3', '-O2', '-I/usr/include/x86_64-linux-gnu', ...flags, '-c', file, '-o', path]);
  return readFileSync(path);
}

describe.skipIf(compilers.length === 0)('unusual objects', () => {
  for (const compiler of compilers) {
    for (const flags of [[], ['-g']]) {
      it.skipIf(!kernel)(`${compiler} ${flags}: legacy maps and static functions beside their caller`, async () => {
        const { programs, maps, warnings } = readObject(compile(compiler, 'odd/legacy.c', ...flags), 'legacy.o');
        expect(warnings).toEqual([]);
        expect(maps).toEqual([
          { name: 'first', type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 1 },
          { name: 'second', type: 2, keySize: 4, valueSize: 16, maxEntries: 4, flags: 0 },
        ]);
        expect(programs.map((program) => program.subprogs.map(({ name, linkage }) => `${name} ${linkage}`))).toEqual([
          ['entry global', 'local static'],
        ]);
        const result = await kernel!.load(programs[0]!, { logLevel: 1 });
        expect(result.message).toBeNull();
        // Test runs come in on interface 1: local(1) is 5; `second` is an array of zeros.
        expect(await result.program!.testRun(new Uint8Array(64))).toMatchObject({ errno: 0, returnValue: 5 });
        await result.program!.closeAll();
      });

      it(`${compiler} ${flags}: functions without a section`, () => {
        const { programs, warnings } = readObject(compile(compiler, 'odd/plain.c', ...flags), 'plain.o');
        expect(warnings).toEqual(['section .text names no program type that libbpf knows']);
        expect(programs).toHaveLength(1);
        expect(programs[0]).toMatchObject({ name: 'entry', section: '.text', progType: 0 });
        expect(programs[0]!.subprogs.map((func) => func.name)).toEqual(['entry', 'helper']);
      });
    }

    it(`${compiler}: its assembly text gives its own bytes`, () => {
      const object = readElf(compile(compiler, 'packet.c'), 'packet.o');
      const file = fileURLToPath(new URL('./testdata/packet.c', import.meta.url));
      const text = execFileSync(compiler, ['-target', 'bpf', '-mcpu=v3', '-O2', '-I/usr/include/x86_64-linux-gnu', '-S', file, '-o', '-'], {
        encoding: 'utf8',
      });
      // The GNU directives around the function are no part of our syntax.
      const body = text.slice(text.indexOf('parse:'), text.indexOf('.Lfunc_end')).replace(/^\s*\..*$/gm, '');
      const { program, diagnostics } = assemble(body);
      expect(diagnostics).toEqual([]);
      expect(encodeInsns(program!.insns)).toEqual(new Uint8Array(object.sections.find(({ name }) => name === 'xdp')!.bytes));
    });
  }

  it('needs BTF for maps in .maps', () => {
    expect(() => readObject(compile(compilers[0]!, 'counter.c'), 'counter.o')).toThrow(
      'counter.o: the object defines maps in .maps, but has no BTF. compile with -g',
    );
  });
});
