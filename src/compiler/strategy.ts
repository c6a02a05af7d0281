import { InputError } from '../base/errors.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { FixedStrategy, Strategy } from './api.ts';

/**
 * How the loops of a model become code, and since when kernels take them. `global`: bounded loops in global functions, each of which the verifier
 * walks once. `bounded`: the same loops in static functions, which it walks at every call. `may_goto` and `bpf_loop`: loops that it goes
 * through once or twice, however long they are. `unrolled`: global functions without loops, as far as they stay short.
 */
export const STRATEGIES: readonly { readonly name: FixedStrategy; readonly since: KernelVersion; readonly linux: string }[] = [
  { name: 'global', since: '5.15', linux: '5.6' },
  { name: 'bounded', since: '5.15', linux: '5.3' },
  { name: 'may_goto', since: '6.12', linux: '6.9' },
  { name: 'bpf_loop', since: '6.1', linux: '5.17' },
  { name: 'unrolled', since: '5.15', linux: '5.6' },
];

const minor = (version: string): number => version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0);

/** Why `kernel` cannot take code of this strategy; null when it can. */
export function whyNot(strategy: FixedStrategy, kernel: KernelVersion): string | null {
  const { since, linux } = STRATEGIES.find(({ name }) => name === strategy)!;
  return minor(kernel) >= minor(since) ? null : `strategy ${strategy} needs Linux ${linux}; the program is for ${kernel}`;
}

/** Strategies that a kernel takes, the usual one first. */
export const strategiesOf = (kernel: KernelVersion): FixedStrategy[] =>
  STRATEGIES.filter(({ name }) => whyNot(name, kernel) === null).map(({ name }) => name);

/** The strategy that is pinned, or null where the cost model chooses (`cost.ts`). Throws {@link InputError} where the kernel does not take it. */
export function strategyFor(strategy: Strategy, kernel: KernelVersion): FixedStrategy | null {
  if (strategy === 'auto') return null;
  const why = whyNot(strategy, kernel);
  if (why) throw new InputError(why, '', 'Choose a newer kernel or another strategy');
  return strategy;
}
