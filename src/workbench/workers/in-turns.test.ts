import { expect, test, vi } from 'vitest';
import { timesInTurns } from './in-turns.ts';

/** A clock that moves by what the programs take. */
function clock() {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  return (ms: number) => {
    now += ms;
  };
}

test('a program that the optimising compiler has not reached yet is waited for', async () => {
  const spend = clock();
  let runs = 0;
  const rounds: number[] = [];
  const times = await timesInTurns(
    [
      { run: () => spend(0.1), executed: 1000 },
      // Six times slower an instruction at first, as baseline code is; then as fast as the other.
      { run: () => spend(++runs > 200 ? 0.05 : 0.3), executed: 500 },
    ],
    async (round) => void rounds.push(round),
  );
  vi.restoreAllMocks();
  expect(times[0]).toBeCloseTo(100_000, 0);
  expect(times[1]).toBeCloseTo(50_000, 0);
  expect(rounds.length).toBeLessThan(80);
});

test('programs that truly differ are given up on after the most rounds', async () => {
  const spend = clock();
  let rounds = 0;
  const times = await timesInTurns(
    [
      { run: () => spend(0.1), executed: 1000 },
      { run: () => spend(0.4), executed: 1000 },
    ],
    async () => void rounds++,
  );
  vi.restoreAllMocks();
  expect(times.map(Math.round)).toEqual([100_000, 400_000]);
  expect(rounds).toBe(80);
});
