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
  LINKAGE_EXTERN,
  LINKAGE_STATIC,
} from './btf.ts';
import { memberBits } from './core-spec.ts';

/** Types lead into each other in rings only through pointers; what is deeper comes from a damaged file. */
const MOST_DEPTH = 48;
/** Members, enumerators or variables of one type that are written out. */
const MOST_LINES = 4000;
const QUALIFIERS: Readonly<Record<number, string>> = { [KIND_CONST]: 'const', [KIND_VOLATILE]: 'volatile', [KIND_RESTRICT]: 'restrict' };

const isComposite = ({ kind }: BtfType): boolean => kind === KIND_STRUCT || kind === KIND_UNION;
const isEnum = ({ kind }: BtfType): boolean => kind === KIND_ENUM || kind === KIND_ENUM64;
const keyword = ({ kind, kindFlag }: BtfType): string =>
  kind === KIND_UNION || (kind === KIND_FWD && kindFlag) ? 'union' : kind === KIND_ENUM || kind === KIND_ENUM64 ? 'enum' : 'struct';

/** `name` declared as of a type, as C writes it: `int (*name)(void *)`, `const char *name[4]`. Without a name the type alone. */
export function declaration(btf: Btf, id: BtfId, name = ''): string {
  return declare(btf, id, name, 0);
}

function declare(btf: Btf, id: BtfId, inner: string, depth: number): string {
  const type = btf.at(id);
  const spaced = (base: string): string => (inner === '' || inner.startsWith('[') ? base + inner : `${base} ${inner}`);
  if (depth > MOST_DEPTH) return spaced('…');
  switch (type.kind) {
    case 0:
      return spaced('void');
    case KIND_PTR: {
      const target = btf.at(type.type);
      const star = `*${inner}`;
      return declare(btf, type.type, target.kind === KIND_ARRAY || target.kind === KIND_FUNC_PROTO ? `(${star})` : star, depth + 1);
    }
    case KIND_ARRAY:
      return declare(btf, type.type, `${inner}[${type.elements}]`, depth + 1);
    case KIND_FUNC_PROTO:
      return declare(btf, type.type, `${inner}(${parameters(btf, type, depth)})`, depth + 1);
    case KIND_CONST:
    case KIND_VOLATILE:
    case KIND_RESTRICT: {
      const word = QUALIFIERS[type.kind]!;
      // Behind the star of a pointer, before the name of anything else.
      if (isPointer(btf, type.type)) return declare(btf, type.type, inner === '' ? ` ${word}` : ` ${word} ${inner}`, depth + 1);
      return `${word} ${declare(btf, type.type, inner, depth + 1)}`;
    }
    case KIND_TYPE_TAG:
      return `${declare(btf, type.type, '', depth + 1)} __attribute__((btf_type_tag(${JSON.stringify(type.name)})))${inner === '' ? '' : ` ${inner}`}`;
    case KIND_INT:
    case KIND_FLOAT:
    case KIND_TYPEDEF:
      return spaced(type.name || '?');
    case KIND_FUNC:
      return declare(btf, type.type, inner || type.name, depth + 1);
    case KIND_VAR:
      return declare(btf, type.type, inner || type.name, depth + 1);
    case KIND_STRUCT:
    case KIND_UNION:
    case KIND_ENUM:
    case KIND_ENUM64:
    case KIND_FWD:
      return spaced(type.name === '' ? `${keyword(type)} { … }` : `${keyword(type)} ${type.name}`);
    default:
      return spaced(type.name);
  }
}

function isPointer(btf: Btf, id: BtfId): boolean {
  let at = btf.at(id);
  for (let depth = 0; depth < MOST_DEPTH && QUALIFIERS[at.kind]; depth++) at = btf.at(at.type);
  return at.kind === KIND_PTR;
}

