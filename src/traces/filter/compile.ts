import type { Dissection } from '../dissect/dissection.ts';
import { FIELDS, type FieldId, type FieldType, fieldId, findField, protocolOf } from '../dissect/fields.ts';
import { fieldText } from '../dissect/values.ts';
import type { Wanted } from '../dissect/walk.ts';
import { FilterError } from './error.ts';
import { type Kind, type Literal, latin, literal } from './literals.ts';
import { type Comparison, parseFilter, type Range, type SetEntry, type Test, type Value } from './parser.ts';
import { SafeRegex } from './regex.ts';

// Display filters with the meaning that Wireshark 4 gives them: a field has a value for each of its occurrences, a comparison holds
// when one of them fits, except that `!=` and `===` ask all of them, and a field that is missing makes any comparison false.

type Item = number | string | Uint8Array;
/** All values that an expression has in a packet. */
type Items = (packet: Dissection) => Item[];
type Predicate = (packet: Dissection) => boolean;

export interface Filter {
  readonly text: string;
  test(packet: Dissection): boolean;
  /** Applications that it looks at. */
  readonly wanted: Wanted;
  /** Names of the fields that it looks at. */
  readonly fields: readonly string[];
}

/** An expression with the kind of its values; `literal` ones take the kind of what they are compared with. */
interface Typed {
  readonly kind: Kind | 'protocol' | 'literal';
  readonly items: Items;
  readonly field: FieldId | null;
  readonly node: Value;
}

const DNS_PROTOCOLS = new Set(['dns', 'mdns', 'llmnr'].map(fieldId));
const HTTP = fieldId('http');
const TLS = fieldId('tls');
/** What stands inside these is only known once all of a packet is read. */
const NEEDS_ALL = new Set(['_ws.malformed', '_ws.short', 'data'].map(fieldId));
/** Protocols whose bytes, for slices, are all that they carry and not their header alone. */
const WHOLE = new Set(['frame', 'tcp', 'dns', 'mdns', 'llmnr', 'http', 'tls', 'icmp', 'icmpv6', 'data'].map(fieldId));

/** Compiles a display filter. Throws {@link FilterError}, which names the part that is wrong. An empty one lets everything pass. */
export function compileFilter(text: string): Filter {
  if (text.trim() === '') return { text, test: () => true, wanted: { dns: false, http: false, tls: false }, fields: [] };
  const compiler = new Compiler();
  const test = compiler.test(parseFilter(text));
  const protocols = new Set([...compiler.fields].map(protocolOf));
  const all = [...protocols].some((one) => NEEDS_ALL.has(one));
  return {
    text,
    test,
    fields: [...compiler.fields].map((id) => FIELDS[id]!.name),
    wanted: {
      dns: all || [...protocols].some((one) => DNS_PROTOCOLS.has(one)),
      http: all || protocols.has(HTTP),
      tls: all || protocols.has(TLS),
    },
  };
}

function kindOf(type: FieldType): Typed['kind'] {
  switch (type) {
    case 'protocol':
    case 'ipv4':
    case 'ipv6':
    case 'string':
      return type;
    case 'ether':
    case 'bytes':
    case 'bytes:':
      return 'bytes';
    default:
      return 'number';
  }
}

class Compiler {
  readonly fields = new Set<FieldId>();

  test(test: Test): Predicate {
    switch (test.kind) {
      case 'and': {
        const [left, right] = [this.test(test.left), this.test(test.right)];
        return (packet) => left(packet) && right(packet);
      }
      case 'or': {
        const [left, right] = [this.test(test.left), this.test(test.right)];
        return (packet) => left(packet) || right(packet);
      }
      case 'xor': {
        const [left, right] = [this.test(test.left), this.test(test.right)];
        return (packet) => left(packet) !== right(packet);
      }
      case 'not': {
        const of = this.test(test.of);
        return (packet) => !of(packet);
      }
      case 'present':
        return this.#present(test.of);
      case 'in':
        return this.#in(test.left, test.entries, test.quantifier === 'all');
      case 'compare':
        return this.#compare(test.operator, test.quantifier, test.left, test.right);
    }
  }

