import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { explain } from './explain/explain.ts';
import { programOfLog } from './logfile/program.ts';
import { readLog } from './logfile/reader.ts';
import { verify } from './verify.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const folder = join(import.meta.dirname, '..', '..', 'public', 'samples', 'rejected');

describe.skipIf(!kernel)('the rejected sample', () => {
  const { program } = assemble(readFileSync(join(folder, 'unchecked.s'), 'utf8'));
  const options = { kernel: '6.18', privilege: 'root', logLevel: 1, cpus: kernel?.cpus ?? 2 } as const;

  it('is refused by the kernel and by us with the same words', async () => {
    const theirs = await kernel!.load(program!, { btf: programBtf(program!), logLevel: 1 });
    const ours = verify(program!, options);
    expect(theirs.accepted).toBe(false);
    expect([ours.accepted, ours.message, ours.insnIdx]).toEqual([theirs.accepted, theirs.message, theirs.insnIdx]);
    expect(ours.message).toBe('R5 offset is outside of the packet');
    // The log reader says the same of the kernel's own log.
    const { columns } = readLog(new TextEncoder().encode(theirs.log) as Uint8Array<ArrayBuffer>);
    expect(columns.runs[columns.run]).toMatchObject({ verdict: 'rejected', message: theirs.message, insnIdx: theirs.insnIdx });
  });

  it('is mended by each edit that is offered', async () => {
    const { fixes } = explain(program!, verify(program!, options), { verify: options });
    expect(fixes.length).toBeGreaterThan(0);
    for (const fix of fixes) {
      const theirs = await kernel!.load(fix.program, { btf: programBtf(fix.program), logLevel: 1 });
      await theirs.program?.close();
      expect([fix.title, theirs.accepted]).toEqual([fix.title, true]);
    }
  });
});

describe('the log among the samples', () => {
  it('names program, reason and instruction, and shows the whole program', () => {
    const raw = new Uint8Array(readFileSync(join(folder, 'count-flows.log')));
    const { bytes, columns } = readLog(raw);
    expect(columns.runs[columns.run]).toMatchObject({
      program: 'count_flows',
      verdict: 'rejected',
      message: 'R6 max value is outside of the allowed memory range',
      insnIdx: 31,
      complete: true,
      counters: { processed: 55, stackDepth: '8+0' },
    });
    const program = programOfLog(bytes, columns);
    expect(program.missing).toBe(0);
    expect(program.code.length / 8).toBe(52);
    expect(program.functions).toEqual([
      { name: 'count_flows', start: 0 },
      { name: 'func#1', start: 45 },
    ]);
    expect(program.sources.find((source) => source.insnIdx === 29)).toMatchObject({
      file: 'flows.c',
      text: 'sum += sketch->hits[rows + i];',
    });
  });
});
