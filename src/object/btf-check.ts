import {
  type Btf,
  type BtfId,
  type BtfType,
  KIND_ARRAY,
  KIND_CONST,
  KIND_DATASEC,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FLOAT,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_FWD,
  KIND_INT,
  KIND_PTR,
  KIND_RESTRICT,
  KIND_STRUCT,
  KIND_TYPE_TAG,
  KIND_TYPEDEF,
  KIND_UNION,
  KIND_VAR,
  KIND_VOLATILE,
  kindWord,
  LINKAGE_EXTERN,
} from './btf.ts';

/**
 * Whether the kernel takes an object's types (btf_parse: btf_check_all_metas, btf_check_all_types). It refuses them whole for one mistake,
 * and libbpf then loads the programs without any: no function is global, no map has fields. Offsets in data sections are not looked at,
 * since libbpf fills them in.
 */

const IDENTIFIER = /^[A-Za-z_.][A-Za-z0-9_.]*$/;
/** Names of sections and of what languages other than C generate. */
const PRINTABLE = /^[\x20-\x7e]+$/;
const MOST_NAME = 511;
const MOST_BITS = 128;
const FLOAT_BYTES = new Set([2, 4, 8, 12, 16]);
const isModifier = (kind: number): boolean =>
  kind === KIND_TYPEDEF || kind === KIND_VOLATILE || kind === KIND_CONST || kind === KIND_RESTRICT || kind === KIND_TYPE_TAG;
const TAGGED = new Set([KIND_STRUCT, KIND_UNION, KIND_VAR, KIND_FUNC, KIND_TYPEDEF]);
const SIZED = new Set([KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_ENUM64, KIND_FLOAT, KIND_DATASEC]);
/** libbpf turns what they declare into definitions. */
const EXTERN_SECTIONS = new Set(['.ksyms', '.kconfig']);

const isName = (name: string): boolean => name.length <= MOST_NAME && IDENTIFIER.test(name);
const isNameOrNone = (name: string): boolean => name === '' || isName(name);

/** What the kernel says against the types of an object, as its log ends; null when it takes them. */
export function btfObjection(btf: Btf): string | null {
  for (let id = 1; id < btf.types.length; id++) {
    const type = btf.types[id]!;
    const said = checkAlone(btf, type) ?? checkReferences(btf, id, type);
    if (said !== null) return `[${id}] ${kindWord(type.kind)} ${type.name || '(anon)'} ${said}`;
  }
  return null;
}

/** What a type says of itself (the `check_meta` of each kind). */
function checkAlone(btf: Btf, type: BtfType): string | null {
  const exists = (id: BtfId): boolean => id < btf.types.length;
  switch (type.kind) {
    case KIND_INT: {
      const encoding = (type.extra >>> 24) & 0xf;
      const bits = (type.extra & 0xff) + ((type.extra >>> 16) & 0xff);
      if (bits > MOST_BITS) return `nr_bits exceeds ${MOST_BITS}`;
      if (Math.ceil(bits / 8) > type.size) return 'nr_bits exceeds type_size';
      return encoding & (encoding - 1) ? 'Unsupported encoding' : null;
    }
    case KIND_TYPEDEF:
    case KIND_FWD:
    case KIND_FUNC:
      if (!isName(type.name)) return 'Invalid name';
      return type.kind === KIND_FUNC && type.extra > LINKAGE_EXTERN ? 'Invalid func linkage' : null;
    case KIND_PTR:
    case KIND_VOLATILE:
    case KIND_CONST:
    case KIND_RESTRICT:
    case KIND_ARRAY:
    case KIND_FUNC_PROTO:
      return type.name === '' ? null : 'Invalid name';
    case KIND_TYPE_TAG:
    case KIND_DECL_TAG:
      return type.name === '' ? 'Invalid value' : null;
    case KIND_STRUCT:
    case KIND_UNION: {
      if (!isNameOrNone(type.name)) return 'Invalid name';
      let last = 0;
      for (const member of type.members) {
        const offset = type.kindFlag ? member.offset & 0xffffff : member.offset;
        if (!isNameOrNone(member.name)) return 'Invalid name';
        if (member.type === 0 || !exists(member.type)) return 'Invalid type_id';
        if (type.kind === KIND_UNION ? offset !== 0 : offset < last) return 'Invalid member bits_offset';
        if (Math.ceil(offset / 8) > type.size) return 'Member bits_offset exceeds its struct size';
        last = offset;
      }
      return null;
    }
    case KIND_ENUM:
    case KIND_ENUM64:
      if (type.size > 8 || type.size === 0 || type.size & (type.size - 1)) return 'Unexpected size';
      return isNameOrNone(type.name) && type.members.every(({ name }) => isName(name)) ? null : 'Invalid name';
    case KIND_VAR:
      if (!isName(type.name)) return 'Invalid name';
      return type.type === 0 && type.extra !== LINKAGE_EXTERN ? 'Invalid type_id' : null;
    case KIND_DATASEC:
      return type.name.length <= MOST_NAME && PRINTABLE.test(type.name) ? null : 'Invalid name';
    case KIND_FLOAT:
      return FLOAT_BYTES.has(type.size) ? null : 'Invalid type_size';
    default:
      return null;
  }
}

