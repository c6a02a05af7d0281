import {
  type BtfBuilder,
  type BtfId,
  type BtfMember,
  KIND_ARRAY,
  KIND_CONST,
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
  LINKAGE_EXTERN,
  LINKAGE_GLOBAL,
  LINKAGE_STATIC,
} from '../../object/btf.ts';
import type { Metadata, MetaId, MetaNode } from '../llvm-ir/metadata.ts';

// Encodings of integers (uapi linux/btf.h).
const SIGNED = 1 << 24;
const BOOL = 4 << 24;
const WRAPPERS: Readonly<Record<string, number>> = {
  DW_TAG_typedef: KIND_TYPEDEF,
  DW_TAG_const_type: KIND_CONST,
  DW_TAG_volatile_type: KIND_VOLATILE,
  DW_TAG_restrict_type: KIND_RESTRICT,
};
const COMPOSITES = new Set(['DW_TAG_structure_type', 'DW_TAG_union_type', 'DW_TAG_class_type']);
const LINKAGE = { internal: LINKAGE_STATIC, external: LINKAGE_EXTERN, global: LINKAGE_GLOBAL, weak: LINKAGE_GLOBAL };

type Reach = 'whole' | 'through-pointer';

/** BTF of the debug metadata that clang writes: the types that functions, variables and relocations mention. */
export class DebugTypes {
  private readonly builder: BtfBuilder;
  private readonly meta: Metadata;
  private readonly ids = new Map<MetaId, BtfId>();
  /** Structures that a pointer in another structure leads to: their name is enough unless something else needs all of them. */
  private readonly forwards = new Map<MetaId, BtfId>();
  private readonly argNames = new Map<MetaId, Map<number, { name: string; node: MetaNode }>>();

  constructor(builder: BtfBuilder, meta: Metadata, nodes: ReadonlyMap<MetaId, MetaNode>) {
    this.builder = builder;
    this.meta = meta;
    for (const node of nodes.values()) {
      if (node.tag !== 'DILocalVariable') continue;
      const arg = meta.number(node, 'arg');
      const scope = meta.ref(node, 'scope');
      if (arg === 0 || scope === null) continue;
      const names = this.argNames.get(scope) ?? new Map<number, { name: string; node: MetaNode }>();
      names.set(arg, { name: meta.text(node, 'name'), node });
      this.argNames.set(scope, names);
    }
  }

  /** The BTF type of a node of debug metadata; null is `void`. */
  id(node: MetaId | null): BtfId {
    return this.visit(node, 'whole');
  }

  private visit(id: MetaId | null, reach: Reach): BtfId {
    const node = this.meta.node(id);
    if (id === null || !node) return 0;
    const known = this.ids.get(id);
    if (known !== undefined) return known;
    if (node.tag === 'DICompositeType' && COMPOSITES.has(this.meta.word(node, 'tag'))) return this.composite(id, node, reach);
    const made = this.make(id, node, reach);
    // What leads to a structure by name only is made again when the whole is wanted.
    if (reach === 'whole') this.ids.set(id, made);
    return made;
  }

  private make(id: MetaId, node: MetaNode, reach: Reach): BtfId {
    const { builder, meta } = this;
    const name = meta.text(node, 'name');
    const size = meta.number(node, 'size') / 8;
    if (node.tag === 'DIBasicType') {
      const encoding = meta.word(node, 'encoding');
      if (meta.word(node, 'tag') === 'DW_TAG_unspecified_type') return 0;
      if (encoding === 'DW_ATE_float') return builder.add({ kind: KIND_FLOAT, name, size });
      const flags = encoding === 'DW_ATE_boolean' ? BOOL : encoding.startsWith('DW_ATE_signed') ? SIGNED : 0;
      return builder.add({ kind: KIND_INT, name, size, extra: flags | (size * 8) });
    }
    if (node.tag === 'DIDerivedType') {
      const tag = meta.word(node, 'tag');
      const base = meta.ref(node, 'baseType');
      if (tag === 'DW_TAG_pointer_type') {
        let type = this.visit(base, reach);
        for (const value of this.annotations(node, 'btf_type_tag')) type = builder.add({ kind: KIND_TYPE_TAG, name: value, type });
        return builder.add({ kind: KIND_PTR, type });
      }
      const kind = WRAPPERS[tag];
      // Atomic types have no counterpart in BTF.
      if (kind === undefined) return this.visit(base, reach);
      const made = builder.add({ kind, name: kind === KIND_TYPEDEF ? name : '', type: this.visit(base, reach) });
      if (kind === KIND_TYPEDEF) this.tag(node, made, -1);
      return made;
    }
    if (node.tag === 'DISubroutineType') return this.prototype(node, null, reach);
    if (node.tag !== 'DICompositeType') return 0;
    const tag = meta.word(node, 'tag');
    if (tag === 'DW_TAG_array_type') return this.array(node, reach);
    if (tag === 'DW_TAG_enumeration_type') return this.enumeration(node, name, size);
    return this.ids.get(id) ?? 0;
  }

