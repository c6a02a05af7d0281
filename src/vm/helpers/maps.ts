import { MAP_TYPE_RINGBUF } from '../../bpf/maps.ts';
import {
  callBack,
  E2BIG,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSPC,
  functionArgument,
  type HelperTable,
  hasRoom,
  type Machine,
  mapArgument,
  pointer,
  setResult,
  tell,
  u32,
  unsigned,
  words,
} from '../machine.ts';
import type { VmMapCore } from '../maps.ts';

const EAGAIN = 11;
/** Values of a storage that is asked for with BPF_LOCAL_STORAGE_GET_F_CREATE. */
const CREATE = 1;
const CURRENT_CPU = 0xffffffff;

/** Flags that no map knows are all alike. */
const flagsOf = (m: Machine, arg: number): number => Math.min(unsigned(m, arg), 0xffff);

function perfOutput(m: Machine): number {
  const map = mapArgument(m, 2);
  const size = unsigned(m, 5);
  const from = pointer(m, 4, size, false);
  const index = u32(m, 3);
  if (index !== CURRENT_CPU && map.def.maxEntries > 0 && index >= map.def.maxEntries) return -E2BIG;
  // Bits 32…51 of the flags ask for so many bytes of the packet behind the record (BPF_F_CTXLEN_MASK).
  const packetBytes = m.registers[7] & 0xfffff;
  if (packetBytes > 0 && (!m.packet || packetBytes > m.packet.length)) return -EFAULT;
  // As a reader who is too slow finds it.
  if (!hasRoom(m, size + packetBytes)) return -ENOSPC;
  const data = new Uint8Array(size + packetBytes);
  data.set(m.space.bytes.subarray(from, from + size));
  if (packetBytes > 0) data.set(m.packet!.copy().subarray(0, packetBytes), size);
  tell(m, { kind: 'perf', map: map.name, data }, data.length);
  return 0;
}

function ringOutput(m: Machine): number {
  const map = ringBuffer(m, 1);
  if (unsigned(m, 4) > 3) return -EINVAL;
  const size = unsigned(m, 3);
  const from = pointer(m, 2, size, false);
  const record = reserveRecord(m, map, size);
  if (record === 0) return -EAGAIN;
  m.space.bytes.copyWithin(record, from, from + size);
  finishRecord(m, record, true);
  return 0;
}

/** Address of a new record, or 0 when neither the ring nor this machine has room for it. */
export function reserveRecord(m: Machine, map: VmMapCore, size: number): number {
  return hasRoom(m, size) ? m.ringBuffers.reserve(map, size) : 0;
}

/** Submits the record at `address` or throws it away; false when there is none. */
export function finishRecord(m: Machine, address: number, keep: boolean): boolean {
  const readable = m.ringBuffers.finish(m.space, address, keep);
  for (const record of readable ?? []) tell(m, { kind: 'ringbuf', ...record }, record.data.length);
  return readable !== null;
}

function ringBuffer(m: Machine, arg: number): VmMapCore {
  const map = mapArgument(m, arg);
  if (map.def.type !== MAP_TYPE_RINGBUF) throw m.fault(`R${arg} holds no ring buffer`);
  return map;
}

/** A map that queues values: push, pop and peek. */
function queue(m: Machine): NonNullable<VmMapCore['queue']> {
  const { queue, name } = mapArgument(m, 1);
  if (!queue) throw m.fault(`map ${name} is no queue, stack or bloom filter`);
  return queue;
}

function forEach(m: Machine): number {
  const map = mapArgument(m, 1);
  const entry = functionArgument(m, 2, 'bpf_for_each_map_elem');
  const context = words(m, 3);
  if (unsigned(m, 4) !== 0) return -EINVAL;
  if (!map.visit) return -EINVAL;
  const mapPointer = unsigned(m, 1);
  let visited = 0;
  // What the callback adds or deletes does not change the walk of an array; a hash skips what is gone.
  for (const { key, address } of map.visit()) {
    visited++;
    const keyAddress = m.keys.push(key);
    const stop = callBack(m, entry, [mapPointer, keyAddress, address], context);
    m.keys.pop();
    if (stop) break;
  }
  return visited;
}