/** What a type says of those that it refers to (the `resolve` of each kind). */
function checkReferences(btf: Btf, id: BtfId, type: BtfType): string | null {
  if (type.type >= btf.types.length) return 'Invalid type_id';
  switch (type.kind) {
    case KIND_ARRAY: {
      const index = btf.at(btf.skip(type.indexType));
      if (index.kind !== KIND_INT) return 'Invalid index';
      return hasSize(btf, type.type) ? null : 'Invalid elem';
    }
    case KIND_STRUCT:
    case KIND_UNION:
      return type.members.every((member) => hasSize(btf, member.type)) ? null : 'Invalid member';
    case KIND_VAR:
      return type.extra === LINKAGE_EXTERN || hasSize(btf, type.type) ? null : 'Invalid type_id';
    case KIND_DATASEC:
      if (EXTERN_SECTIONS.has(type.name)) return null;
      return type.vars.every((variable) => btf.at(variable.type).kind === KIND_VAR) ? null : 'Not a VAR kind member';
    case KIND_FUNC: {
      const proto = btf.at(type.type);
      if (proto.kind !== KIND_FUNC_PROTO) return 'Invalid type_id';
      // libbpf gives arguments of functions that the kernel has a name.
      if (type.extra === LINKAGE_EXTERN) return null;
      const at = proto.members.findIndex((param) => param.name === '' && param.type !== 0);
      return at < 0 ? null : `Invalid arg#${at + 1}`;
    }
    case KIND_FUNC_PROTO: {
      if (type.type !== 0 && !hasSize(btf, type.type)) return 'Invalid return type';
      const last = type.members.length - 1;
      const at = type.members.findIndex((param, n) => {
        if (param.type === 0) return n !== last || param.name !== '';
        return !isNameOrNone(param.name) || !hasSize(btf, param.type);
      });
      return at < 0 ? null : `Invalid arg#${at + 1}`;
    }
    case KIND_DECL_TAG: {
      const target = btf.at(type.type);
      if (!TAGGED.has(target.kind)) return 'Invalid type_id';
      if (type.extra < -1) return 'Invalid component_idx';
      const components = target.kind === KIND_FUNC ? btf.at(target.type).members.length : target.members.length;
      return type.extra >= 0 && type.extra >= components ? 'Invalid component_idx' : null;
    }
    default:
      return isModifier(type.kind) && isRing(btf, id) ? 'Loop detected' : null;
  }
}

/** True for a chain of modifiers that never comes to a type. */
function isRing(btf: Btf, id: BtfId): boolean {
  let at = id;
  for (let depth = 0; depth < 64; depth++) {
    const { kind, type } = btf.at(at);
    if (!isModifier(kind)) return false;
    at = type;
  }
  return true;
}

function hasSize(btf: Btf, id: BtfId): boolean {
  return SIZED.has(btf.at(btf.skip(id)).kind);
}