  private composite(id: MetaId, node: MetaNode, reach: Reach): BtfId {
    const { builder, meta } = this;
    const name = meta.text(node, 'name');
    const isUnion = meta.word(node, 'tag') === 'DW_TAG_union_type';
    if (meta.words(node, 'flags').includes('DIFlagFwdDecl') || (reach === 'through-pointer' && name !== '')) {
      const forward = this.forwards.get(id) ?? builder.add({ kind: KIND_FWD, name, kindFlag: isUnion });
      this.forwards.set(id, forward);
      return forward;
    }
    const made = builder.reserve();
    this.ids.set(id, made);
    const members: BtfMember[] = [];
    const fields = meta.list(meta.ref(node, 'elements')).flatMap((field) => {
      const inner = meta.node(field);
      return inner?.tag === 'DIDerivedType' && meta.word(inner, 'tag') === 'DW_TAG_member' ? [inner] : [];
    });
    const hasBits = fields.some((field) => meta.words(field, 'flags').includes('DIFlagBitField'));
    for (const field of fields) {
      const bits = meta.words(field, 'flags').includes('DIFlagBitField') ? meta.number(field, 'size') : 0;
      const offset = meta.number(field, 'offset');
      members.push({
        name: meta.text(field, 'name'),
        type: this.memberType(meta.ref(field, 'baseType')),
        offset: hasBits ? bits * 0x100_0000 + offset : offset,
      });
    }
    builder.fill(made, { kind: isUnion ? KIND_UNION : KIND_STRUCT, name, size: meta.number(node, 'size') / 8, kindFlag: hasBits, members });
    this.tag(node, made, -1);
    for (const [at, field] of fields.entries()) this.tag(field, made, at);
    return made;
  }

  /** Pointers of a member lead to structures by name. */
  private memberType(id: MetaId | null): BtfId {
    for (let at = id; ; ) {
      const node = this.meta.node(at);
      if (node?.tag !== 'DIDerivedType') return this.visit(id, 'whole');
      if (this.meta.word(node, 'tag') === 'DW_TAG_pointer_type') return this.visit(id, 'through-pointer');
      at = this.meta.ref(node, 'baseType');
    }
  }

  private array(node: MetaNode, reach: Reach): BtfId {
    const { builder, meta } = this;
    const indexType = builder.add({ kind: KIND_INT, name: '__ARRAY_SIZE_TYPE__', size: 4, extra: 32 });
    const counts = meta.list(meta.ref(node, 'elements')).map((id) => {
      const range = meta.node(id);
      return range ? Math.max(0, meta.number(range, 'count')) : 0;
    });
    let type = this.visit(meta.ref(node, 'baseType'), reach);
    for (const elements of counts.reverse()) type = builder.add({ kind: KIND_ARRAY, type, indexType, elements });
    return type;
  }

  private enumeration(node: MetaNode, name: string, size: number): BtfId {
    const { meta } = this;
    if (meta.words(node, 'flags').includes('DIFlagFwdDecl')) return this.builder.add({ kind: KIND_ENUM, name, size: size || 4 });
    const enumerators = meta.list(meta.ref(node, 'elements')).map((id) => meta.node(id)!);
    const values = enumerators.map((item) => ({ name: meta.text(item, 'name'), value: meta.big(item, 'value') }));
    const kindFlag = values.some(({ value }) => value < 0n);
    const members = values.map(({ name: text, value }) =>
      size > 4
        ? { name: text, type: Number(BigInt.asUintN(32, value >> 32n)), offset: Number(BigInt.asUintN(32, value)) }
        : { name: text, type: 0, offset: Number(BigInt.asIntN(32, value)) },
    );
    return this.builder.add({ kind: size > 4 ? KIND_ENUM64 : KIND_ENUM, name, size, kindFlag, members });
  }

