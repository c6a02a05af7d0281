import { InputError } from '../base/errors.ts';
import { stringAt } from './elf.ts';
import { StringTable } from './elf-builder.ts';

// BTF as Documentation/bpf/btf.rst describes it; numbers are uapi linux/btf.h.
export const BTF_MAGIC = 0xeb9f;
const BTF_HEADER_SIZE = 24;
export const KIND_INT = 1;
export const KIND_PTR = 2;
export const KIND_ARRAY = 3;
export const KIND_STRUCT = 4;
export const KIND_UNION = 5;
export const KIND_ENUM = 6;
export const KIND_FWD = 7;
export const KIND_TYPEDEF = 8;
export const KIND_VOLATILE = 9;
export const KIND_CONST = 10;
export const KIND_RESTRICT = 11;
export const KIND_FUNC = 12;
export const KIND_FUNC_PROTO = 13;
export const KIND_VAR = 14;
export const KIND_DATASEC = 15;
export const KIND_FLOAT = 16;
export const KIND_DECL_TAG = 17;
export const KIND_TYPE_TAG = 18;
export const KIND_ENUM64 = 19;

/** The kernel's words for kinds (`btf_type_str`). */
const KIND_WORDS: Readonly<Record<number, string>> = {
  0: 'UNKNOWN',
  1: 'INT',
  2: 'PTR',
  3: 'ARRAY',
  4: 'STRUCT',
  5: 'UNION',
  6: 'ENUM',
  7: 'FWD',
  8: 'TYPEDEF',
  9: 'VOLATILE',
  10: 'CONST',
  11: 'RESTRICT',
  12: 'FUNC',
  13: 'FUNC_PROTO',
  14: 'VAR',
  15: 'DATASEC',
  16: 'FLOAT',
  17: 'DECL_TAG',
  18: 'TYPE_TAG',
  19: 'ENUM64',
};

export const kindWord = (kind: number): string => KIND_WORDS[kind] ?? 'UNKNOWN';

export const LINKAGE_STATIC = 0;
export const LINKAGE_GLOBAL = 1;
export const LINKAGE_EXTERN = 2;

/** Index into the types; 0 is void. */
export type BtfId = number;

export interface BtfMember {
  readonly name: string;
  readonly type: BtfId;
  /** In bits; with the type's kind flag, bits 24–31 are the width of a bit field. */
  readonly offset: number;
}

export interface BtfSectionVar {
  readonly type: BtfId;
  readonly offset: number;
  readonly size: number;
}

/** A type; fields that a kind does not have are 0 or empty. */
export interface BtfType {
  readonly kind: number;
  readonly name: string;
  readonly kindFlag: boolean;
  /** Bytes, of kinds that have a size. */
  readonly size: number;
  /** The type that this one refers to. */
  readonly type: BtfId;
  /**
   * Members of structs and unions, parameters of prototypes (offset 0), enumerators (type 0, offset the value; 64-bit ones: type the high
   * word, offset the low one).
   */
  readonly members: readonly BtfMember[];
  readonly vars: readonly BtfSectionVar[];
  /** Number of elements of an array. */
  readonly elements: number;
  /** Type of an array's index. */
  readonly indexType: BtfId;
  /** Encoding and bits of an int; linkage of a function or variable; component of a declaration tag (-1: the whole). */
  readonly extra: number;
}

const NO_TYPE: BtfType = {
  kind: 0,
  name: '',
  kindFlag: false,
  size: 0,
  type: 0,
  members: [],
  vars: [],
  elements: 0,
  indexType: 0,
  extra: 0,
};
const HAS_SIZE = new Set([KIND_INT, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_DATASEC, KIND_FLOAT, KIND_ENUM64]);
/** Bytes of each of the `vlen` items after the record, and of the fixed part. */
const TAIL: Readonly<Record<number, readonly [fixed: number, item: number]>> = {
  [KIND_INT]: [4, 0],
  [KIND_ARRAY]: [12, 0],
  [KIND_STRUCT]: [0, 12],
  [KIND_UNION]: [0, 12],
  [KIND_ENUM]: [0, 8],
  [KIND_FUNC_PROTO]: [0, 8],
  [KIND_VAR]: [4, 0],
  [KIND_DATASEC]: [0, 12],
  [KIND_DECL_TAG]: [4, 0],
  [KIND_ENUM64]: [0, 12],
};

/** A parsed `.BTF` section. */
export class Btf {
  /** `types[0]` is void. */
  readonly types: readonly BtfType[];
  private readonly strings: Uint8Array;
  private readonly cache = new Map<number, string>();
  private byName: Map<string, BtfId[]> | undefined;

