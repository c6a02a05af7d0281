import {
  type Btf,
  BtfBuilder,
  type BtfId,
  type BtfMember,
  type BtfSectionVar,
  type BtfType,
  KIND_DATASEC,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC,
  KIND_VAR,
  LINKAGE_EXTERN,
} from './btf.ts';

/** Types of several objects in one section, equal ones once. */
export interface CombinedBtf {
  readonly builder: BtfBuilder;
  /** The new id of a type of file `file`. */
  id(file: number, id: BtfId): BtfId;
}

/** Variables and functions are things, not descriptions: two that look alike stay two. */
const isThing = (type: BtfType): boolean => type.kind === KIND_VAR || type.kind === KIND_FUNC || type.kind === KIND_DATASEC;
const isExtern = ({ kind, extra }: BtfType): boolean => (kind === KIND_VAR || kind === KIND_FUNC) && extra === LINKAGE_EXTERN;
/** Enumerators hold numbers where members hold types. */
const hasNumbers = (type: BtfType): boolean => type.kind === KIND_ENUM || type.kind === KIND_ENUM64;

/**
 * Puts the types of several files into one section. Equal types become one, also where they refer to each other in rings: types are taken for equal until
 * something that they lead to differs (partition refinement). A function or variable that one file only declares becomes `defined`'s, where that names one.
 * Sections of variables are left out, because their contents move; {@link addSection} writes them.
 */
export function combineBtf(
  files: readonly Btf[],
  defined: (file: number, type: BtfType) => readonly [file: number, id: BtfId] | null,
): CombinedBtf {
  const base: number[] = [];
  const types: BtfType[] = [];
  for (const { types: list } of files) {
    base.push(types.length);
    for (const type of list) types.push(type);
  }
  const fileOf = (node: number): number => base.findLastIndex((start) => start <= node);
  // Node 0 is void, and so is the first of every file.
  const nodeOf = (file: number, id: BtfId): number => (id === 0 || id >= files[file]!.types.length ? 0 : base[file]! + id);
  const alias = types.map((type, node) => {
    if (type.kind === 0) return 0;
    const target = isExtern(type) ? defined(fileOf(node), type) : null;
    return target ? nodeOf(...target) : node;
  });
  const references = types.map((type, node) => {
    const file = fileOf(node);
    const to = [type.type, type.indexType, ...(hasNumbers(type) ? [] : type.members.map((member) => member.type))];
    return to.map((id) => alias[nodeOf(file, id)]!);
  });
  let classes = numbered(
    types.map((type, node) => {
      if (isExtern(type)) return `extern ${type.kind} ${type.name}`;
      if (isThing(type)) return `thing ${node}`;
      const { kind, name, kindFlag, size, elements, extra } = type;
      return JSON.stringify([
        kind,
        name,
        kindFlag,
        size,
        elements,
        extra,
        type.members.map((m) => [m.name, m.offset, hasNumbers(type) ? m.type : 0]),
      ]);
    }),
  );
  for (;;) {
    const { of } = classes;
    const finer = numbered(references.map((to, node) => `${of[node]}:${to.map((next) => of[next]).join()}`));
    if (finer.count === classes.count) break;
    classes = finer;
  }
  const builder = new BtfBuilder();
  const idOfClass = new Int32Array(classes.count);
  const first: number[] = [];
  types.forEach((type, node) => {
    if (type.kind === 0 || type.kind === KIND_DATASEC || alias[node] !== node || idOfClass[classes.of[node]!]! > 0) return;
    idOfClass[classes.of[node]!] = builder.reserve();
    first.push(node);
  });
  const newId = (node: number): BtfId => idOfClass[classes.of[alias[node]!]!]!;
  for (const node of first) {
    const type = types[node]!;
    const to = (id: BtfId): BtfId => newId(nodeOf(fileOf(node), id));
    const member = (each: BtfMember): BtfMember => (hasNumbers(type) ? each : { ...each, type: to(each.type) });
    builder.fill(newId(node), { ...type, type: to(type.type), indexType: to(type.indexType), members: type.members.map(member) });
  }
  return { builder, id: (file, id) => newId(nodeOf(file, id)) };
}

export function addSection(builder: BtfBuilder, name: string, size: number, vars: readonly BtfSectionVar[]): void {
  builder.add({ kind: KIND_DATASEC, name, size, vars: [...vars].sort((a, b) => a.offset - b.offset) });
}

/** Numbers for texts, equal ones for equal texts. */
function numbered(texts: readonly string[]): { of: Int32Array; count: number } {
  const known = new Map<string, number>();
  const of = new Int32Array(texts.length);
  texts.forEach((text, at) => {
    const number = known.get(text) ?? known.size;
    known.set(text, number);
    of[at] = number;
  });
  return { of, count: known.size };
}