  #present(node: Value): Predicate {
    const value = this.#value(node);
    if (value.kind === 'literal') throw new FilterError(`"${this.#textOf(node)}" is neither a field nor a protocol`, node.from, node.to);
    if (node.kind === 'word' && value.field !== null) {
      const { field } = value;
      return (packet) => packet.row(field) >= 0;
    }
    // Sums and bits are true when they are not zero.
    if (node.kind === 'arithmetic') return (packet) => value.items(packet).some(notZero);
    return (packet) => value.items(packet).length > 0;
  }

  #in(leftNode: Value, entries: readonly SetEntry[], all: boolean): Predicate {
    const left = this.#field(leftNode);
    const kind = comparable(left.kind);
    const items = asBytes(left, false);
    const tests = entries.map(({ low, high }) => {
      const from = this.#fixed(low, kind, left.field);
      if (!high) return (item: Item) => compareWith(item, from) === 0;
      const to = this.#fixed(high, kind, left.field);
      return (item: Item) => compareWith(item, from) >= 0 && compareWith(item, to) <= 0;
    });
    const holds = (item: Item) => tests.some((one) => one(item));
    return (packet) => {
      const values = items(packet);
      return values.length > 0 && (all ? values.every(holds) : values.some(holds));
    };
  }

  #compare(operator: Comparison, quantifier: 'any' | 'all' | null, leftNode: Value, rightNode: Value): Predicate {
    if (operator === 'matches') return this.#matches(leftNode, rightNode, quantifier === 'all');
    const first = this.#value(leftNode);
    const second = this.#value(rightNode);
    if (first.kind === 'literal' && second.kind === 'literal') {
      throw new FilterError('a comparison needs a field on one side', leftNode.from, rightNode.to);
    }
    if (operator === 'contains') return this.#contains(first, second, quantifier === 'all');
    const all = quantifier ? quantifier === 'all' : operator === '!=' || operator === '===';
    if (second.kind === 'literal')
      return this.#withLiteral(operator, all, first, this.#fixed(rightNode, comparable(first.kind), first.field));
    if (first.kind === 'literal') {
      return this.#withLiteral(turned(operator), all, second, this.#fixed(leftNode, comparable(second.kind), second.field));
    }
    if (comparable(first.kind) !== comparable(second.kind)) {
      throw new FilterError(`${this.#textOf(leftNode)} and ${this.#textOf(rightNode)} are of different types`, leftNode.from, rightNode.to);
    }
    const holds = holdsOf(operator);
    const [a, b] = [asBytes(first, false), asBytes(second, false)];
    return (packet) => {
      const [mine, theirs] = [a(packet), b(packet)];
      if (mine.length === 0 || theirs.length === 0) return false;
      const pair = (one: Item) =>
        all ? theirs.every((other) => holds(compareItems(one, other))) : theirs.some((other) => holds(compareItems(one, other)));
      return all ? mine.every(pair) : mine.some(pair);
    };
  }

  #withLiteral(operator: Comparison, all: boolean, value: Typed, fixed: Literal): Predicate {
    const holds = holdsOf(operator);
    // The common case in one loop without lists.
    if (typeof fixed.value === 'number' && fixed.prefix === null && value.node.kind === 'word' && value.field !== null) {
      const { field } = value;
      const wanted = fixed.value;
      return (packet) => {
        let found = false;
        for (let at = 0; at < packet.count; at++) {
          if (packet.field[at] !== field) continue;
          const fits = holds(packet.value[at]! - wanted);
          if (fits !== all) return fits;
          found = true;
        }
        return found && all;
      };
    }
    const items = asBytes(value, false);
    const fits = (item: Item) => holds(compareWith(item, fixed));
    return (packet) => {
      const values = items(packet);
      return values.length > 0 && (all ? values.every(fits) : values.some(fits));
    };
  }

  #contains(left: Typed, right: Typed, all: boolean): Predicate {
    if (left.kind !== 'string' && left.kind !== 'bytes' && left.kind !== 'protocol') {
      throw new FilterError(
        `"contains" looks into texts, bytes and protocols, not into ${this.#textOf(left.node)}`,
        left.node.from,
        left.node.to,
      );
    }
    const holder = asBytes(left, true);
    const fixed = right.kind === 'literal' ? this.#fixed(right.node, left.kind === 'string' ? 'string' : 'bytes', null) : null;
    const parts: Items = fixed ? () => [fixed.value] : asBytes(right, true);
    return (packet) => {
      const values = holder(packet);
      const wanted = parts(packet);
      const has = (item: Item) => wanted.some((part) => holdsPart(item, part));
      return values.length > 0 && (all ? values.every(has) : values.some(has));
    };
  }

  #matches(leftNode: Value, rightNode: Value, all: boolean): Predicate {
    const left = this.#field(leftNode);
    if (left.kind !== 'string' && left.kind !== 'bytes' && left.kind !== 'protocol') {
      throw new FilterError(
        `"matches" looks into texts, bytes and protocols, not into ${this.#textOf(leftNode)}`,
        leftNode.from,
        leftNode.to,
      );
    }
    if (rightNode.kind !== 'string' && rightNode.kind !== 'word') {
      throw new FilterError('"matches" needs a pattern in quotes', rightNode.from, rightNode.to);
    }
    const regex = new SafeRegex(rightNode.text, rightNode.from + (rightNode.kind === 'string' ? 1 : 0));
    const items = asBytes(left, true);
    const fits = (item: Item) => regex.test(typeof item === 'string' ? new TextEncoder().encode(item) : (item as Uint8Array));
    return (packet) => {
      const values = items(packet);
      return values.length > 0 && (all ? values.every(fits) : values.some(fits));
    };
  }

  /** A value that is no literal. */
  #field(node: Value): Typed {
    const value = this.#value(node);
    if (value.kind !== 'literal') return value;
    if (node.kind === 'word') throw new FilterError(`there is no field ${node.text}`, node.from, node.to);
    throw new FilterError('a field is wanted here', node.from, node.to);
  }

  /** A literal as a value of a kind. */
  #fixed(node: Value, kind: Kind, field: FieldId | null): Literal {
    if (node.kind === 'negative' && (node.of.kind === 'word' || node.of.kind === 'negative')) {
      const { value } = this.#fixed(node.of, 'number', null);
      return { value: -(value as number), prefix: null };
    }
    if (node.kind === 'char')
      return { value: kind === 'number' ? node.text.charCodeAt(0) : kind === 'string' ? node.text : latin(node.text), prefix: null };
    if (node.kind !== 'word' && node.kind !== 'string') throw new FilterError('a single value is wanted here', node.from, node.to);
    return literal(node.text, node.kind === 'string', kind, field, node.from, node.to);
  }

  #value(node: Value): Typed {
    switch (node.kind) {
      case 'word': {
        const id = findField(node.text);
        if (id !== undefined && node.text !== '') return this.#ofField(id, null, node);
        // A name with a dot that is no number and no address is meant as a field.
        if (/^[a-z_][\w]*(\.[a-z_][\w]*)+$/i.test(node.text) && !/^[0-9a-f.]+$/i.test(node.text) && protocolName(node.text)) {
          throw new FilterError(`there is no field ${node.text}`, node.from, node.to);
        }
        return { kind: 'literal', items: () => [], field: null, node };
      }
      case 'field': {
        const id = findField(node.name);
        if (id === undefined) throw new FilterError(`there is no field ${node.name}`, node.from, node.to);
        return this.#ofField(id, node.layer, node);
      }
      case 'string':
      case 'char':
        return { kind: 'literal', items: () => [], field: null, node };
      case 'negative': {
        const of = this.#value(node.of);
        if (of.kind === 'literal') return { ...of, node };
        this.#wantNumber(of);
        return { kind: 'number', items: (packet) => of.items(packet).map((item) => -(item as number)), field: null, node };
      }
      case 'slice':
        return this.#slice(node.of, node.ranges, node);
      case 'call':
        return this.#call(node.name, node.args, node);
      case 'arithmetic':
        return this.#arithmetic(node.operator, node.left, node.right, node);
    }
  }

  #ofField(id: FieldId, layer: number | null, node: Value): Typed {
    this.fields.add(id);
    const kind = kindOf(FIELDS[id]!.type);
    const rows = layer === null ? (packet: Dissection) => packet.rows(id) : (packet: Dissection) => layerRows(packet, id, layer);
    const read: (packet: Dissection, at: number) => Item =
      kind === 'number' || kind === 'ipv4'
        ? (packet, at) => packet.value[at]!
        : kind === 'string'
          ? (packet, at) => packet.text[at]!
          : kind === 'protocol'
            ? (packet, at) => protocolBytes(packet, at, id)
            : (packet, at) => packet.bytes(at);
    return { kind, items: (packet) => rows(packet).map((at) => read(packet, at)), field: id, node };
  }

  #slice(of: Value, ranges: readonly Range[], node: Value): Typed {
    const value = this.#field(of);
    const whole = asBytes(value, false);
    const toBytes = (item: Item): Uint8Array =>
      item instanceof Uint8Array
        ? item
        : typeof item === 'string'
          ? new TextEncoder().encode(item)
          : Uint8Array.of(item >>> 24, item >>> 16, item >>> 8, item);
    if (value.kind === 'number') throw new FilterError(`${this.#textOf(of)} is a number and has no bytes to slice`, of.from, of.to);
    const items: Items = (packet) => {
      const found: Item[] = [];
      for (const item of whole(packet)) {
        const part = sliced(toBytes(item), ranges);
        if (part) found.push(part);
      }
      return found;
    };
    return { kind: 'bytes', items, field: null, node };
  }

  #call(name: string, args: readonly Value[], node: Value): Typed {
    const one = (): Typed => {
      if (args.length !== 1) throw new FilterError(`${name} takes one field`, node.from, node.to);
      return this.#field(args[0]!);
    };
    switch (name) {
      case 'upper':
      case 'lower': {
        const of = one();
        if (of.kind !== 'string') throw new FilterError(`${name} takes a text`, args[0]!.from, args[0]!.to);
        const change = (item: Item) => (name === 'upper' ? (item as string).toUpperCase() : (item as string).toLowerCase());
        return { kind: 'string', items: (packet) => of.items(packet).map(change), field: null, node };
      }
      case 'len': {
        const of = one();
        if (of.kind !== 'string' && of.kind !== 'bytes' && of.kind !== 'protocol') {
          throw new FilterError('len takes a text, bytes or a protocol', args[0]!.from, args[0]!.to);
        }
        const items = asBytes(of, false);
        const length = (item: Item) => (typeof item === 'string' ? new TextEncoder().encode(item).length : (item as Uint8Array).length);
        return { kind: 'number', items: (packet) => items(packet).map(length), field: null, node };
      }
      case 'count': {
        const of = one();
        if (of.field === null) throw new FilterError('count takes a field', args[0]!.from, args[0]!.to);
        // A field that is missing has no count either.
        const count = (packet: Dissection): Item[] => {
          const found = of.items(packet).length;
          return found > 0 ? [found] : [];
        };
        return { kind: 'number', items: count, field: null, node };
      }
      case 'string': {
        const of = one();
        if (of.field === null || of.kind === 'protocol' || of.kind === 'string')
          throw new FilterError('string takes a field that is no text', args[0]!.from, args[0]!.to);
        const { field } = of;
        return { kind: 'string', items: (packet) => packet.rows(field).map((at) => fieldText(packet, at)), field: null, node };
      }
      case 'abs': {
        const of = one();
        this.#wantNumber(of);
        return { kind: 'number', items: (packet) => of.items(packet).map((item) => Math.abs(item as number)), field: null, node };
      }
      case 'max':
      case 'min': {
        if (args.length === 0) throw new FilterError(`${name} takes at least one field`, node.from, node.to);
        const all = args.map((arg) => this.#operand(arg));
        const choose = name === 'max' ? Math.max : Math.min;
        const items: Items = (packet) => {
          const values = all.flatMap((of) => of(packet) as number[]);
          return values.length > 0 ? [choose(...values)] : [];
        };
        return { kind: 'number', items, field: null, node };
      }
      default:
        throw new FilterError(
          `there is no function ${name}; there are upper, lower, len, count, string, min, max and abs`,
          node.from,
          node.from + name.length,
        );
    }
  }

  #arithmetic(operator: string, left: Value, right: Value, node: Value): Typed {
    const first = this.#value(left);
    if (operator === '&' && first.kind === 'bytes') {
      const mask = this.#fixed(right, 'bytes', null).value as Uint8Array;
      const and = (item: Item) => (item as Uint8Array).map((byte, at) => byte & (mask[at] ?? 0));
      return { kind: 'bytes', items: (packet) => first.items(packet).map(and), field: null, node };
    }
    const [a, b] = [this.#operand(left), this.#operand(right)];
    const apply = (x: number, y: number): number => {
      if (operator === '+') return x + y;
      if (operator === '-') return x - y;
      if (operator === '*') return x * y;
      if (operator === '&') return (x & y) >>> 0;
      if (y === 0) return Number.NaN;
      return operator === '/' ? Math.trunc(x / y) : x % y;
    };
    const items: Items = (packet) => {
      const [mine, theirs] = [a(packet) as number[], b(packet) as number[]];
      // Nothing can be divided by zero.
      return mine.flatMap((x) => theirs.map((y) => apply(x, y))).filter((result) => !Number.isNaN(result));
    };
    return { kind: 'number', items, field: null, node };
  }

  /** Something to calculate with: a field that is a number, or a number. */
  #operand(node: Value): Items {
    const value = this.#value(node);
    if (value.kind === 'literal') {
      const fixed = this.#fixed(node, 'number', null).value;
      return () => [fixed];
    }
    this.#wantNumber(value);
    return value.items;
  }

  #wantNumber({ kind, node }: Typed): void {
    if (kind !== 'number') throw new FilterError(`${this.#textOf(node)} is no number`, node.from, node.to);
  }

  #textOf(node: Value): string {
    if (node.kind === 'word' || node.kind === 'string') return node.text;
    return node.kind === 'field'
      ? node.name
      : node.kind === 'call'
        ? `${node.name}(…)`
        : node.kind === 'slice'
          ? `${this.#textOf(node.of)}[…]`
          : 'this';
  }
}

