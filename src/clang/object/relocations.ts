import type { Metadata, MetaId, MetaNode } from '../llvm-ir/metadata.ts';
import type { Global, Line, Value } from '../llvm-ir/module.ts';
import type { FieldRelocation } from '../lower/function.ts';
import type { Access } from '../lower/values.ts';
import type { DebugTypes } from './types.ts';

// Kinds of CO-RE relocations (uapi linux/bpf.h, enum bpf_core_relo_kind).
const FIELD_OFFSET = 0;
const FIELD_SIZE = 1;
const FIELD_EXISTS = 2;
const FIELD_SIGNED = 3;
const FIELD_LSHIFT = 4;
const FIELD_RSHIFT = 5;
const TYPE_ID_LOCAL = 6;
const TYPE_ID_TARGET = 7;
const TYPE_EXISTS = 8;
const TYPE_SIZE = 9;
const ENUMVAL_EXISTS = 10;
const ENUMVAL_VALUE = 11;
const TYPE_MATCHES = 12;

/** A relocation as `.BTF.ext` has it, without its instruction. */
export interface CoreRecord {
  readonly typeId: number;
  readonly access: string;
  readonly kind: number;
}

/** CO-RE relocations of a module, numbered as instructions name them. */
export class CoreRelocations {
  readonly records: CoreRecord[] = [];
  private readonly types: DebugTypes;
  private readonly meta: Metadata;
  private readonly globals: ReadonlyMap<string, Global>;

  constructor(types: DebugTypes, meta: Metadata, globals: ReadonlyMap<string, Global>) {
    this.types = types;
    this.meta = meta;
    this.globals = globals;
  }

  private add(type: MetaId, access: string, kind: number, value: bigint): FieldRelocation {
    this.records.push({ typeId: this.types.id(type), access, kind });
    return { id: this.records.length - 1, value };
  }

  /** What `kind` asks about the field that a chain of accesses leads to. */
  field(accesses: readonly Access[], kind: number): FieldRelocation | null {
    const { meta } = this;
    const [first] = accesses;
    if (!first) return null;
    // `p[3].field` begins with its index, everything else with the object itself.
    const startsWithIndex = first.kind === 'array' && accesses.length > 1;
    const path = [...(startsWithIndex ? [] : [0]), ...accesses.map((access) => access.index)];
    const root = startsWithIndex ? accesses[1]!.type : first.type;
    let offset = accesses.reduce((sum, access) => sum + access.offset, 0);
    const last = accesses.at(-1)!;
    const member = last.kind === 'array' ? null : this.member(last.type, last.index);
    const isBits = member !== null && meta.words(member, 'flags').includes('DIFlagBitField');
    const unit = member ? this.sizeOf(meta.ref(member, 'baseType')) : 0;
    let bitsBefore = 0;
    if (member && isBits) {
      const bit = meta.number(member, 'offset');
      const unitOff = Math.floor(bit / (unit * 8)) * unit;
      offset = accesses.slice(0, -1).reduce((sum, access) => sum + access.offset, 0) + unitOff;
      bitsBefore = bit - unitOff * 8;
    }
    const bits = member && isBits ? meta.number(member, 'size') : unit * 8;
    const value = {
      [FIELD_OFFSET]: offset,
      [FIELD_SIZE]: unit,
      [FIELD_EXISTS]: 1,
      [FIELD_SIGNED]: member && this.isSigned(meta.ref(member, 'baseType')) ? 1 : 0,
      [FIELD_LSHIFT]: 64 - bitsBefore - bits,
      [FIELD_RSHIFT]: 64 - bits,
    }[kind];
    return value === undefined ? null : this.add(root, path.join(':'), kind, BigInt(value));
  }

  /** `__builtin_preserve_type_info`, `…_enum_value`, `__builtin_btf_type_id`. */
  type(line: Line): FieldRelocation | null {
    if (line.inst.op !== 'call' || line.inst.callee.kind !== 'global' || line.access === null) return null;
    const { callee, args } = line.inst;
    const flagArg = args.at(-1)?.value;
    const flag = flagArg?.kind === 'int' ? Number(flagArg.value) : 0;
    if (callee.name.startsWith('llvm.bpf.btf.type.id')) {
      const id = BigInt(this.types.id(line.access));
      return this.add(line.access, '0', flag === 0 ? TYPE_ID_LOCAL : TYPE_ID_TARGET, id);
    }
    if (callee.name.startsWith('llvm.bpf.preserve.type.info')) {
      const kind = [TYPE_EXISTS, TYPE_SIZE, TYPE_MATCHES][flag];
      if (kind === undefined) return null;
      return this.add(line.access, '0', kind, kind === TYPE_SIZE ? BigInt(this.sizeOf(line.access)) : 1n);
    }
    if (callee.name.startsWith('llvm.bpf.preserve.enum.value')) return this.enumerator(line.access, args[1]?.value, flag);
    return null;
  }

  private enumerator(type: MetaId, nameArg: Value | undefined, flag: number) {
    const { meta } = this;
    const global = nameArg?.kind === 'global' ? this.globals.get(nameArg.name) : undefined;
    const holder = global?.init?.kind === 'global' ? this.globals.get(global.init.name) : global;
    if (holder?.init?.kind !== 'bytes') return null;
    // "name:value"
    const name = new TextDecoder().decode(holder.init.bytes).replace(/\0.*$/s, '').replace(/:.*$/, '');
    const node = meta.node(this.strip(type));
    const items = node ? meta.list(meta.ref(node, 'elements')) : [];
    const index = items.findIndex((item) => meta.text(meta.node(item)!, 'name') === name);
    if (index < 0) return null;
    const value = flag === 0 ? 1n : meta.big(meta.node(items[index])!, 'value');
    return this.add(type, String(index), flag === 0 ? ENUMVAL_EXISTS : ENUMVAL_VALUE, value);
  }

  private member(type: MetaId, index: number): MetaNode | null {
    const node = this.meta.node(this.strip(type));
    return node ? this.meta.node(this.meta.list(this.meta.ref(node, 'elements'))[index] ?? null) : null;
  }

  /** Behind names and qualifiers. */
  private strip(id: MetaId | null): MetaId | null {
    const node = this.meta.node(id);
    const isWrapper = node?.tag === 'DIDerivedType' && this.meta.word(node, 'tag') !== 'DW_TAG_pointer_type';
    return isWrapper ? this.strip(this.meta.ref(node, 'baseType')) : id;
  }

  private sizeOf(id: MetaId | null): number {
    const node = this.meta.node(this.strip(id));
    return node ? this.meta.number(node, 'size') / 8 : 0;
  }

  private isSigned(id: MetaId | null): boolean {
    const node = this.meta.node(this.strip(id));
    if (node?.tag === 'DIBasicType') return this.meta.word(node, 'encoding').startsWith('DW_ATE_signed');
    return (
      node?.tag === 'DICompositeType' &&
      !this.meta.words(node, 'flags').includes('DIFlagEnumClass') &&
      this.isSigned(this.meta.ref(node, 'baseType'))
    );
  }
}
