import { expect, it } from 'vitest';
import { Query } from '../../verifier/query/query.ts';
import { record } from '../../verifier/query/recorder.ts';
import { Debugger } from '../../vm/debug/debugger.ts';
import { randomProgram } from '../../vm/testing/random-program.ts';
import { Vm } from '../../vm/vm.ts';
import { coveringState } from './machine-states.ts';

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => i * 37);

it('what registers and stack hold is within what the verifier knew, wherever it followed every path', async () => {
  let places = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const program = randomProgram(seed);
    const recording = record(program, { kernel: '6.18', privilege: 'root', logLevel: 0, statesFrom: 0 });
    const ends = Array.from({ length: recording.runs }, (_, run) => recording.runEnd(run));
    // A path that an earlier state covers has no states of its own, and that state may say less or other than its values.
    if (!recording.accepted || ends.includes('pruned')) continue;
    const query = new Query(recording);
    const debug = new Debugger(new Vm(program), ({ prepareXdp }) => prepareXdp(PACKET));
    for (; !debug.ended; places++) {
      const values: Record<string, string> = {};
      for (let index = 0; index < 10; index++) values[`r${index}`] = String(debug.register(index));
      const { stackBase } = debug.frames.at(-1)!;
      for (let off = 8; off <= 512; off += 8) {
        values[`fp-${off}`] = String(debug.parts.space.view.getBigUint64(stackBase + 512 - off, true));
      }
      const { visits, covers, rows } = coveringState(query, debug.insnIdx, values);
      const outside = rows.filter(({ inside }) => inside === false);
      expect([seed, debug.insnIdx, visits > 0, covers, outside]).toEqual([seed, debug.insnIdx, true, true, []]);
      await debug.stepInto();
    }
  }
  expect(places).toBeGreaterThan(1000);
});

it('says so where no state that was visited holds for a value', () => {
  const program = randomProgram(1);
  const query = new Query(record(program, { kernel: '6.18', privilege: 'root', logLevel: 0, statesFrom: 0 }));
  // r6 = data; r2 = data_end; r3 = r6; r3 += 60; if r3 <= r2; r0 = 0
  expect(coveringState(query, 6, { r0: '0' })).toMatchObject({ covers: true, visits: 1 });
  const { covers, rows } = coveringState(query, 6, { r0: '1' });
  expect(covers).toBe(false);
  expect(rows.find(({ name }) => name.toLowerCase() === 'r0')).toMatchObject({ inside: false });
});