const protocolName = (text: string): boolean => findField(text.slice(0, text.indexOf('.'))) !== undefined;

const comparable = (kind: Typed['kind']): Kind => (kind === 'protocol' || kind === 'literal' ? 'bytes' : kind);

const notZero = (item: Item): boolean => (item instanceof Uint8Array ? item.some((byte) => byte !== 0) : item !== 0 && item !== '');

function protocolBytes(packet: Dissection, at: number, id: FieldId): Uint8Array {
  const start = packet.start[at]!;
  const end = WHOLE.has(id) ? packet.value[at]! : start + packet.length[at]!;
  return packet.sources[packet.source[at]!]!.subarray(start, end);
}

/** Values as they are compared; of protocols, `carried` asks for all bytes that they carry. */
function asBytes(value: Typed, carried: boolean): Items {
  if (value.kind !== 'protocol' || !carried || value.field === null) return value.items;
  const { field } = value;
  return (packet) => packet.rows(field).map((at) => packet.sources[packet.source[at]!]!.subarray(packet.start[at]!, packet.value[at]!));
}

/** Rows of a field within the n-th occurrence of its protocol: from 1 outside, from -1 inside. */
function layerRows(packet: Dissection, id: FieldId, layer: number): number[] {
  const protocol = protocolOf(id);
  const starts = packet.rows(protocol);
  const index = layer > 0 ? layer - 1 : starts.length + layer;
  const from = starts[index];
  if (from === undefined) return [];
  const to = starts[index + 1] ?? packet.count;
  return packet.rows(id).filter((at) => at >= from && at < to);
}

