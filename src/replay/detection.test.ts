import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cheapest, costOf, countsAt, detect } from './detection.ts';

const event = fc.record({
  score: fc.oneof(
    fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
    fc.constant(Number.NaN),
  ),
  label: fc.integer({ min: -1, max: 2 }),
});
const events = fc.array(event, { maxLength: 60 });
const detectAll = (all: readonly { score: number; label: number }[]) =>
  detect(
    all.map(({ score }) => score),
    all.map(({ label }) => label),
    1,
  );

describe('detection', () => {
  test('counts are those of looking at every event', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: -1, max: 9 }), (all, eighths) => {
        const threshold = eighths / 8;
        const counts = countsAt(detectAll(all), threshold);
        const of = (flagged: boolean, positive: boolean) =>
          all.filter(({ score, label }) => label >= 0 && (label === 1) === positive && score >= threshold === flagged).length;
        expect(counts).toMatchObject({ hits: of(true, true), alarms: of(true, false), misses: of(false, true), passes: of(false, false) });
        if (counts.precision !== null) expect(counts.precision).toBe(counts.hits / (counts.hits + counts.alarms));
      }),
    );
  });

  test('the area is the chance that an event of the class scores higher, half for equals', () => {
    fc.assert(
      fc.property(events, (all) => {
        const rank = (score: number) => (Number.isNaN(score) ? -1 : score);
        const positives = all.filter(({ label }) => label === 1);
        const negatives = all.filter(({ label }) => label === 0 || label === 2);
        let wins = 0;
        for (const a of positives)
          for (const b of negatives) wins += rank(a.score) > rank(b.score) ? 1 : rank(a.score) === rank(b.score) ? 0.5 : 0;
        const { area } = detectAll(all);
        if (positives.length === 0 || negatives.length === 0) expect(area).toBeNull();
        else expect(area).toBeCloseTo(wins / (positives.length * negatives.length), 12);
      }),
    );
  });

  test('the cheapest threshold costs what looking at every event comes to, and none costs less, flagging nothing included', () => {
    fc.assert(
      fc.property(events, fc.nat(20), fc.nat(20), (all, alarm, miss) => {
        const labelled = all.filter(({ label }) => label >= 0);
        const costAt = (threshold: number): number =>
          labelled.reduce((sum, { score, label }) => {
            const flagged = score >= threshold;
            return sum + (flagged && label !== 1 ? alarm : !flagged && label === 1 ? miss : 0);
          }, 0);
        const scores = labelled.flatMap(({ score }) => (Number.isNaN(score) ? [] : [score]));
        const found = detectAll(all);
        for (const threshold of scores) expect(costOf(countsAt(found, threshold), { alarm, miss })).toBe(costAt(threshold));
        const best = cheapest(found, { alarm, miss });
        if (scores.length === 0) {
          expect(best).toBeNull();
          return;
        }
        const candidates = [Number.POSITIVE_INFINITY, ...scores].toSorted((a, b) => b - a);
        const least = Math.min(...candidates.map(costAt));
        const first = candidates.find((threshold) => costAt(threshold) === least)!;
        expect(best).toEqual({ threshold: Number.isFinite(first) ? first : null, cost: least });
      }),
    );
  });
});
