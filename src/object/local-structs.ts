import type { LocalMember, LocalStruct } from '../bpf/program.ts';
import { type Btf, type BtfId, KIND_ARRAY, KIND_ENUM, KIND_ENUM64, KIND_INT, KIND_PTR, KIND_STRUCT, KIND_UNION } from './btf.ts';
import { structOffset, valueFields } from './value-fields.ts';

/** Structures of a program's own BTF, for programs that allocate objects. More are not looked at: hostile files end. */
const MOST_STRUCTS = 5000;
const MOST_MEMBERS = 2000;
const MOST_NESTED = 16;

function leaves(btf: Btf, id: BtfId, base: number, found: LocalMember[], depth: number): void {
  const type = btf.at(id);
  for (const member of type.members) {
    if (found.length >= MOST_MEMBERS || depth > MOST_NESTED) return;
    const bits = type.kindFlag ? member.offset & 0xffffff : member.offset;
    const width = type.kindFlag ? member.offset >>> 24 : 0;
    const at = btf.skip(member.type);
    const { kind } = btf.at(at);
    const byteOff = base + Math.floor(bits / 8);
    if (kind === KIND_STRUCT) {
      leaves(btf, at, byteOff, found, depth + 1);
      continue;
    }
    const size = width ? Math.ceil(((bits % 8) + width) / 8) : btf.sizeOf(member.type);
    const target = btf.at(btf.skip(btf.at(at).type)).kind;
    const pointer = target === KIND_STRUCT || target === KIND_UNION ? 'pointer' : 'memory';
    const what = kind === KIND_PTR ? pointer : kind === KIND_UNION || width ? 'any' : 'scalar';
    found.push({ name: member.name, struct: type.name, structOff: base, byteOff, size, kind: what });
  }
}

function isScalarStruct(btf: Btf, id: BtfId, depth = 0): boolean {
  return btf.at(id).members.every((member) => {
    let at = btf.skip(member.type);
    if (btf.at(at).kind === KIND_STRUCT) return depth < 3 && isScalarStruct(btf, at, depth + 1);
    if (btf.at(at).kind === KIND_ARRAY) at = btf.skip(btf.at(at).type);
    return [KIND_INT, KIND_ENUM, KIND_ENUM64].includes(btf.at(at).kind);
  });
}

/** Structures by BTF id. */
export function localStructs(btf: Btf): Map<number, LocalStruct> {
  const structs = new Map<number, LocalStruct>();
  for (let id = 1; id < btf.types.length && structs.size < MOST_STRUCTS; id++) {
    const type = btf.at(id);
    if (type.kind !== KIND_STRUCT) continue;
    const members: LocalMember[] = [];
    leaves(btf, id, 0, members, 0);
    const spinLockOff = structOffset(btf, id, 'bpf_spin_lock');
    structs.set(id, {
      name: type.name,
      size: type.size,
      isScalar: isScalarStruct(btf, id),
      members,
      fields: valueFields(btf, id),
      ...(spinLockOff === undefined ? {} : { spinLockOff }),
    });
  }
  return structs;
}
