import type { Rules } from './rules.ts';

const SOCK_OPS = 13;

/** Accesses that 6.18 allows and an older kernel does not, as it answered (`BPFORMER_CONTEXTS=1 npm run long kernels`): skb_hwtstamp. */
export function isLaterCtxField(rules: Rules, progType: number, off: number): boolean {
  return rules.early && progType === SOCK_OPS && off >= 216;
}
