import type { MapDef } from '../bpf/program.ts';
import type { AddressSpaceLayout } from './address-space.ts';
import type { Helper } from './machine.ts';
import type { Cpus, VmMapCore } from './maps/types.ts';
import type { MemoryContext } from './memory-context.ts';
import type { SkbPacket } from './skb.ts';

/**
 * The parts that machines are put together from. `core.ts` has what most programs need; `rare.ts` adds the others, so that a page whose
 * programs do without them does not carry them.
 */

/** Makes a map; its memory is reserved in `layout`. `maps` are those of the machine, which maps of maps refer to. */
export type MakeMap = (def: MapDef, layout: AddressSpaceLayout, cpus: Cpus, maps: readonly VmMapCore[]) => VmMapCore;

/** Map kinds by type. */
export const MAP_KINDS = new Map<number, MakeMap>();

/** Helpers by number. */
export const HELPERS = new Map<number, Helper>();

/** Kernel functions by name; each reads r1…r5 and returns r0. */
export const KFUNCS = new Map<string, Helper>();

/** Makes the context of programs that take plain memory; null until it is there. */
export const MEMORY_CONTEXTS: {
  make: ((layout: AddressSpaceLayout, moved: () => void, progType: number) => MemoryContext) | null;
} = { make: null };

/** Makes the packet of programs whose context is a socket buffer; null until it is there. */
export const SOCKET_BUFFERS: { make: ((layout: AddressSpaceLayout, moved: () => void, link: boolean) => SkbPacket) | null } = {
  make: null,
};
