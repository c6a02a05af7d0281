/** Map types of the 6.18 uapi (`enum bpf_map_type`), by number; the names are the enum's in lower case. */
export const MAP_TYPE_NAMES: readonly string[] = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
];

export const MAP_TYPE_HASH = 1;
export const MAP_TYPE_ARRAY = 2;
export const MAP_TYPE_PROG_ARRAY = 3;
export const MAP_TYPE_PERF_EVENT_ARRAY = 4;
export const MAP_TYPE_PERCPU_HASH = 5;
export const MAP_TYPE_PERCPU_ARRAY = 6;
export const MAP_TYPE_STACK_TRACE = 7;
export const MAP_TYPE_CGROUP_ARRAY = 8;
export const MAP_TYPE_LRU_HASH = 9;
export const MAP_TYPE_LRU_PERCPU_HASH = 10;
export const MAP_TYPE_LPM_TRIE = 11;
export const MAP_TYPE_ARRAY_OF_MAPS = 12;
export const MAP_TYPE_HASH_OF_MAPS = 13;
export const MAP_TYPE_DEVMAP = 14;
export const MAP_TYPE_SOCKMAP = 15;
export const MAP_TYPE_CPUMAP = 16;
export const MAP_TYPE_XSKMAP = 17;
export const MAP_TYPE_SOCKHASH = 18;
export const MAP_TYPE_CGROUP_STORAGE = 19;
export const MAP_TYPE_REUSEPORT_SOCKARRAY = 20;
export const MAP_TYPE_PERCPU_CGROUP_STORAGE = 21;
export const MAP_TYPE_QUEUE = 22;
export const MAP_TYPE_STACK = 23;
export const MAP_TYPE_SK_STORAGE = 24;
export const MAP_TYPE_DEVMAP_HASH = 25;
export const MAP_TYPE_STRUCT_OPS = 26;
export const MAP_TYPE_RINGBUF = 27;
export const MAP_TYPE_INODE_STORAGE = 28;
export const MAP_TYPE_TASK_STORAGE = 29;
export const MAP_TYPE_BLOOM_FILTER = 30;
export const MAP_TYPE_USER_RINGBUF = 31;
export const MAP_TYPE_CGRP_STORAGE = 32;
export const MAP_TYPE_ARENA = 33;

// Flags of `MapDef.flags` (uapi `BPF_F_…` of BPF_MAP_CREATE).
export const MAP_FLAG_NO_PREALLOC = 1 << 0;
export const MAP_FLAG_RDONLY = 1 << 3;
export const MAP_FLAG_WRONLY = 1 << 4;
export const MAP_FLAG_RDONLY_PROG = 1 << 7;
export const MAP_FLAG_WRONLY_PROG = 1 << 8;
export const MAP_FLAG_MMAPABLE = 1 << 10;
export const MAP_FLAG_INNER_MAP = 1 << 12;

const byName = new Map(MAP_TYPE_NAMES.map((name, type) => [name, type]));

/** Number of the map type `name` (`percpu_array`; any case, with or without `BPF_MAP_TYPE_`), or undefined. */
export function mapTypeByName(name: string): number | undefined {
  return byName.get(name.toLowerCase().replace(/^bpf_map_type_/, ''));
}

/** Name of a map type, or `type N` for one that 6.18 does not define. */
export function mapTypeName(type: number): string {
  return MAP_TYPE_NAMES[type] ?? `type ${type}`;
}

/** True for the map types whose values exist once for each CPU. */
export function isPerCpu(type: number): boolean {
  return (
    type === MAP_TYPE_PERCPU_HASH ||
    type === MAP_TYPE_PERCPU_ARRAY ||
    type === MAP_TYPE_LRU_PERCPU_HASH ||
    type === MAP_TYPE_PERCPU_CGROUP_STORAGE
  );
}

/** True for the map types that hold other maps. */
export function isMapInMap(type: number): boolean {
  return type === MAP_TYPE_ARRAY_OF_MAPS || type === MAP_TYPE_HASH_OF_MAPS;
}
