import { InputError } from '../base/errors.ts';
import * as types from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import type { AddressSpaceLayout } from './address-space.ts';
import { ArenaMap } from './maps/arena.ts';
import { ArrayMap } from './maps/array.ts';
import { BloomFilter } from './maps/bloom.ts';
import { HashMap } from './maps/hash.ts';
import { LpmTrie } from './maps/lpm.ts';
import { OuterMap } from './maps/outer.ts';
import { QueueMap } from './maps/queue.ts';
import { StorageMap } from './maps/storage.ts';
import { TargetMap } from './maps/targets.ts';
import type { Cpus, VmMapCore } from './maps/types.ts';

export { type ArrayGeometry, type Cpus, MapRefusal, type VmMap, type VmMapCore } from './maps/types.ts';

type Make = (def: MapDef, layout: AddressSpaceLayout, cpus: Cpus, maps: readonly VmMapCore[]) => VmMapCore;

const hash: Make = (def, layout, cpus) => new HashMap(def, layout, cpus);
const array: Make = (def, layout, cpus) => new ArrayMap(def, layout, cpus);
const target: Make = (def, layout, cpus) => new TargetMap(def, layout, cpus);
const storage: Make = (def, layout, cpus) => new StorageMap(def, layout, cpus);
const outer: Make = (def, _layout, _cpus, maps) => new OuterMap(def, maps);
const queue: Make = (def) => new QueueMap(def);

/** By map type; the others are refused by name. */
const MAKE: Readonly<Record<number, Make>> = {
  [types.MAP_TYPE_HASH]: hash,
  [types.MAP_TYPE_ARRAY]: array,
  [types.MAP_TYPE_PROG_ARRAY]: target,
  [types.MAP_TYPE_PERF_EVENT_ARRAY]: target,
  [types.MAP_TYPE_PERCPU_HASH]: hash,
  [types.MAP_TYPE_PERCPU_ARRAY]: array,
  [types.MAP_TYPE_STACK_TRACE]: target,
  [types.MAP_TYPE_CGROUP_ARRAY]: target,
  [types.MAP_TYPE_LRU_HASH]: hash,
  [types.MAP_TYPE_LRU_PERCPU_HASH]: hash,
  [types.MAP_TYPE_LPM_TRIE]: (def, layout, cpus) => new LpmTrie(def, layout, cpus),
  [types.MAP_TYPE_ARRAY_OF_MAPS]: outer,
  [types.MAP_TYPE_HASH_OF_MAPS]: outer,
  [types.MAP_TYPE_DEVMAP]: target,
  [types.MAP_TYPE_SOCKMAP]: target,
  [types.MAP_TYPE_CPUMAP]: target,
  [types.MAP_TYPE_XSKMAP]: target,
  [types.MAP_TYPE_SOCKHASH]: target,
  [types.MAP_TYPE_CGROUP_STORAGE]: storage,
  [types.MAP_TYPE_REUSEPORT_SOCKARRAY]: target,
  [types.MAP_TYPE_PERCPU_CGROUP_STORAGE]: storage,
  [types.MAP_TYPE_QUEUE]: queue,
  [types.MAP_TYPE_STACK]: queue,
  [types.MAP_TYPE_SK_STORAGE]: storage,
  [types.MAP_TYPE_DEVMAP_HASH]: target,
  [types.MAP_TYPE_RINGBUF]: target,
  [types.MAP_TYPE_INODE_STORAGE]: storage,
  [types.MAP_TYPE_TASK_STORAGE]: storage,
  [types.MAP_TYPE_BLOOM_FILTER]: (def) => new BloomFilter(def),
  [types.MAP_TYPE_USER_RINGBUF]: (def, layout, cpus) => Object.assign(new TargetMap(def, layout, cpus), { records: [] }),
  [types.MAP_TYPE_CGRP_STORAGE]: storage,
  [types.MAP_TYPE_ARENA]: (def, layout) => new ArenaMap(def, layout),
};

/** The map types that this machine has, by number. */
export const availableMapTypes = (): number[] => Object.keys(MAKE).map(Number);

/** The map of a definition; its memory is reserved in `layout`. `maps` are those of the machine, which maps of maps refer to. */
export function createMap(def: MapDef, layout: AddressSpaceLayout, cpus: Cpus, maps: readonly VmMapCore[]): VmMapCore {
  if (def.data && def.data.length !== def.valueSize && def.type !== types.MAP_TYPE_ARENA) {
    throw new InputError(`map ${def.name} has values of ${def.valueSize} bytes, but contents of ${def.data.length}`);
  }
  const make = MAKE[def.type];
  if (!make) throw new InputError(`maps of type ${types.mapTypeName(def.type)} are not available in this machine`, `map ${def.name}`);
  return make(def, layout, cpus, maps);
}
