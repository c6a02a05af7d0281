import { expect, it } from 'vitest';
import { strategyFor, whyNot } from './strategy.ts';

it('refuses by name what a kernel does not have', () => {
  expect(() => strategyFor('may_goto', '6.6')).toThrow('strategy may_goto needs Linux 6.9; the program is for 6.6');
  expect(() => strategyFor('bpf_loop', '5.15')).toThrow('strategy bpf_loop needs Linux 5.17');
  expect(whyNot('may_goto', '6.12')).toBeNull();
  expect(whyNot('bpf_loop', '6.1')).toBeNull();
  expect(strategyFor('auto', '5.15')).toBeNull();
});
