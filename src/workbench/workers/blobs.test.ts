import { afterEach, expect, it, vi } from 'vitest';
import { Cancelled } from '../../base/progress.ts';
import { bytesOf, hold, leave, Recent } from './blobs.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('forgets the bytes of a project that was left, and what was made before and not asked for since', () => {
  vi.useFakeTimers();
  const models = new Recent<string>(3);
  const ref = { hash: 'a0', name: 'a.onnx', size: 1 };
  hold({ hash: 'a0', bytes: Uint8Array.of(1) });
  for (const key of ['left', 'shared', 'older']) models.set(key, key);
  vi.advanceTimersByTime(1000);
  expect(models.get('shared')).toBe('shared');
  models.set('next', 'next');
  expect(models.get('left')).toBeUndefined();
  vi.advanceTimersByTime(500);
  leave({ gone: ['a0'], unusedMs: 600 });
  expect(['older', 'shared', 'next'].map((key) => models.get(key))).toEqual([undefined, 'shared', 'next']);
  expect(() => bytesOf(ref)).toThrow(Cancelled);
  expect(() => bytesOf({ ...ref, hash: 'b', name: 'b.onnx' })).toThrow('the bytes of b.onnx never arrived');
  hold({ hash: 'a0', bytes: Uint8Array.of(2) });
  expect(bytesOf(ref)).toEqual(Uint8Array.of(2));
  // Of another worker's life.
  leave({ gone: ['c'], unusedMs: Number.POSITIVE_INFINITY });
  expect(() => bytesOf({ ...ref, hash: 'c' })).toThrow(Cancelled);
  // Asked for late, by those who had not heard yet that the project was left.
  models.set('["a5f0",{}]', 'made of it');
  leave({ gone: ['a5f0'], unusedMs: 600 });
  expect(models.get('["a5f0",{}]')).toBeUndefined();
  // A file that could not be opened takes nothing else with it.
  vi.advanceTimersByTime(5000);
  leave({ gone: [], unusedMs: Number.POSITIVE_INFINITY });
  expect(models.get('next')).toBe('next');
});
