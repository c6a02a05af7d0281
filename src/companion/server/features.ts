import { assemble } from '../../bpf/asm.ts';
import { MAP_TYPE_NAMES } from '../../bpf/maps.ts';
import { PROG_TYPE_NAMES } from '../../bpf/progtypes.ts';
import type { Kernel } from '../kernel.ts';
import type { FeatureRow } from '../protocol.ts';

const EINVAL = 22;
/** Attach types without which a type is refused whatever the kernel knows. */
const ATTACH: Readonly<Record<string, number>> = {
  cgroup_sock_addr: 8,
  cgroup_sockopt: 21,
  sk_lookup: 36,
  sk_reuseport: 39,
  netfilter: 45,
};
/** They are made from a structure or a program of the kernel's, which a probe has not. */
const NEEDS_TARGET = new Set(['tracing', 'struct_ops', 'ext', 'lsm']);
const REFUSED_TYPE = /unknown|not supported/i;

/** What newer instruction sets and verifiers added, each as the smallest program that needs it. */
const PROGRAMS: readonly (readonly [name: string, text: string])[] = [
  ['jumps on 32 bits (v3)', 'r0 = 2\nif w0 == 2 goto out\nr0 = 1\nout: exit'],
  ['sign extension and gotol (v4)', 'r0 = 2\nr1 = (s8)r0\nexit'],
  ['atomic fetch and exchange', '*(u64 *)(r10 -8) = 1\nr1 = 2\nr1 = atomic64_fetch_add((u64 *)(r10 -8), r1)\nr0 = 2\nexit'],
  ['loops', 'r0 = 9\ntop: r0 += -1\nif r0 != 2 goto top\nexit'],
  ['may_goto', 'r0 = 2\ntop: may_goto out\ngoto top\nout: exit'],
];

/** Asks the kernel for each type and feature by making the smallest thing that needs it. Nothing stays. */
export async function probe(kernel: Kernel): Promise<FeatureRow[]> {
  const rows: FeatureRow[] = [];
  const smallest = assemble('.section xdp\n.license GPL\nr0 = 0\nexit').program!;
  for (const [progType, name] of PROG_TYPE_NAMES.entries()) {
    if (progType === 0 || NEEDS_TARGET.has(name)) continue;
    const made = { ...smallest, progType, expectedAttachType: ATTACH[name] ?? 0, sleepable: name === 'syscall' };
    const result = await kernel.load(made, { logLevel: 1, logSize: 1 << 16 });
    await result.program?.close();
    // A known type may refuse this program all the same, and says why in its log.
    const there = result.accepted || (result.errno === EINVAL && result.log !== '' && !REFUSED_TYPE.test(result.log));
    rows.push({ group: 'program types', name, there });
  }
  for (const [type, name] of MAP_TYPE_NAMES.entries()) {
    if (type === 0) continue;
    const there = await probeMap(kernel, type, name);
    if (there !== null) rows.push({ group: 'map types', name, there });
  }
  for (const [name, text] of PROGRAMS) {
    const { program } = assemble(`.section xdp\n.license GPL\n${text}`);
    const result = await kernel.load(program!, { logLevel: 1, logSize: 1 << 16 });
    await result.program?.close();
    rows.push({ group: 'instructions', name, there: result.accepted });
  }
  return rows;
}

/** Shapes of maps that are not four bytes to four bytes. */
const SHAPES: Readonly<Record<string, Partial<{ keySize: number; valueSize: number; maxEntries: number; flags: number }>>> = {
  lpm_trie: { keySize: 8, flags: 1 },
  stack_trace: { valueSize: 8 },
  queue: { keySize: 0 },
  stack: { keySize: 0 },
  bloom_filter: { keySize: 0 },
  ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  user_ringbuf: { keySize: 0, valueSize: 0, maxEntries: 4096 },
  reuseport_sockarray: { valueSize: 8 },
  cgroup_storage: { keySize: 16, maxEntries: 0 },
  percpu_cgroup_storage: { keySize: 16, maxEntries: 0 },
  arena: { keySize: 0, valueSize: 0, flags: 1 << 10 },
};
/** They take types of key and value that a probe has not. */
const TYPED = new Set(['sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage', 'struct_ops']);

async function probeMap(kernel: Kernel, type: number, name: string): Promise<boolean | null> {
  if (TYPED.has(name)) return null;
  const inner = { name: 'inner', type: 2, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };
  const def = {
    name: 'probe',
    type,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    ...SHAPES[name],
    ...(name.endsWith('_of_maps') ? { inner } : {}),
  };
  const map = await kernel.tryCreateMap(def);
  if (typeof map === 'number') return false;
  await map.close();
  return true;
}
