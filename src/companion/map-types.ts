import { isMapInMap } from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import { BtfBuilder, type BtfId, type BtfMember, KIND_ARRAY, KIND_INT, KIND_PTR, KIND_STRUCT, KIND_TYPE_TAG } from '../object/btf.ts';

/** BTF of a map's key and value, for BPF_MAP_CREATE. */
export interface MapTypes {
  readonly btf: Uint8Array;
  readonly key: BtfId;
  readonly value: BtfId;
}

/** Kernel objects that a value holds as a structure of that name. */
const STRUCTS = new Set(['bpf_timer', 'bpf_wq', 'bpf_refcount', 'bpf_res_spin_lock']);
/** Pointers to kernel objects: what the kernel calls them and the type tag that says so. */
const TAGS: Readonly<Record<string, string>> = { kptr: 'kptr', kptr_untrusted: 'kptr_untrusted', percpu_kptr: 'percpu_kptr' };
const SPIN_LOCK = 4;
const BITS = 8;

/**
 * Types of a map whose values hold kernel objects: the kernel finds them by BTF alone. Null for a map without any, or with some that cannot be
 * described from what is known of it (lists and trees with their nodes).
 */
export function mapTypes(def: MapDef): MapTypes | null {
  const { fields = [], spinLockOff, keySize, valueSize } = def;
  if ((fields.length === 0 && spinLockOff === undefined) || isMapInMap(def.type)) return null;
  const builder = new BtfBuilder();
  const index = builder.add({ kind: KIND_INT, name: 'unsigned int', size: 4, extra: 32 });
  const byte = builder.add({ kind: KIND_INT, name: 'unsigned char', size: 1, extra: 8 });
  const bytes = (elements: number): BtfId => builder.add({ kind: KIND_ARRAY, type: byte, indexType: index, elements });
  const opaque = (name: string, size: number): BtfId =>
    builder.add({ kind: KIND_STRUCT, name, size, members: [{ name: 'opaque', type: bytes(size), offset: 0 }] });
  const members: BtfMember[] = [];
  if (spinLockOff !== undefined) {
    const lock = builder.add({
      kind: KIND_STRUCT,
      name: 'bpf_spin_lock',
      size: SPIN_LOCK,
      members: [{ name: 'val', type: index, offset: 0 }],
    });
    members.push({ name: 'lock', type: lock, offset: spinLockOff * BITS });
  }
  for (const [i, { kind, byteOff, size, target }] of fields.entries()) {
    const tag = TAGS[kind];
    let type: BtfId;
    if (STRUCTS.has(kind)) type = opaque(kind, size);
    else if (tag !== undefined && target !== undefined) {
      const struct = builder.add({ kind: KIND_STRUCT, name: target, size: 1, members: [{ name: 'opaque', type: byte, offset: 0 }] });
      type = builder.add({ kind: KIND_PTR, type: builder.add({ kind: KIND_TYPE_TAG, name: tag, type: struct }) });
    } else return null;
    members.push({ name: `field${i}`, type, offset: byteOff * BITS });
  }
  members.sort((a, b) => a.offset - b.offset);
  const value = builder.add({ kind: KIND_STRUCT, name: 'value', size: valueSize, members });
  const key =
    keySize === 4
      ? index
      : builder.add({ kind: KIND_STRUCT, name: 'key', size: keySize, members: [{ name: 'bytes', type: bytes(keySize), offset: 0 }] });
  return { btf: builder.encode(), key, value };
}