  constructor(types: readonly BtfType[], strings: Uint8Array) {
    this.types = types;
    this.strings = strings;
  }

  /** The type, or void for an id that does not exist. */
  at(id: BtfId): BtfType {
    return this.types[id] ?? NO_TYPE;
  }

  string(off: number): string {
    let text = this.cache.get(off);
    if (text === undefined) {
      text = stringAt(this.strings, off);
      this.cache.set(off, text);
    }
    return text;
  }

  /** Follows typedefs and qualifiers; gives up after 64, for rings. */
  skip(id: BtfId): BtfId {
    let at = id;
    for (let depth = 0; depth < 64; depth++) {
      const { kind, type } = this.at(at);
      const isWrapper =
        kind === KIND_TYPEDEF || kind === KIND_VOLATILE || kind === KIND_CONST || kind === KIND_RESTRICT || kind === KIND_TYPE_TAG;
      if (!isWrapper) return at;
      at = type;
    }
    return 0;
  }

  /** Bytes of a type, or 0 when it has none. */
  sizeOf(id: BtfId): number {
    let factor = 1;
    let at = id;
    for (let depth = 0; depth < 64; depth++) {
      at = this.skip(at);
      const type = this.at(at);
      if (type.kind === KIND_PTR) return factor * 8;
      if (type.kind !== KIND_ARRAY) return HAS_SIZE.has(type.kind) ? factor * type.size : 0;
      factor *= type.elements;
      at = type.type;
    }
    return 0;
  }

  /** All types of a name, in order. The index is made when first asked for. */
  named(name: string): readonly BtfId[] {
    if (!this.byName) {
      this.byName = new Map();
      for (let id = 1; id < this.types.length; id++) {
        const type = this.types[id]!;
        if (type.name === '') continue;
        const list = this.byName.get(type.name);
        if (list) list.push(id);
        else this.byName.set(type.name, [id]);
      }
    }
    return this.byName.get(name) ?? [];
  }

  /** First type of that kind and name, or 0. */
  find(kind: number, name: string): BtfId {
    return this.named(name).find((id) => this.types[id]!.kind === kind) ?? 0;
  }
}

