import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { runningKernel } from '../../companion/kernel-target.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { writeObject } from '../../object/writer.ts';
import type { VerifyOptions } from '../api.ts';
import { verify } from '../verify.ts';
import { exampleMessages, programOfExample } from './build.ts';
import { PAGES } from './catalogue.ts';
import { EXAMPLES } from './examples.ts';
import { pairOf } from './pair.ts';
import { templateOf } from './template.ts';

const kernel = await kernelForTests();
const folder = mkdtempSync(join(tmpdir(), 'bpformer-catalogue-'));
afterAll(() => {
  kernel?.close();
  rmSync(folder, { recursive: true });
});
const hasBpftool = spawnSync('bpftool', ['version']).status === 0;
const options: VerifyOptions = {
  kernel: '6.18',
  privilege: 'root',
  logLevel: 0,
  cpus: kernel?.cpus ?? 2,
  kernelBtf: runningKernel().btf,
  kernelSymbols: runningKernel().symbols,
};

/** A lock in a map value is known by the map's types, which libbpf hands to the kernel. */
const needsTypes = (program: Program): boolean => program.maps.some(({ spinLockOff }) => spinLockOff !== undefined);

function byLibbpf(program: Program): string | null {
  const path = join(folder, 'example.o');
  const pin = `/sys/fs/bpf/bpformer-catalogue-${process.pid}`;
  writeFileSync(path, writeObject([program]));
  const run = spawnSync('bpftool', ['-d', 'prog', 'load', path, pin], { encoding: 'utf8', maxBuffer: 1 << 28 });
  rmSync(pin, { force: true });
  if (run.status === 0) return null;
  const log = (run.stdout + run.stderr).split('\n').filter((line) => !/^(stack depth|verification time) /.test(line));
  return log[log.findIndex((line) => line.startsWith('processed ')) - 1] ?? run.stderr;
}

/** The kernel's message; null where it accepts. */
async function kernelSays(program: Program): Promise<string | null> {
  if (needsTypes(program)) return byLibbpf(program);
  const btf = program.subprogs.length > 1 ? { btf: programBtf(program) } : {};
  const loaded = await kernel!.load(program, { logLevel: 4, logSize: 1 << 20, ...btf });
  await loaded.program?.closeAll();
  return loaded.accepted ? null : (loaded.message ?? '');
}

/** Programs of the simulated accelerator, which no kernel knows. */
const isDevice = (example: string): boolean => example.startsWith('.section accelerator/');

describe.skipIf(!kernel || !hasBpftool)('the examples of the catalogue', () => {
  it.each(EXAMPLES.map((example, at) => [at, example] as const))(
    '%i: the kernel gives our message, and accepts the repair',
    async (_, example) => {
      const { rejected, repaired } = pairOf(example);
      const bad = programOfExample(rejected);
      const { accepted, message } = verify(bad, options);
      expect(accepted).toBe(false);
      if (isDevice(example)) {
        expect(verify(programOfExample(repaired), options).message).toBeNull();
        return;
      }
      expect(templateOf((await kernelSays(bad)) ?? 'accepted')).toBe(templateOf(message!));
      const good = programOfExample(repaired);
      expect(verify(good, options).message).toBeNull();
      expect(await kernelSays(good)).toBeNull();
    },
  );

  it('are those that the pages name', () => {
    const messages = exampleMessages(runningKernel());
    const named = new Map(PAGES.flatMap((page) => (page.example ? [[page.example.rejected, page.template] as const] : [])));
    for (const [at, message] of messages.entries())
      expect([at, named.get(pairOf(EXAMPLES[at]!).rejected)]).toEqual([at, templateOf(message)]);
    expect(named.size).toBe(EXAMPLES.length);
  });
});
