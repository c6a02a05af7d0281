import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CostRecorder, clockStep, percentile, timeOf } from './event-cost.ts';

it('tells instructions by verdict exactly, and chooses events from the cheapest to the dearest', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(5000)), { minLength: 1, maxLength: 3000 }), (events) => {
      const recorder = new CostRecorder();
      for (const [verdict, insns] of events) recorder.add(verdict, insns);
      const summary = recorder.summary(7);
      expect(summary.reduce((sum, one) => sum + one.events, 0)).toBe(events.length);
      for (const { verdict, insns, chosen, events: count } of summary) {
        const own = events.filter(([of]) => of === verdict).map(([, n]) => n);
        own.sort((a, b) => a - b);
        expect(insns).toEqual({ p50: own[Math.ceil(own.length / 2) - 1], p99: own[Math.ceil(own.length * 0.99) - 1], most: own.at(-1) });
        const costs = chosen.map((at) => events[at]![1]);
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
        expect(new Set(chosen).size).toBe(Math.min(7, count));
        expect([costs[0], costs.at(-1)]).toEqual(count === 1 ? [own[0], own[0]] : [own[0], own.at(-1)]);
      }
    }),
    { seed: 5, numRuns: 60 },
  );
  expect(percentile([], 0.5)).toBeNaN();
});

it('times by a clock whose steps are longer than a run', () => {
  let work = 0;
  // A run takes 3 µs, the clock steps by 0.1 ms.
  const now = () => Math.floor((work * 0.003) / 0.1) * 0.1;
  const time = timeOf(() => work++, 5, now);
  expect(time).toBeGreaterThan(2900);
  expect(time).toBeLessThan(3100);
  let ticks = 0;
  expect(clockStep(() => Math.floor(ticks++ / 10) * 0.25)).toBe(0.25);
});