/** Parses a `.BTF` section. `where` names the file and section for messages. */
export function readBtf(bytes: Uint8Array, where: string): Btf {
  const fail = (what: string, off: number): never => {
    throw new InputError(what, `${where}, byte 0x${off.toString(16)}`);
  };
  if (bytes.length < BTF_HEADER_SIZE) fail('BTF is shorter than its header', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (off: number): number => view.getUint32(off, true);
  if (view.getUint16(0, false) === BTF_MAGIC) fail('BTF of a big-endian machine', 0);
  if (view.getUint16(0, true) !== BTF_MAGIC) fail('BTF does not begin with its magic number', 0);
  if (bytes[2] !== 1) fail(`BTF version ${bytes[2]} is unknown`, 2);
  const headerSize = u32(4);
  const typesOff = headerSize + u32(8);
  const typesEnd = typesOff + u32(12);
  const stringsOff = headerSize + u32(16);
  const stringsEnd = stringsOff + u32(20);
  if (typesEnd > bytes.length || stringsEnd > bytes.length) fail('BTF header points beyond the section', 8);
  const strings = bytes.subarray(stringsOff, stringsEnd);
  const names = new Map<number, string>();
  const nameAt = (off: number): string => {
    let text = names.get(off);
    if (text === undefined) {
      text = stringAt(strings, off);
      names.set(off, text);
    }
    return text;
  };
  const types: BtfType[] = [NO_TYPE];
  for (let at = typesOff; at < typesEnd; ) {
    if (at + 12 > typesEnd) fail('BTF type is cut off', at);
    const info = u32(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const count = info & 0xffff;
    if (kind === 0 || kind > KIND_ENUM64) fail(`BTF kind ${kind} is unknown`, at + 4);
    const [fixed, item] = TAIL[kind] ?? [0, 0];
    const tail = at + 12;
    const next = tail + fixed + item * count;
    if (next > typesEnd) fail(`BTF type ${types.length} is cut off`, at);
    const value = u32(at + 8);
    const members: BtfMember[] = [];
    const vars: BtfSectionVar[] = [];
    for (let off = tail; item > 0 && off < next; off += item) {
      if (kind === KIND_DATASEC) vars.push({ type: u32(off), offset: u32(off + 4), size: u32(off + 8) });
      else if (kind === KIND_ENUM) members.push({ name: nameAt(u32(off)), type: 0, offset: view.getInt32(off + 4, true) });
      else if (kind === KIND_ENUM64) members.push({ name: nameAt(u32(off)), type: u32(off + 8), offset: u32(off + 4) });
      else members.push({ name: nameAt(u32(off)), type: u32(off + 4), offset: item === 12 ? u32(off + 8) : 0 });
    }
    types.push({
      kind,
      name: nameAt(u32(at)),
      kindFlag: info >>> 31 === 1,
      size: HAS_SIZE.has(kind) ? value : 0,
      type: kind === KIND_ARRAY ? u32(tail) : HAS_SIZE.has(kind) ? 0 : value,
      members,
      vars,
      elements: kind === KIND_ARRAY ? u32(tail + 8) : 0,
      indexType: kind === KIND_ARRAY ? u32(tail + 4) : 0,
      // A function's linkage stands where other kinds count their items.
      extra: kind === KIND_FUNC ? count : fixed === 4 ? view.getInt32(tail, true) : 0,
    });
    at = next;
  }
  return new Btf(types, strings);
}

/** Collects types and strings and encodes them as a `.BTF` section. */
export class BtfBuilder {
  private readonly strings = new StringTable();
  private readonly records: Uint8Array[] = [];
  private readonly ids = new Map<string, BtfId>();

  /** Offset of a string, for `.BTF.ext`. */
  string(text: string): number {
    return this.strings.add(text);
  }

  /** Adds a type and returns its id. Equal types are stored once, as compilers do. */
  add(fields: Partial<BtfType> & { readonly kind: number }): BtfId {
    const type = { ...NO_TYPE, ...fields };
    const key = JSON.stringify(type);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.append(type);
    this.ids.set(key, id);
    return id;
  }

  /** An id for a type that refers to itself; {@link fill} says what it is. */
  reserve(): BtfId {
    this.records.push(new Uint8Array());
    return this.records.length;
  }

  fill(id: BtfId, fields: Partial<BtfType> & { readonly kind: number }): void {
    this.records[id - 1] = this.record({ ...NO_TYPE, ...fields });
  }

  private append(type: BtfType): BtfId {
    this.records.push(this.record(type));
    return this.records.length;
  }

  private record(type: BtfType): Uint8Array {
    const [fixed, item] = TAIL[type.kind] ?? [0, 0];
    const count = item === 0 ? 0 : Math.max(type.members.length, type.vars.length);
    const view = new DataView(new ArrayBuffer(12 + fixed + item * count));
    const u32 = (off: number, value: number): void => view.setUint32(off, value >>> 0, true);
    u32(0, this.string(type.name));
    const vlen = type.kind === KIND_FUNC ? type.extra : count;
    u32(4, ((type.kindFlag ? 1 << 31 : 0) | (type.kind << 24) | vlen) >>> 0);
    u32(8, HAS_SIZE.has(type.kind) ? type.size : type.kind === KIND_ARRAY ? 0 : type.type);
    if (type.kind === KIND_ARRAY) {
      u32(12, type.type);
      u32(16, type.indexType);
      u32(20, type.elements);
    } else if (fixed === 4) u32(12, type.extra);
    type.vars.forEach((variable, at) => {
      u32(12 + at * 12, variable.type);
      u32(16 + at * 12, variable.offset);
      u32(20 + at * 12, variable.size);
    });
    type.members.forEach((member, at) => {
      const off = 12 + fixed + at * item;
      u32(off, this.string(member.name));
      if (type.kind === KIND_ENUM) u32(off + 4, member.offset);
      else if (type.kind === KIND_ENUM64) {
        u32(off + 4, member.offset);
        u32(off + 8, member.type);
      } else {
        u32(off + 4, member.type);
        if (item === 12) u32(off + 8, member.offset);
      }
    });
    return new Uint8Array(view.buffer);
  }

  encode(): Uint8Array {
    const typesSize = this.records.reduce((sum, record) => sum + record.length, 0);
    const strings = this.strings.bytes();
    const bytes = new Uint8Array(BTF_HEADER_SIZE + typesSize + strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    view.setUint8(2, 1);
    view.setUint32(4, BTF_HEADER_SIZE, true);
    view.setUint32(12, typesSize, true);
    view.setUint32(16, typesSize, true);
    view.setUint32(20, strings.length, true);
    let at = BTF_HEADER_SIZE;
    for (const record of this.records) {
      bytes.set(record, at);
      at += record.length;
    }
    bytes.set(strings, at);
    return bytes;
  }
}
