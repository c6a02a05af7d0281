import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { record } from './recorder.ts';
import { heldToLog } from './testing/held-to-log.ts';
import { PROGRAMS, program } from './testing/programs.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

/** Registers and slots that the kernel's own log shows, each held to the recording. */
async function judge(made: Program): Promise<number> {
  const theirs = await kernel!.load(made, { btf: programBtf(made), logLevel: 2 });
  await theirs.program?.close();
  const { wrong, shown } = heldToLog(record(made, { ...OPTIONS, cpus: kernel!.cpus }), theirs.log);
  expect(wrong).toEqual([]);
  return shown;
}

describe.skipIf(!kernel)('the states of a recording are those of the kernel', () => {
  it.each(PROGRAMS)('%s', async (_, text) => {
    expect(await judge(program(text))).toBeGreaterThan(3);
  });

  it('for random programs', async () => {
    let shown = 0;
    for (let seed = 1; seed <= 60; seed++) shown += await judge(randomProgram(seed));
    expect(shown).toBeGreaterThan(2000);
  });
});
