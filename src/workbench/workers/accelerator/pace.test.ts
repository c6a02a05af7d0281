import { expect, test } from 'vitest';
import { runTo } from './pace.ts';

/** A device with work until `workNs`, whose driver gives it work for 30 µs at each step: behind that it waits for the next. */
function device(workNs: number) {
  const own = { nowNs: 0, waitedNs: 0, steps: 0 };
  const advance = (untilNs: number): boolean => {
    if (own.nowNs >= workNs) return true;
    own.steps++;
    own.waitedNs += Math.max(0, Math.min(untilNs, workNs) - own.nowNs - 30_000);
    own.nowNs = untilNs;
    return false;
  };
  return { own, host: { advance, device: own } };
}

test('a device never waits for its driver, however far it is to go at once', () => {
  const { own, host } = device(50_000_000);
  expect(runTo(host, 10_000_000, () => false)).toBe(false);
  expect(own).toMatchObject({ nowNs: 10_000_000, waitedNs: 0 });
  // Its clock ends with its work, whatever the goal.
  expect(runTo(host, Number.POSITIVE_INFINITY, () => false)).toBe(true);
  expect(own.waitedNs).toBe(0);
  expect(own.nowNs - 50_000_000).toBeLessThan(20_000);
});

test('it is late where its time is over', () => {
  const { own, host } = device(50_000_000);
  let turns = 0;
  expect(runTo(host, 10_000_000, () => ++turns === 3)).toBe(false);
  expect(own).toMatchObject({ nowNs: 60_000, steps: 3 });
});
