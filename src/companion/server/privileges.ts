import { readFileSync } from 'node:fs';

/** Capabilities (uapi `capability.h`) that speak of BPF; the helper never has others. */
const BITS = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_SYSLOG: 34n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;
export type Capability = keyof typeof BITS;

export const maskOf = (...names: readonly Capability[]): bigint => names.reduce((mask, name) => mask | (1n << BITS[name]), 0n);

/** What the helper may have in effect at any time. Without CAP_BPF (before 5.8, or a narrow container) CAP_SYS_ADMIN stands for all. */
export const HELPER_MASK = maskOf('CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYSLOG', 'CAP_SYS_ADMIN');

export const namesOf = (mask: bigint): Capability[] => (Object.keys(BITS) as Capability[]).filter((name) => (mask >> BITS[name]) & 1n);

/** Capabilities of a process, by one of its sets; 0 where it cannot be read. */
export function capabilitiesOf(pid: number | 'self', set: 'Prm' | 'Eff' | 'Bnd' = 'Prm'): bigint {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return BigInt(`0x${new RegExp(`^Cap${set}:\\s*([0-9a-f]+)`, 'm').exec(text)![1]}`);
  } catch {
    return 0n;
  }
}

/** Program types whose loading needs CAP_NET_ADMIN (`is_net_admin_prog_type`, kernel/bpf/syscall.c), by name in `progtypes.ts`. */
const NET_ADMIN = new Set([3, 4, 6, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 9, 23, 25, 27, 28, 30, 32, 8]);
/** Map types that need it: those of sockets, devices and processors of the network. */
const NET_ADMIN_MAPS = new Set([14, 15, 16, 17, 18, 25]);
const PROG_TYPE_EXT = 28;

/** What loading a program takes: the verifier's full rights, and what its type and maps ask for besides. */
export function needOf(progType: number, mapTypes: readonly number[]): bigint {
  const names: Capability[] = ['CAP_BPF', 'CAP_PERFMON', 'CAP_SYSLOG'];
  if (NET_ADMIN.has(progType) || mapTypes.some((type) => NET_ADMIN_MAPS.has(type))) names.push('CAP_NET_ADMIN');
  if (progType === PROG_TYPE_EXT) names.push('CAP_SYS_ADMIN');
  return maskOf(...names);
}

/** What runs, reads and closing take. */
export const RUN_MASK = maskOf('CAP_BPF');
