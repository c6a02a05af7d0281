import {
  type Btf,
  type BtfId,
  type BtfType,
  KIND_ARRAY,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FLOAT,
  KIND_FUNC_PROTO,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_UNION,
} from './btf.ts';

/** When a type of the compiler's headers and one of the running kernel count as the same, as libbpf's CO-RE relocations see it. */

/** Types inside one another that libbpf follows before it gives up. */
const DEEPEST = 32;
const INT_SIGNED = 1;

export const isEnum = ({ kind }: BtfType): boolean => kind === KIND_ENUM || kind === KIND_ENUM64;
export const isComposite = ({ kind }: BtfType): boolean => kind === KIND_STRUCT || kind === KIND_UNION;
export const isSigned = (type: BtfType): boolean => type.kind === KIND_INT && ((type.extra >>> 24) & INT_SIGNED) !== 0;

/** Enumerations of 32 and 64 bits are of one kind. */
export const sameKind = (a: BtfType, b: BtfType): boolean => a.kind === b.kind || (isEnum(a) && isEnum(b));

/** A name without its flavour: `task_struct___v5` is another view of `task_struct`. */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--)
    if (name[i] !== '_' && name.startsWith('___', i + 1) && name[i + 4] !== '_') return name.slice(0, i + 1);
  return name;
}

const isPlainInt = (type: BtfType): boolean => ((type.extra >>> 16) & 0xff) === 0;

/** Fields of equal name hold the same kind of thing (libbpf `bpf_core_fields_are_compat`). */
export function fieldsCompatible(local: Btf, localId: BtfId, kernel: Btf, kernelId: BtfId): boolean {
  let a = localId;
  let b = kernelId;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const left = local.at(local.skip(a));
    const right = kernel.at(kernel.skip(b));
    if (isComposite(left) && isComposite(right)) return true;
    if (!sameKind(left, right)) return false;
    switch (left.kind) {
      case KIND_PTR:
      case KIND_FLOAT:
        return true;
      case KIND_FWD:
      case KIND_ENUM:
      case KIND_ENUM64: {
        const [x, y] = [essentialName(left.name), essentialName(right.name)];
        return x === '' || y === '' || x === y;
      }
      case KIND_INT:
        return isPlainInt(left) && isPlainInt(right);
      case KIND_ARRAY:
        a = left.type;
        b = right.type;
        continue;
      default:
        return false;
    }
  }
  return false;
}

/** Types are the same in kind, names aside (libbpf `bpf_core_types_are_compat`). */
export function typesCompatible(local: Btf, localId: BtfId, kernel: Btf, kernelId: BtfId, depth = DEEPEST): boolean {
  let a = localId;
  let b = kernelId;
  if (!sameKind(local.at(a), kernel.at(b))) return false;
  for (let left = depth; left > 0; left--) {
    a = local.skip(a);
    b = kernel.skip(b);
    const ours = local.at(a);
    const theirs = kernel.at(b);
    if (!sameKind(ours, theirs)) return false;
    switch (ours.kind) {
      case 0:
      case KIND_STRUCT:
      case KIND_UNION:
      case KIND_ENUM:
      case KIND_ENUM64:
      case KIND_FWD:
        return true;
      case KIND_INT:
        return isPlainInt(ours) && isPlainInt(theirs);
      case KIND_FUNC_PROTO: {
        if (ours.members.length !== theirs.members.length) return false;
        const same = ours.members.every(({ type }, i) => {
          const other = theirs.members[i]!.type;
          return typesCompatible(local, local.skip(type), kernel, kernel.skip(other), left - 1);
        });
        if (!same) return false;
        break;
      }
      case KIND_PTR:
      case KIND_ARRAY:
        break;
      default:
        return false;
    }
    a = ours.type;
    b = theirs.type;
  }
  return false;
}

/** A name of the kernel fits one of the program. */
const namesMatch = (local: string, kernel: string): boolean =>
  kernel === '' ? local === '' : essentialName(local) === essentialName(kernel);

/** Types are the same in names, members and sizes too (libbpf `bpf_core_types_match`). */
export function typesMatch(local: Btf, localId: BtfId, kernel: Btf, kernelId: BtfId, pointed = false, level = DEEPEST): boolean {
  let a = localId;
  let b = kernelId;
  let behindPointer = pointed;
  if (level <= 0) return false;
  for (let left = DEEPEST; left > 0; left--) {
    a = local.skip(a);
    b = kernel.skip(b);
    const ours = local.at(a);
    const theirs = kernel.at(b);
    if (!namesMatch(ours.name, theirs.name)) return false;
    switch (ours.kind) {
      case 0:
        return theirs.kind === 0;
      case KIND_FWD:
        if (ours.kind === theirs.kind) return ours.kindFlag === theirs.kindFlag;
        return behindPointer && theirs.kind === (ours.kindFlag ? KIND_UNION : KIND_STRUCT);
      case KIND_ENUM:
      case KIND_ENUM64:
        return isEnum(theirs) && enumsMatch(ours, theirs);
      case KIND_STRUCT:
      case KIND_UNION:
        if (ours.kind === theirs.kind) return behindPointer || membersMatch(local, ours, kernel, theirs, level - 1);
        return behindPointer && theirs.kind === KIND_FWD && theirs.kindFlag === (ours.kind === KIND_UNION);
      case KIND_INT:
        return theirs.kind === KIND_INT && ours.size === theirs.size && isSigned(ours) === isSigned(theirs);
      case KIND_PTR:
        if (theirs.kind !== KIND_PTR) return false;
        behindPointer = true;
        break;
      case KIND_ARRAY:
        if (theirs.kind !== KIND_ARRAY || ours.elements !== theirs.elements) return false;
        break;
      case KIND_FUNC_PROTO: {
        if (theirs.kind !== KIND_FUNC_PROTO || ours.members.length !== theirs.members.length) return false;
        const pointing = behindPointer;
        if (!ours.members.every(({ type }, i) => typesMatch(local, type, kernel, theirs.members[i]!.type, pointing, level - 1)))
          return false;
        break;
      }
      default:
        return false;
    }
    a = ours.type;
    b = theirs.type;
  }
  return false;
}

function enumsMatch(ours: BtfType, theirs: BtfType): boolean {
  if (ours.size !== theirs.size || ours.members.length > theirs.members.length) return false;
  return ours.members.every(({ name }) => theirs.members.some((other) => namesMatch(name, other.name)));
}

function membersMatch(local: Btf, ours: BtfType, kernel: Btf, theirs: BtfType, level: number): boolean {
  if (ours.members.length > theirs.members.length) return false;
  return ours.members.every(({ name, type }) =>
    theirs.members.some((other) => namesMatch(name, other.name) && typesMatch(local, type, kernel, other.type, false, level)),
  );
}