  private prototype(node: MetaNode, subprogram: MetaId | null, reach: Reach): BtfId {
    const [returns, ...params] = this.meta.list(this.meta.ref(node, 'types'));
    const names = subprogram === null ? null : this.argNames.get(subprogram);
    const members = params.map((param, at) => {
      // `null` at the end is `...`.
      if (param === null && at === params.length - 1) return { name: '', type: 0, offset: 0 };
      const name = names?.get(at + 1)?.name ?? '';
      return { name: name === '' && subprogram !== null ? `arg${at + 1}` : name, type: this.visit(param, reach), offset: 0 };
    });
    return this.builder.add({ kind: KIND_FUNC_PROTO, type: this.visit(returns ?? null, reach), members });
  }

  /** A function from its `DISubprogram`. */
  func(id: MetaId, name: string, linkage: keyof typeof LINKAGE): BtfId {
    const node = this.meta.node(id)!;
    const type = this.meta.node(this.meta.ref(node, 'type'));
    const made = this.builder.add({
      kind: KIND_FUNC,
      name,
      type: type ? this.prototype(type, id, 'whole') : this.builder.add({ kind: KIND_FUNC_PROTO }),
      extra: LINKAGE[linkage],
    });
    this.tag(node, made, -1);
    for (const [arg, { node: variable }] of this.argNames.get(id) ?? []) this.tag(variable, made, arg - 1);
    return made;
  }

  /** A variable from its `DIGlobalVariableExpression`. In `.maps` pointers of members lead to whole types: libbpf reads keys and values there. */
  variable(expression: MetaId, name: string, linkage: keyof typeof LINKAGE, isMap: boolean): BtfId {
    const node = this.meta.node(this.meta.ref(this.meta.node(expression)!, 'var'))!;
    const typeId = this.meta.ref(node, 'type');
    if (isMap) this.wholeMembers(typeId);
    const made = this.builder.add({ kind: KIND_VAR, name, type: this.id(typeId), extra: LINKAGE[linkage] });
    this.tag(node, made, -1);
    return made;
  }

  private wholeMembers(id: MetaId | null): void {
    const { meta } = this;
    const node = meta.node(id);
    if (!node) return;
    if (node.tag === 'DIDerivedType' || (node.tag === 'DICompositeType' && meta.word(node, 'tag') === 'DW_TAG_array_type')) {
      this.wholeMembers(meta.ref(node, 'baseType'));
      return;
    }
    if (node.tag !== 'DICompositeType') return;
    for (const field of meta.list(meta.ref(node, 'elements'))) {
      const member = meta.node(field);
      if (member?.tag !== 'DIDerivedType') continue;
      const base = meta.ref(member, 'baseType');
      const pointed = meta.node(base);
      if (pointed?.tag === 'DIDerivedType' && meta.word(pointed, 'tag') === 'DW_TAG_pointer_type') {
        this.visit(meta.ref(pointed, 'baseType'), 'whole');
        this.visit(base, 'whole');
      } else if (pointed?.tag === 'DICompositeType') this.wholeInner(base);
    }
  }

  /** `values` of a map of maps: an array of pointers to the inner definition. */
  private wholeInner(array: MetaId | null): void {
    const { meta } = this;
    const pointer = meta.node(meta.ref(meta.node(array)!, 'baseType'));
    if (pointer?.tag !== 'DIDerivedType') return;
    const inner = meta.ref(pointer, 'baseType');
    this.wholeMembers(inner);
    this.visit(inner, 'whole');
  }

  private annotations(node: MetaNode, kind: string): string[] {
    const { meta } = this;
    return (meta.node(meta.ref(node, 'annotations'))?.items ?? []).flatMap((item) => {
      const inner = item.kind === 'ref' ? meta.node(item.id) : item.kind === 'node' ? item.node : null;
      const [name, value] = inner?.items ?? [];
      return name?.kind === 'text' && name.text === kind && value?.kind === 'text' ? [value.text] : [];
    });
  }

  private tag(node: MetaNode, type: BtfId, component: number): void {
    for (const name of this.annotations(node, 'btf_decl_tag')) this.builder.add({ kind: KIND_DECL_TAG, name, type, extra: component });
  }
}
