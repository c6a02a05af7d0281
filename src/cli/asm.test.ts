import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeInsns } from '../bpf/insn.ts';
import { readObject } from '../object/reader.ts';
import { call, inRepo, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const codeOf = (path: string): string[] =>
  readObject(new Uint8Array(readFileSync(path)), path).programs.map((program) => Buffer.from(encodeInsns(program.insns)).toString('hex'));

describe('asm and disasm', () => {
  it('take each other’s text, in both syntaxes', async () => {
    const source = scratch.write(
      'loop.s',
      'r0 = 0\nr1 = 5\nagain:\nr0 += r1\nr1 -= 1\nif r1 != 0 goto again\nif r0 == 15 goto +1\nr0 = 0\nexit\n',
    );
    const object = scratch.path('loop.o');
    expect(await call('asm', source, '-o', object)).toEqual({ status: 0, out: '', err: '' });
    for (const syntax of ['kernel', 'llvm']) {
      const { status, out } = await call('disasm', object, '--syntax', syntax);
      expect(status).toBe(0);
      const again = scratch.path('again.o');
      expect(await call('asm', scratch.write('again.s', out), '-o', again)).toMatchObject({ status: 0 });
      expect(codeOf(again)).toEqual(codeOf(object));
    }
    expect(
      (await json<{ returnValue: number }>('run', object, '--packet', scratch.write('p.bin', new Uint8Array(64)))).value.returnValue,
    ).toBe(15);
  });

  it('a program that never ends is stopped, in either engine', async () => {
    const object = scratch.path('endless.o');
    await call('asm', scratch.write('endless.s', 'again:\nr1 = 5\ngoto again\n'), '-o', object);
    const packet = scratch.write('p.bin', new Uint8Array(64));
    for (const engine of ['interp', 'wasm'])
      expect(await call('run', object, '--packet', packet, '--engine', engine)).toMatchObject({
        status: 2,
        // A fast machine reaches the limit of instructions before that of time.
        err: expect.stringMatching(/insn \d+: stopped after (900 ms|\d+ instructions)/),
      });
  });

  it('name line and column of a mistake, and count the others', async () => {
    const source = scratch.write('wrong.s', 'r0 = 0\nr0 = = 2\nfoo\nexit\n');
    expect(await call('asm', source, '-o', scratch.path('wrong.o'))).toMatchObject({
      status: 2,
      err: expect.stringMatching(/wrong\.s:2:6: .*\(and 1 more mistakes\)/),
    });
  });

  it('say where the object goes or why it cannot go there', async () => {
    const source = scratch.write('ok.s', 'r0 = 0\nexit\n');
    expect((await call('asm', source)).err).toMatch(/-o OUT\.o/);
    expect((await call('asm', source, '-o', scratch.path('no/such/folder.o'))).err).toMatch(/cannot be written \(ENOENT\)/);
    expect((await call('asm', scratch.write('text.txt', ''), '-o', scratch.path('x.o'))).err).toMatch(/assembly files end in \.s/);
  });
});

const clang = ['clang-19', 'clang-16', 'clang'].find((name) => {
  try {
    return execFileSync(name, ['--print-targets'], { encoding: 'utf8', stdio: 'pipe' }).includes('bpf');
  } catch {
    return false;
  }
});
if (!clang) console.warn('the command line on objects of clang: skipped, no clang with a BPF target');

describe.skipIf(!clang)('an object of clang', () => {
  const object = scratch.path('calls.o');
  const compile = (): void => {
    const flags = [
      '-target',
      'bpf',
      '-O2',
      '-g',
      '-I/usr/include/x86_64-linux-gnu',
      '-c',
      inRepo('src/object/testdata/calls.c'),
      '-o',
      object,
    ];
    execFileSync(clang!, flags, { stdio: 'pipe' });
  };

  it('is listed, verified and run program by program', async () => {
    compile();
    const { value } = await json<{ programs: { name: string; accepted: boolean }[] }>('verify', object);
    expect(value.programs.map(({ name, accepted }) => [name, accepted])).toEqual([
      ['first', true],
      ['second', true],
      ['third', true],
    ]);
    const packet = scratch.write('packet.bin', new Uint8Array(64).fill(3));
    expect((await call('run', object, '--packet', packet)).err).toMatch(/it has 3 programs. Choose with --program: first, second, third/);
    const one = codeOf(object)[1];
    const { out } = await call('disasm', object, '--program', 'second');
    const again = scratch.path('second.o');
    expect(await call('asm', scratch.write('second.s', out), '-o', again)).toMatchObject({ status: 0, err: '' });
    expect(codeOf(again)).toEqual([one]);
  });

  it('takes no tensors', async () => {
    const npy = inRepo('samples/zoo/fixtures/bert-small/inputs.npy');
    expect((await call('run', object, '--program', 'first', '--input', npy)).err).toMatch(/no \.debug_bpformer section.*--packet/);
  });
});
