import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Cancelled } from '../base/progress.ts';
import { putBlob } from './blobs.ts';
import { callOnProgram, compileWorker, expectProgram, type ProgramSpec, rememberProgram } from './clients.ts';
import { type BlobRef, EMPTY_PROJECT } from './document.ts';

let blob: BlobRef;
beforeAll(async () => {
  blob = await putBlob('a.s', new TextEncoder().encode('exit\n'));
});
const spec = (key: string): ProgramSpec => ({ key, from: { kind: 'assembly', blob }, options: EMPTY_PROJECT.options, fork: null });

afterEach(() => {
  expectProgram(null);
  vi.restoreAllMocks();
});

function listening() {
  vi.spyOn(compileWorker, 'hold').mockImplementation(() => {});
  return vi.spyOn(compileWorker, 'call').mockImplementation(async (_method, args) => (args as { program: ProgramSpec }).program.key);
}

describe('questions about a program', () => {
  it('wait where it is shown before it is known what it is made of', async () => {
    const calls = listening();
    expectProgram('coming');
    const asked = callOnProgram('coming', 'irView');
    // The same document runs through its stages again.
    expectProgram('coming');
    await Promise.resolve();
    expect(calls).not.toHaveBeenCalled();
    rememberProgram(spec('coming'));
    expect(await asked).toBe('coming');
  });

  it('are cancelled when it will not come, and when nobody knows it', async () => {
    const calls = listening();
    expectProgram('stopped');
    const asked = callOnProgram('stopped', 'irView');
    expectProgram(null);
    await expect(asked).rejects.toBeInstanceOf(Cancelled);
    expectProgram('another');
    await expect(callOnProgram('stopped', 'irView')).rejects.toBeInstanceOf(Cancelled);
    expect(calls).not.toHaveBeenCalled();
  });
});
