import * as types from '../bpf/maps.ts';
import { DYNPTR_HELPERS } from './helpers/dynptr.ts';
import { KERNEL_FUNCTIONS } from './helpers/kfuncs.ts';
import { SKB_HELPERS } from './helpers/skb.ts';
import { ArenaMap } from './maps/arena.ts';
import { BloomFilter } from './maps/bloom.ts';
import { HashMap } from './maps/hash.ts';
import { LpmTrie } from './maps/lpm.ts';
import { OuterMap } from './maps/outer.ts';
import { QueueMap } from './maps/queue.ts';
import { StorageMap } from './maps/storage.ts';
import { TargetMap } from './maps/targets.ts';
import { MemoryContext } from './memory-context.ts';
import { HELPERS, KFUNCS, MAP_KINDS, type MakeMap, MEMORY_CONTEXTS, SOCKET_BUFFERS } from './parts.ts';
import { SkbPacket } from './skb.ts';

/** Parts of machines that few programs need: importing this file adds them. */

const hash: MakeMap = (def, layout, cpus) => new HashMap(def, layout, cpus);
const target: MakeMap = (def, layout, cpus) => new TargetMap(def, layout, cpus);
const storage: MakeMap = (def, layout, cpus) => new StorageMap(def, layout, cpus);
const outer: MakeMap = (def, _layout, _cpus, maps) => new OuterMap(def, maps);
const queue: MakeMap = (def) => new QueueMap(def);

/** Makers and the map types that they make. The types that no part makes are refused by name. */
const KINDS: readonly (readonly [MakeMap, readonly number[]])[] = [
  [hash, [types.MAP_TYPE_HASH, types.MAP_TYPE_PERCPU_HASH, types.MAP_TYPE_LRU_HASH, types.MAP_TYPE_LRU_PERCPU_HASH]],
  [
    target,
    [
      types.MAP_TYPE_PROG_ARRAY,
      types.MAP_TYPE_PERF_EVENT_ARRAY,
      types.MAP_TYPE_STACK_TRACE,
      types.MAP_TYPE_CGROUP_ARRAY,
      types.MAP_TYPE_DEVMAP,
      types.MAP_TYPE_SOCKMAP,
      types.MAP_TYPE_CPUMAP,
      types.MAP_TYPE_XSKMAP,
      types.MAP_TYPE_SOCKHASH,
      types.MAP_TYPE_REUSEPORT_SOCKARRAY,
      types.MAP_TYPE_DEVMAP_HASH,
      types.MAP_TYPE_RINGBUF,
    ],
  ],
  [outer, [types.MAP_TYPE_ARRAY_OF_MAPS, types.MAP_TYPE_HASH_OF_MAPS]],
  [
    storage,
    [
      types.MAP_TYPE_CGROUP_STORAGE,
      types.MAP_TYPE_PERCPU_CGROUP_STORAGE,
      types.MAP_TYPE_SK_STORAGE,
      types.MAP_TYPE_INODE_STORAGE,
      types.MAP_TYPE_TASK_STORAGE,
      types.MAP_TYPE_CGRP_STORAGE,
    ],
  ],
  [queue, [types.MAP_TYPE_QUEUE, types.MAP_TYPE_STACK]],
  [(def, layout, cpus) => new LpmTrie(def, layout, cpus), [types.MAP_TYPE_LPM_TRIE]],
  [(def) => new BloomFilter(def), [types.MAP_TYPE_BLOOM_FILTER]],
  [(def, layout, cpus) => Object.assign(new TargetMap(def, layout, cpus), { records: [] }), [types.MAP_TYPE_USER_RINGBUF]],
  [(def, layout) => new ArenaMap(def, layout), [types.MAP_TYPE_ARENA]],
];
for (const [make, kinds] of KINDS) for (const type of kinds) MAP_KINDS.set(type, make);
for (const [id, run] of Object.entries({ ...SKB_HELPERS, ...DYNPTR_HELPERS })) HELPERS.set(Number(id), run);
for (const [name, run] of KERNEL_FUNCTIONS) KFUNCS.set(name, run);
MEMORY_CONTEXTS.make = (layout, moved, progType) => new MemoryContext(layout, moved, progType);
SOCKET_BUFFERS.make = (layout, moved, link) => new SkbPacket(layout, moved, link);