/** bpf_sk_storage_get and its kin: the value that belongs to an object, made when asked for. */
function storageGet(m: Machine): number {
  const map = mapArgument(m, 1);
  if (!map.storage) throw m.fault(`map ${map.name} is no local storage`);
  const owner = unsigned(m, 2);
  const initial = unsigned(m, 3);
  const flags = unsigned(m, 4);
  if (owner === 0 || flags > CREATE) return 0;
  if (initial !== 0) pointer(m, 3, map.def.valueSize, false);
  return map.storage.get(owner, flags === CREATE, initial);
}

function storageDelete(m: Machine): number {
  const map = mapArgument(m, 1);
  if (!map.storage) throw m.fault(`map ${map.name} is no local storage`);
  const owner = unsigned(m, 2);
  if (owner === 0) return -EINVAL;
  return map.storage.delete(owner) ? 0 : -ENOENT;
}

function submit(m: Machine, helper: string, keep: boolean): number {
  if (!finishRecord(m, unsigned(m, 1), keep)) throw m.fault(`R1 of ${helper} holds no reserved record`);
  return 0;
}

export const MAP_HELPERS: HelperTable = {
  1: (m) => {
    const map = mapArgument(m, 1);
    return map.lookupAddress(pointer(m, 2, map.def.keySize, false));
  },
  2: (m) => {
    const map = mapArgument(m, 1);
    const key = pointer(m, 2, map.def.keySize, false);
    const value = pointer(m, 3, map.def.valueSize, false);
    return map.updateFrom(key, value, flagsOf(m, 4));
  },
  3: (m) => {
    const map = mapArgument(m, 1);
    return map.deleteAt(pointer(m, 2, map.def.keySize, false));
  },
  25: perfOutput,
  81: (m) => {
    const map = mapArgument(m, 1);
    if (!map.storage) throw m.fault(`map ${map.name} is no cgroup storage`);
    return map.storage.get(1, true, 0);
  },
  87: (m) => queue(m).push(pointer(m, 2, mapArgument(m, 1).def.valueSize, false), flagsOf(m, 3)),
  88: (m) => queue(m).pop(pointer(m, 2, mapArgument(m, 1).def.valueSize, true)),
  89: (m) => queue(m).peek(pointer(m, 2, mapArgument(m, 1).def.valueSize, true)),
  // One program runs at a time: locks are always free.
  93: () => 0,
  94: () => 0,
  107: storageGet,
  108: storageDelete,
  130: ringOutput,
  131: (m) => (unsigned(m, 3) === 0 ? reserveRecord(m, ringBuffer(m, 1), unsigned(m, 2)) : 0),
  132: (m) => submit(m, 'bpf_ringbuf_submit', true),
  133: (m) => submit(m, 'bpf_ringbuf_discard', false),
  134: (m) => m.ringBuffers.query(ringBuffer(m, 1), unsigned(m, 2)),
  145: storageGet,
  146: storageDelete,
  156: storageGet,
  157: storageDelete,
  164: forEach,
  // Exchanges a kernel pointer in a map.
  194: (m) => {
    const at = pointer(m, 1, 8, true);
    const { view } = m.space;
    const old = view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;
    view.setInt32(at, m.registers[4], true);
    view.setInt32(at + 4, m.registers[5], true);
    return old;
  },
  195: (m) => {
    const map = mapArgument(m, 1);
    const cpu = u32(m, 3);
    return cpu < m.cpus.count ? map.lookupAddress(pointer(m, 2, map.def.keySize, false), cpu) : 0;
  },
  // Feeds the records that user space queued, as dynptrs, to a callback.
  209: (m) => {
    const map = mapArgument(m, 1);
    const entry = functionArgument(m, 2, 'bpf_user_ringbuf_drain');
    const context = words(m, 3);
    if (!map.records) throw m.fault(`map ${map.name} is no user ring buffer`);
    if (unsigned(m, 4) > 3) return -EINVAL;
    let drained = 0;
    while (map.records.length > 0) {
      const record = map.records.shift()!;
      const stop = m.withRecord(record, (dynptr) => callBack(m, entry, [dynptr], context));
      drained++;
      if (stop) break;
    }
    setResult(m, drained);
    return drained;
  },
  210: storageGet,
  211: storageDelete,
};
