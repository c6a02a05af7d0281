import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCEL_RETURNS } from '../../bpf/accelerator/hooks.ts';
import { fake } from './testing/device.ts';
import { type LifeReport, liveThrough } from './testing/life.ts';
import { fakeWitness, realWitness } from './testing/witness.ts';

const CLEAN = { lost: 0, duplicated: 0, reordered: 0, wronglySeen: 0, miscounted: 0, staleSettings: 0 };

/** Programs that hold commands up, let others pass and refuse some. */
const meddlers = (seed: number) => [
  fake('holds', 'token', ({ seq, nowNs }) => ((seq + nowNs + seed) % 5 === 0 ? ACCEL_RETURNS.DEFER : 0)),
  fake('stirs', 'dispatch', ({ seq, nowNs }) => [0, ACCEL_RETURNS.DEFER, 0, ACCEL_RETURNS.REORDER, 0][(seq + nowNs + seed) % 5]),
  fake('refuses', 'dispatch', ({ seq }) => ((seq + seed) % 41 === 0 ? -1 : 0)),
  fake('refuses early', 'submit', ({ seq }) => ((seq + seed) % 53 === 0 ? -1 : 0)),
  fake('withholds', 'complete', ({ seq }) => ((seq + seed) % 61 === 0 ? -1 : 0)),
];

describe('while programs come and go', () => {
  it('no command is lost, doubled or passed by another, and each is seen by the programs attached when it entered', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 300 }), (seed, commands) => {
        const report = liveThrough({ commands, seed, witness: fakeWitness });
        expect(report).toMatchObject({ ...CLEAN, commands, completed: commands, aborted: 0 });
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('nor where programs defer, reorder and refuse: each has one end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 300 }), (seed, commands) => {
        const report = liveThrough({ commands, seed, witness: fakeWitness, meddlers: meddlers(seed) });
        // Reordering is what some of them are for.
        expect({ ...report, reordered: 0 }).toMatchObject({ ...CLEAN, commands });
        expect(report.completed + report.aborted).toBe(commands);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it('by real programs with maps that change under them', () => {
    const report: LifeReport = liveThrough({ commands: 2000, seed: 3, witness: realWitness(2000) });
    expect(report).toMatchObject({ ...CLEAN, commands: 2000, completed: 2000 });
    for (const count of [report.attached, report.detached, report.replaced, report.mapUpdates]) expect(count).toBeGreaterThan(50);
    expect(report.programRuns).toBeGreaterThan(5000);
  });
});
