import { expect, it } from 'vitest';
import { MIXED_PACKETS, sampleInProduction } from '../hooks/testing/production-runs.ts';
import { Scorer } from './runner.ts';

it('a replay judges every event of a program in production, the second time too', () => {
  const verdicts = (scorer: Scorer): number[] =>
    MIXED_PACKETS.map((packet) => {
      scorer.packet(packet, 0);
      return scorer.verdict;
    });
  const plain = sampleInProduction({});
  const wanted = verdicts(new Scorer(plain.program, plain.meta));
  expect(new Set(wanted).size).toBeGreaterThan(1);
  const watching = sampleInProduction({ shadow: true, sample: { oneIn: 1000, by: 'event' } });
  const scorer = new Scorer(watching.program, watching.meta);
  expect(verdicts(scorer)).toEqual(wanted);
  scorer.reset();
  expect(verdicts(scorer)).toEqual(wanted);
});
