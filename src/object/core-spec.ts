import { type Btf, type BtfId, type BtfType, KIND_ARRAY } from './btf.ts';
import { essentialName, fieldsCompatible, isComposite, isEnum, typesCompatible, typesMatch } from './core-types.ts';

/** Kinds of CO-RE relocations (uapi linux/bpf.h `enum bpf_core_relo_kind`). */
export const CORE_BYTE_OFFSET = 0;
export const CORE_BYTE_SIZE = 1;
export const CORE_FIELD_EXISTS = 2;
export const CORE_SIGNED = 3;
export const CORE_LSHIFT = 4;
export const CORE_RSHIFT = 5;
export const CORE_TYPE_ID_LOCAL = 6;
export const CORE_TYPE_ID_TARGET = 7;
export const CORE_TYPE_EXISTS = 8;
export const CORE_TYPE_SIZE = 9;
export const CORE_ENUM_EXISTS = 10;
export const CORE_ENUM_VALUE = 11;
export const CORE_TYPE_MATCHES = 12;

export const isFieldKind = (kind: number): boolean => kind <= CORE_RSHIFT;
export const isTypeKind = (kind: number): boolean => (kind >= CORE_TYPE_ID_LOCAL && kind <= CORE_TYPE_SIZE) || kind === CORE_TYPE_MATCHES;
export const isEnumKind = (kind: number): boolean => kind === CORE_ENUM_EXISTS || kind === CORE_ENUM_VALUE;

/** A step on the way to a field: member or element `index` of a type; elements have no name. */
interface Accessor {
  readonly type: BtfId;
  readonly index: number;
  readonly name: string;
}

/** A way from a type to one of its fields, or an enumerator, or the type itself. */
export interface Spec {
  readonly btf: Btf;
  readonly root: BtfId;
  readonly steps: readonly Accessor[];
  readonly bitOffset: number;
}

/** libbpf takes no longer ways. */
const MOST_STEPS = 64;

export const memberBits = (type: BtfType, index: number): { readonly offset: number; readonly width: number } => {
  const { offset } = type.members[index]!;
  return type.kindFlag ? { offset: offset & 0xffffff, width: offset >>> 24 } : { offset, width: 0 };
};

/** An array of length 0 at a structure's end, which may be longer. */
function isFlexible(btf: Btf, before: Accessor | undefined, array: BtfType): boolean {
  if (!before || before.name === '' || array.elements > 0) return false;
  return before.index === btf.at(before.type).members.length - 1;
}

/** Reads a relocation's access string (`0:1:2`, libbpf `bpf_core_parse_spec`); null for one that makes no sense. */
export function parseSpec(btf: Btf, root: BtfId, access: string, kind: number): Spec | null {
  if (isTypeKind(kind)) return access === '0' ? { btf, root, steps: [], bitOffset: 0 } : null;
  if (!/^\d+(:\d+)*$/.test(access)) return null;
  const indices = access.split(':').map(Number);
  if (indices.length > MOST_STEPS) return null;
  let id = btf.skip(root);
  const first = indices[0]!;
  if (isEnumKind(kind)) {
    const type = btf.at(id);
    if (!isEnum(type) || indices.length > 1 || first >= type.members.length) return null;
    return { btf, root, steps: [{ type: id, index: first, name: type.members[first]!.name }], bitOffset: 0 };
  }
  if (!isFieldKind(kind)) return null;
  const steps: Accessor[] = [{ type: id, index: first, name: '' }];
  let bitOffset = first * btf.sizeOf(id) * 8;
  for (const index of indices.slice(1)) {
    id = btf.skip(id);
    const type = btf.at(id);
    if (isComposite(type)) {
      const member = type.members[index];
      if (!member) return null;
      bitOffset += memberBits(type, index).offset;
      if (member.name !== '') steps.push({ type: id, index, name: member.name });
      id = member.type;
    } else if (type.kind === KIND_ARRAY) {
      id = btf.skip(type.type);
      if (index >= type.elements && !isFlexible(btf, steps.at(-1), type)) return null;
      steps.push({ type: id, index, name: '' });
      bitOffset += index * btf.sizeOf(id) * 8;
    } else return null;
  }
  return { btf, root, steps, bitOffset };
}

/** The same way from a candidate type of the kernel; null when there is none (libbpf `bpf_core_spec_match`). */
export function matchSpec(local: Spec, kernel: Btf, candidate: BtfId, kind: number): Spec | null {
  const whole: Spec = { btf: kernel, root: candidate, steps: [], bitOffset: 0 };
  if (isTypeKind(kind)) {
    const same = kind === CORE_TYPE_MATCHES ? typesMatch : typesCompatible;
    return same(local.btf, local.root, kernel, candidate) ? whole : null;
  }
  let id = kernel.skip(candidate);
  if (isEnumKind(kind)) {
    const type = kernel.at(id);
    const wanted = essentialName(local.steps[0]!.name);
    const index = isEnum(type) ? type.members.findIndex(({ name }) => essentialName(name) === wanted) : -1;
    return index < 0 ? null : { ...whole, steps: [{ type: id, index, name: type.members[index]!.name }] };
  }
  const steps: Accessor[] = [];
  let bitOffset = 0;
  for (const [i, step] of local.steps.entries()) {
    id = kernel.skip(id);
    if (step.name !== '') {
      const found = findMember(local.btf, step, kernel, id, 0);
      if (!found) return null;
      steps.push(found.step);
      bitOffset += found.bitOffset;
      id = found.next;
      continue;
    }
    if (i > 0) {
      const array = kernel.at(id);
      if (array.kind !== KIND_ARRAY) return null;
      if (step.index >= array.elements && !isFlexible(kernel, steps.at(-1), array)) return null;
      id = kernel.skip(array.type);
    }
    steps.push({ type: id, index: step.index, name: '' });
    bitOffset += step.index * kernel.sizeOf(id) * 8;
  }
  return { ...whole, steps, bitOffset };
}

interface Found {
  readonly step: Accessor;
  readonly next: BtfId;
  readonly bitOffset: number;
}

/** Structures without a name inside one another. */
const DEEPEST = 32;

/** A member by name, in nested structures without a name too. `undefined`: not here; null: here, but of another kind. */
function findMember(local: Btf, step: Accessor, kernel: Btf, struct: BtfId, depth: number): Found | null | undefined {
  const id = kernel.skip(struct);
  const type = kernel.at(id);
  if (!isComposite(type) || depth > DEEPEST) return undefined;
  const wanted = local.at(step.type).members[step.index]!;
  for (const [index, member] of type.members.entries()) {
    const { offset } = memberBits(type, index);
    if (member.name === '') {
      const inside = findMember(local, step, kernel, member.type, depth + 1);
      if (inside) return { ...inside, bitOffset: inside.bitOffset + offset };
    } else if (member.name === wanted.name) {
      if (!fieldsCompatible(local, wanted.type, kernel, member.type)) return null;
      return { step: { type: id, index, name: member.name }, next: member.type, bitOffset: offset };
    }
  }
  return undefined;
}
