import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';
import { compileC } from './compile.ts';
import { VALIDATE } from './testdata/validate.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** A context of eight dimensions, of which the first is `dim`. */
const context = (dim: number): Uint8Array => new Uint8Array(Uint32Array.of(dim, 1, 1, 1, 1, 1, 1, 1).buffer);

describe.skipIf(!kernel)('the check of a tensor, in the kernel', { timeout: 120_000 }, () => {
  test('passes 4,096 and refuses 4,097, there and here', async () => {
    const { programs } = await compileC(VALIDATE, { fileName: 'validate.c' });
    const [program] = programs;
    expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).accepted).toBe(true);
    const loaded = await kernel!.load(program!);
    expect(loaded.program, loaded.log).not.toBeNull();
    const vm = new Vm(program!);
    const minusOne = 0xffffffff;
    for (const [dim, expected] of [
      [0, 0],
      [4096, 0],
      [4097, minusOne],
      [0xffffffff, minusOne],
    ] as const) {
      const run = await loaded.program!.testRun(new Uint8Array(0), { ctx: context(dim) });
      expect([dim, run.errno, run.returnValue]).toEqual([dim, 0, expected]);
      expect(vm.run({ context: context(dim) }).returnValue).toBe(expected);
    }
    await loaded.program!.close();
  });
});