function parameters(btf: Btf, { members }: BtfType, depth: number): string {
  if (members.length === 0) return 'void';
  return members
    .map(({ name, type }, at) => (type === 0 && at === members.length - 1 ? '...' : declare(btf, type, name, depth + 1)))
    .join(', ');
}

/** A type as C defines it, with offsets and sizes as comments; `tags` are the texts of its declaration tags. */
export function definition(btf: Btf, id: BtfId, tags: readonly string[] = []): string {
  const type = btf.at(id);
  const attributes = tags.map((tag) => ` __attribute__((btf_decl_tag(${JSON.stringify(tag)})))`).join('');
  if (isComposite(type) || isEnum(type)) return `${body(btf, type, '', 0)}${attributes}; /* size ${type.size} */`;
  switch (type.kind) {
    case KIND_TYPEDEF: {
      const target = btf.at(type.type);
      const isInline = (isComposite(target) || isEnum(target)) && target.name === '';
      return `typedef ${isInline ? `${body(btf, target, '', 0)} ${type.name}` : declaration(btf, type.type, type.name)}${attributes};`;
    }
    case KIND_FUNC:
    case KIND_VAR: {
      const storage = type.extra === LINKAGE_STATIC ? 'static ' : type.extra === LINKAGE_EXTERN ? 'extern ' : '';
      return `${storage}${declaration(btf, type.type, type.name)}${attributes};`;
    }
    case KIND_FWD:
      return `${keyword(type)} ${type.name};`;
    case KIND_DATASEC:
      return [
        `/* section ${type.name}, ${type.size} bytes */`,
        ...type.vars.slice(0, MOST_LINES).map((entry) => `${declaration(btf, entry.type)}; /* at ${entry.offset}, ${entry.size} bytes */`),
      ].join('\n');
    case KIND_DECL_TAG:
      return `/* tag ${JSON.stringify(type.name)} of ${declaration(btf, type.type)}${type.extra >= 0 ? `, component ${type.extra}` : ''} */`;
    default:
      return `${declaration(btf, id)}; /* size ${btf.sizeOf(id)} */`;
  }
}

function body(btf: Btf, type: BtfType, indent: string, depth: number): string {
  const head = `${keyword(type)}${type.name === '' ? '' : ` ${type.name}`} {`;
  const within = `${indent}\t`;
  const lines = isEnum(type)
    ? type.members.slice(0, MOST_LINES).map(({ name }, at) => `${within}${name} = ${enumerator(type, at)},`)
    : type.members.slice(0, MOST_LINES).map((_, at) => `${within}${member(btf, type, at, within, depth)}`);
  const more = type.members.length - lines.length;
  if (more > 0) lines.push(`${within}/* ${more} more */`);
  return [head, ...lines, `${indent}}`].join('\n');
}

/** The value of an enumerator; 64-bit ones have theirs in two words. */
export function enumerator({ kind, kindFlag, members }: BtfType, at: number): string {
  const { offset, type: high } = members[at]!;
  if (kind !== KIND_ENUM64) return String(kindFlag ? offset : offset >>> 0);
  const value = (BigInt(high) << 32n) | BigInt(offset >>> 0);
  return String(kindFlag ? BigInt.asIntN(64, value) : value);
}

function member(btf: Btf, type: BtfType, at: number, indent: string, depth: number): string {
  const { name, type: id } = type.members[at]!;
  const { offset, width } = memberBits(type, at);
  const place = `${Math.floor(offset / 8)}${offset % 8 > 0 || width > 0 ? `:${offset % 8}` : ''}`;
  const target = btf.at(id);
  const isInline = (isComposite(target) || isEnum(target)) && target.name === '' && depth < 8;
  const text = isInline ? `${body(btf, target, indent, depth + 1)}${name === '' ? '' : ` ${name}`}` : declaration(btf, id, name);
  return `${text}${width > 0 ? ` : ${width}` : ''}; /* ${place}${width > 0 ? '' : `, ${btf.sizeOf(id)}`} */`;
}
