import { PROG_TYPE_ACCELERATOR } from '../bpf/accelerator/names.ts';
import { PROG_TYPE_NAMES } from '../bpf/progtypes.ts';

/** What r1 points at: `struct xdp_md`, `__sk_buff` (from the link-layer header on, or from behind it), or plain memory. */
export type ContextKind = 'xdp' | 'skb' | 'skb-link' | 'memory';

const SKB = new Set(['socket_filter', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local', 'sk_skb']);
const SKB_LINK = new Set(['sched_cls', 'sched_act']);

/** Programs of no type run on packets as XDP programs do. */
export function contextKind(progType: number): ContextKind {
  if (progType === PROG_TYPE_ACCELERATOR) return 'memory';
  const name = PROG_TYPE_NAMES[progType];
  if (name === 'xdp' || name === 'unspec' || name === undefined) return 'xdp';
  return SKB_LINK.has(name) ? 'skb-link' : SKB.has(name) ? 'skb' : 'memory';
}