function sliced(bytes: Uint8Array, ranges: readonly Range[]): Uint8Array | null {
  const parts: number[] = [];
  for (const { start, length, last } of ranges) {
    const from = start < 0 ? bytes.length + start : start;
    let to = length === null ? bytes.length : length < 0 ? bytes.length + length + 1 : from + length;
    if (last !== null) to = (last < 0 ? bytes.length + last : last) + 1;
    if (from < 0 || from >= bytes.length || to > bytes.length || to <= from) return null;
    for (let at = from; at < to; at++) parts.push(bytes[at]!);
  }
  return Uint8Array.from(parts);
}

function holdsOf(operator: Comparison): (order: number) => boolean {
  switch (operator) {
    case '==':
    case '===':
      return (order) => order === 0;
    case '!=':
    case '!==':
      return (order) => order !== 0;
    case '>':
      return (order) => order > 0;
    case '<':
      return (order) => order < 0;
    case '>=':
      return (order) => order >= 0;
    default:
      return (order) => order <= 0;
  }
}

function turned(operator: Comparison): Comparison {
  const other: Partial<Record<Comparison, Comparison>> = { '>': '<', '<': '>', '>=': '<=', '<=': '>=' };
  return other[operator] ?? operator;
}

function compareItems(a: Item, b: Item): number {
  if (typeof a === 'number') return a - (b as number);
  if (typeof a === 'string') return a === b ? 0 : a < (b as string) ? -1 : 1;
  const other = b as Uint8Array;
  const shared = Math.min(a.length, other.length);
  for (let at = 0; at < shared; at++) if (a[at] !== other[at]) return a[at]! - other[at]!;
  return a.length - other.length;
}

function compareWith(item: Item, { value, prefix }: Literal): number {
  if (prefix === null) return compareItems(item, value);
  if (typeof item === 'number') {
    const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
    return ((item & mask) >>> 0) - (((value as number) & mask) >>> 0);
  }
  return compareItems(masked(item as Uint8Array, prefix), masked(value as Uint8Array, prefix));
}

const masked = (bytes: Uint8Array, prefix: number): Uint8Array =>
  bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, prefix - 8 * at))));

function holdsPart(item: Item, part: Item): boolean {
  if (typeof item === 'string' && typeof part === 'string') return item.includes(part);
  const whole = typeof item === 'string' ? new TextEncoder().encode(item) : (item as Uint8Array);
  const wanted = typeof part === 'string' ? new TextEncoder().encode(part) : (part as Uint8Array);
  if (wanted.length === 0) return true;
  const first = wanted[0]!;
  for (let at = whole.indexOf(first); at >= 0 && at + wanted.length <= whole.length; at = whole.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && whole[at + same] === wanted[same]) same++;
    if (same === wanted.length) return true;
  }
  return false;
}
