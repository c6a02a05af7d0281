import { expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { Frame, State } from './state.ts';
import { verify } from './verify.ts';

it('keeps few frames and no states of an exploration that ended', () => {
  const MANY = 1000;
  const frames = new Set(Array.from({ length: MANY }, () => new Frame(0, 0, 0)));
  const states = new Set(Array.from({ length: MANY }, () => new State()));
  for (const frame of frames) frame.release();
  for (const state of states) state.release(true);
  verify(assemble('.section xdp\n.license GPL\nr0 = 2\nexit\n').program!, { kernel: '6.18', privilege: 'root', logLevel: 0 });
  const [frame, state] = [new Frame(0, 0, 0), new State()];
  const copies = Array.from({ length: MANY }, () => frame.clone());
  expect(copies.filter((copy) => frames.has(copy)).length).toBeLessThan(MANY / 10);
  expect(Array.from({ length: MANY }, () => state.clone()).filter((copy) => states.has(copy))).toEqual([]);
});
