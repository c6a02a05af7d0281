import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { takeTurn } from './turns.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function hasCome({ come }: { come: Promise<void> }): Promise<boolean> {
  let has = false;
  void come.then(() => (has = true));
  await vi.advanceTimersByTimeAsync(0);
  return has;
}

it('keeps the order, whichever is ready first', async () => {
  const [first, second, third] = [takeTurn(), takeTurn(), takeTurn()];
  expect(await Promise.all([first, second, third].map(hasCome))).toEqual([true, false, false]);
  second.end();
  third.end();
  expect(await hasCome(second)).toBe(false);
  first.end();
  expect(await Promise.all([second, third].map(hasCome))).toEqual([true, true]);
});

it('does not wait for ever for one that hangs', async () => {
  const hanging = takeTurn();
  const next = takeTurn();
  expect(await hasCome(next)).toBe(false);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await hasCome(next)).toBe(true);
  hanging.end();
  next.end();
  expect(await hasCome(takeTurn())).toBe(true);
});
