import { InputError } from '../base/errors.ts';
import { PROG_TYPE_NAMES, PROG_TYPE_SYSCALL } from '../bpf/progtypes.ts';
import { BPF_CTX_TYPES } from '../verifier/ctx-data.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';

/** What r1 points at: `struct xdp_md`, `__sk_buff` (from the link-layer header on, or from behind it), or plain memory. */
export type ContextKind = 'xdp' | 'skb' | 'skb-link' | 'memory';

const SKB = new Set(['socket_filter', 'cgroup_skb', 'lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local', 'sk_skb']);
const SKB_LINK = new Set(['sched_cls', 'sched_act']);

/** Programs of no type run on packets as XDP programs do. */
export function contextKind(progType: number): ContextKind {
  const name = PROG_TYPE_NAMES[progType];
  if (name === 'xdp' || name === 'unspec' || name === undefined) return 'xdp';
  return SKB_LINK.has(name) ? 'skb-link' : SKB.has(name) ? 'skb' : 'memory';
}

/** Most bytes of a context that the verifier lets a program of this type reach. */
export function contextSize(progType: number): number {
  return BPF_CTX_TYPES[progType]?.size ?? 96;
}

/** A context that is memory: tracepoint records, arguments of raw tracepoints, registers, what a system call hands in. */
export class MemoryContext {
  readonly context: Region;
  readonly #moved: () => void;
  readonly #progType: number;
  #space!: AddressSpace;

  constructor(layout: AddressSpaceLayout, moved: () => void, progType: number) {
    this.#progType = progType;
    this.context = layout.add({
      name: 'context',
      elementSize: 0,
      stride: (contextSize(progType) + 7) & ~7,
      writable: progType === PROG_TYPE_SYSCALL || BPF_CTX_TYPES[progType]?.fields.some((field) => field.write !== '') === true,
      moves: true,
    });
    this.#moved = moved;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  receive(bytes: Uint8Array): void {
    const most = contextSize(this.#progType);
    if (bytes.length > most) throw new InputError(`a context of ${bytes.length} bytes is longer than ${most}`);
    this.context.elementSize = bytes.length;
    this.#space.bytes.set(bytes, this.context.base);
    this.#moved();
  }
}
