/** Loading a corpus program into this machine's kernel with maps of its own. */
import { isMapInMap } from '../../src/bpf/maps.ts';
import type { MapDef, Program } from '../../src/bpf/program.ts';
import { Attr } from '../../src/companion/attr.ts';
import { type Kernel, KernelMap, type LoadResult } from '../../src/companion/kernel.ts';
import { BtfBuilder, KIND_INT, KIND_STRUCT } from '../../src/object/btf.ts';
import { programBtf } from '../../src/object/program-btf.ts';

const MAP_CREATE = 0;

/** BTF of a 4-byte key and of a value with a spin lock in its last four bytes: ids of key and value. */
function lockBtf(valueSize: number): { readonly btf: Uint8Array; readonly key: number; readonly value: number } {
  const builder = new BtfBuilder();
  const key = builder.add({ kind: KIND_INT, name: 'int', size: 4, extra: (1 << 24) | 32 });
  const lock = builder.add({ kind: KIND_STRUCT, name: 'bpf_spin_lock', size: 4, members: [{ name: 'val', type: key, offset: 0 }] });
  const members = [
    { name: 'count', type: key, offset: 0 },
    { name: 'lock', type: lock, offset: (valueSize - 4) * 8 },
  ];
  const value = builder.add({ kind: KIND_STRUCT, name: 'value', size: valueSize, members });
  return { btf: builder.encode(), key, value };
}

/** The kernel takes a spin lock only in a map whose value has BTF. */
async function lockMap(kernel: Kernel, def: MapDef): Promise<KernelMap> {
  const { btf, key, value } = lockBtf(def.valueSize);
  const btfFd = await kernel.loadBtf(btf);
  const attr = new Attr(80).u32(0, def.type).u32(4, def.keySize).u32(8, def.valueSize).u32(12, def.maxEntries).u32(16, def.flags);
  const { result } = await kernel.loader.bpf(MAP_CREATE, attr.u32(48, btfFd).u32(52, key).u32(56, value).bytes);
  await kernel.loader.closeFd(btfFd);
  if (result < 0) throw new Error(`kernel refuses a map with a lock: errno ${-result}`);
  return new KernelMap(kernel, result, def);
}

/** Loads a program with new maps. */
export async function load(kernel: Kernel, program: Program, needsBtf: boolean): Promise<LoadResult> {
  const named = { ...program, maps: program.maps.map((map, i) => ({ ...map, name: `map${i}` })) };
  const maps = new Map<string, KernelMap>();
  for (const map of named.maps) if (map.spinLockOff !== undefined) maps.set(map.name, await lockMap(kernel, map));
  const loaded = await kernel.load(named, { logLevel: 1, maps, btf: needsBtf ? programBtf(named) : undefined });
  if (!loaded.program) for (const map of maps.values()) await map.close();
  return loaded;
}

const HASH = 1;
const ARRAY = 2;

/** Keys that a program's hash maps are filled under: 0, and the constants that the program has. */
export function keysOf(program: Program): number[] {
  return [...new Set([0, ...program.insns.map((insn) => insn.imm)])].slice(0, 12);
}

/** Puts an entry under `key` (0 for arrays) into each map that takes bytes, and an empty map into maps of maps; others stay as they are. */
export async function fill(kernel: Kernel, maps: readonly KernelMap[], bytes: (length: number) => Uint8Array, key = 0): Promise<void> {
  for (const map of maps) {
    const { keySize, valueSize, type, inner } = map.def;
    const value = new Uint8Array(valueSize);
    if (isMapInMap(type) && inner) {
      const held = await kernel.createMap({ ...inner, name: 'inner' });
      new DataView(value.buffer).setUint32(0, held.fd, true);
      await map.tryUpdate(new Uint8Array(keySize), value);
      await held.close();
    } else if (type === HASH || type === ARRAY) {
      value.set(bytes(map.def.spinLockOff ?? valueSize));
      const name = new Uint8Array(keySize);
      if (type === HASH && keySize >= 4) {
        new DataView(name.buffer).setInt32(0, key, true);
        // It holds one entry: the one under another key makes room.
        for (const old of await map.dump()) await map.delete(old.key);
      }
      await map.tryUpdate(name, value);
    }
  }
}
