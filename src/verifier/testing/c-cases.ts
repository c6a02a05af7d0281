import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runningKernel } from '../../companion/kernel-target.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { readObject } from '../../object/reader.ts';
import { verify } from '../verify.ts';

/** Loads with libbpf, through bpftool, whose debug output holds the kernel's log at all levels. */
function kernelSays(path: string, pin: string): { accepted: boolean; log: readonly string[] } {
  const run = spawnSync('bpftool', ['-d', 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pin, { force: true });
  const log = /-- BEGIN PROG LOAD LOG --\n(.*)-- END PROG LOAD LOG --/s.exec(run.stdout + run.stderr)?.[1] ?? '';
  return { accepted: run.status === 0, log: comparable(log) };
}

/** The lines of a log without times, addresses of maps, numbers of kernel functions and the columns that these shift. */
const comparable = (log: string): string[] =>
  log
    .split('\n')
    .filter((line) => line !== '' && !/^(stack depth|verification time) /.test(line))
    .map((line) =>
      line
        .replace(/0x[0-9a-f]{16}|map\[[^\]]*\](\+\d+)?/g, 'ADDRESS')
        .replace(/(call \w+)#\d+/, '$1')
        .replace(/\s+;/, ' ;')
        .trimEnd(),
    );

/** The cases of a file of `testdata/`, compiled with `-DCASE=N`: verdict and complete log are the kernel's. */
export async function compareCases(subject: string, file: string, count: number): Promise<void> {
  const kernel = await kernelForTests();
  afterAll(() => kernel?.close());
  const has = (tool: string, arg: string): boolean => spawnSync(tool, [arg]).status === 0;
  const isPossible = kernel !== null && has('bpftool', 'version') && has('clang-19', '--version');
  if (!isPossible) console.warn(`${subject} against the kernel: skipped, a kernel, bpftool and clang-19 are needed`);
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-cases-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const source = fileURLToPath(new URL(`../testdata/${file}`, import.meta.url));

  describe.skipIf(!isPossible)(subject, () => {
    it.each(Array.from({ length: count }, (_, i) => i))(`case %i of ${file} gets the kernel’s verdict and log`, (n) => {
      const path = join(folder, `case${n}.o`);
      const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-w', `-DCASE=${n}`, '-I/usr/include/x86_64-linux-gnu'];
      execFileSync('clang-19', [...flags, '-c', source, '-o', path]);
      const theirs = kernelSays(path, `/sys/fs/bpf/bpformer-cases-${process.pid}`);
      const target = runningKernel();
      const [program] = readObject(new Uint8Array(readFileSync(path)), `case${n}.o`, target).programs;
      const ours = verify(program!, {
        kernel: '6.18',
        privilege: 'root',
        logLevel: 7,
        cpus: kernel!.cpus,
        kernelBtf: target.btf,
        kernelSymbols: target.symbols,
      });
      expect(ours.accepted).toBe(theirs.accepted);
      // libbpf writes its own words over a call that it put there itself.
      if (ours.message === 'invalid func unknown#195896080') expect(comparable(ours.log).at(-1)).toEqual(theirs.log.at(-1));
      else expect(comparable(ours.log)).toEqual(theirs.log);
    });
  });
}
