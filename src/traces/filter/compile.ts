import type { Dissection } from '../dissect/dissection.ts';
import { FIELDS, type FieldId, fieldId, findField, protocolOf } from '../dissect/fields.ts';
import type { Wanted } from '../dissect/walk.ts';
import { FilterError } from './error.ts';
import { Expressions, nodeText, type Typed } from './expressions.ts';
import { type Comparison, parseFilter, type Quantifier, type SetEntry, type Test, type Value } from './parser.ts';
import { SafeRegex } from './regex.ts';
import { canCompare, canContain, canSlice, compatible, isRowOfBytes, nameOf, type Type } from './types.ts';
import { allBytes, compareItems, holdsPart, type Item, isZero, Stretch, wholeSlice } from './values.ts';

// Display filters with the meaning that Wireshark 4.0 gives them: a field has a value for each of its occurrences, a comparison holds
// when one of them fits, except that `!=` and `===` ask all of them, and a field that is missing makes any comparison false.

type Predicate = (packet: Dissection) => boolean;

export interface Filter {
  readonly text: string;
  test(packet: Dissection): boolean;
  /** Applications that it looks at. */
  readonly wanted: Wanted;
  /** Names of the fields that it looks at. */
  readonly fields: readonly string[];
}

const DNS_PROTOCOLS = new Set(['dns', 'mdns', 'llmnr'].map(fieldId));
const HTTP_PROTOCOLS = new Set(['http', 'ssdp'].map(fieldId));
const TLS = fieldId('tls');
/** What stands inside these is only known once all of a packet is read. */
const NEEDS_ALL = new Set(['_ws.malformed', '_ws.short', 'data'].map(fieldId));

/** Compiles a display filter. Throws {@link FilterError}, which names the part that is wrong. An empty one lets everything pass. */
export function compileFilter(text: string): Filter {
  if (text.trim() === '') return { text, test: () => true, wanted: { dns: false, http: false, tls: false }, fields: [] };
  const compiler = new Compiler();
  const test = compiler.test(parseFilter(text));
  const used = [...compiler.expressions.fields];
  const protocols = new Set(used.map(protocolOf));
  // Layers are counted through all of a packet.
  const all = [...protocols].some((one) => NEEDS_ALL.has(one)) || compiler.expressions.layered;
  return {
    text,
    test,
    fields: used.map((id) => FIELDS[id]!.name),
    wanted: {
      dns: all || [...protocols].some((one) => DNS_PROTOCOLS.has(one)),
      http: all || [...protocols].some((one) => HTTP_PROTOCOLS.has(one)),
      tls: all || protocols.has(TLS),
    },
  };
}

class Compiler {
  readonly expressions = new Expressions();

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
    if (node.kind === 'call') throw new FilterError('a function has a value: compare it with something', node.from, node.to);
    const value = this.expressions.value(node, null);
    if (!value) throw new FilterError(`"${nodeText(node)}" is neither a field nor a protocol`, node.from, node.to);
    const { field, items } = value;
    if (node.kind === 'word' && field !== null) return (packet) => packet.row(field) >= 0;
    // Sums and bits are true when they are not zero, slices when they hold a byte.
    if (node.kind === 'arithmetic' || node.kind === 'negative') return (packet) => items(packet)?.every(isZero) === false;
    if (node.kind === 'slice') return (packet) => items(packet)?.some((item) => (item as Uint8Array).length > 0) === true;
    return (packet) => items(packet) !== null;
  }

  #in(leftNode: Value, entries: readonly SetEntry[], all: boolean): Predicate {
    const left = leftNode.kind === 'word' || leftNode.kind === 'field' ? this.expressions.value(leftNode, null) : null;
    if (!left) throw new FilterError('only a field can be in a set', leftNode.from, leftNode.to);
    const { type } = left;
    const tests = entries.map(({ low, high }): ((values: readonly Item[], packet: Dissection) => boolean) => {
      for (const node of [low, high])
        if (node?.kind === 'slice') throw new FilterError('a slice cannot stand in a set', node.from, node.to);
      const [lowest] = this.#sides('==', left, leftNode, low);
      const equal = holdsOf('==');
      if (!high) return (values, packet) => pairs(all, values, lowest.items(packet), (a, b) => equal(compareItems(type, a, b)));
      const [highest] = this.#sides('==', left, leftNode, high);
      const [above, below] = [holdsOf('>='), holdsOf('<=')];
      return (values, packet) => {
        const first = lowest.items(packet)?.[0];
        const last = highest.items(packet)?.[0];
        if (first === undefined || last === undefined) return false;
        const [from, to] = [(item: Item) => above(compareItems(type, item, first)), (item: Item) => below(compareItems(type, item, last))];
        return all
          ? values.every((item) => from(item) !== false && to(item) !== false)
          : values.some((item) => from(item) === true && to(item) === true);
      };
    });
    return (packet) => {
      const values = left.items(packet);
      return values !== null && tests.some((one) => one(values, packet));
    };
  }

  #compare(operator: Comparison, quantifier: Quantifier, leftNode: Value, rightNode: Value): Predicate {
    if (operator === 'matches') return this.#matches(leftNode, rightNode, quantifier === 'all');
    const left = this.#left(leftNode, operator);
    const [right, bytes] = this.#sides(operator, left, leftNode, rightNode);
    const all = quantifier ? quantifier === 'all' : operator === '!=' || operator === '===';
    if (operator === 'contains') {
      const has = bytes ? (a: Item, b: Item) => holdsPart(wholeSlice(a), wholeSlice(b)) : holdsPart;
      return (packet) => pairs(all, left.items(packet), right.items(packet), has);
    }
    const { type, field } = left;
    const { fixed } = right;
    const holds = holdsOf(operator);
    // The common case in one loop without lists.
    if (typeof fixed === 'number' && leftNode.kind === 'word' && field !== null && type !== 'i32') {
      const order = type === 'bool' ? (value: number) => Math.sign(value) - Math.sign(fixed) : (value: number) => value - fixed;
      return (packet) => {
        let found = false;
        for (let at = 0; at < packet.count; at++) {
          if (packet.field[at] !== field) continue;
          const fits = holds(order(packet.value[at]!)) === true;
          if (fits !== all) return fits;
          found = true;
        }
        return found && all;
      };
    }
    if (bytes) {
      const compare = (a: Item, b: Item) => holds(compareItems('bytes', wholeSlice(a), wholeSlice(b)));
      return (packet) => pairs(all, left.items(packet), right.items(packet), compare);
    }
    return (packet) => pairs(all, left.items(packet), right.items(packet), (a, b) => holds(compareItems(type, a, b)));
  }

  #matches(leftNode: Value, rightNode: Value, all: boolean): Predicate {
    const left = this.#left(leftNode, 'matches');
    if (rightNode.kind !== 'string') throw new FilterError('"matches" needs a pattern in double quotes', rightNode.from, rightNode.to);
    const regex = new SafeRegex(String.fromCharCode(...rightNode.bytes), rightNode.from + 1);
    const fits = (item: Item) => matchesItem(regex, item);
    return (packet) => {
      const values = left.items(packet);
      return values !== null && (all ? values.every(fits) : values.some(fits));
    };
  }

  /** What stands on the left of a comparison, which is no constant. */
  #left(node: Value, operator: Comparison): Typed {
    const left = this.expressions.value(node, null);
    if (!left) {
      const field = node.kind === 'word' && /^[a-z]/i.test(node.text);
      throw new FilterError(
        field ? `there is no field ${node.text}` : 'a comparison begins with a field or a function',
        node.from,
        node.to,
      );
    }
    wantAble(operator, left.type, node);
    return left;
  }

  /** What stands on the right of `left`, and whether both are compared as bytes. */
  #sides(operator: Comparison, left: Typed, leftNode: Value, rightNode: Value): readonly [right: Typed, bytes: boolean] {
    const right = this.expressions.value(rightNode, left.type);
    if (!right) return [this.expressions.constant(rightNode, left.type, namedField(left, leftNode), operator === 'contains'), false];
    const sum = rightNode.kind === 'arithmetic' || rightNode.kind === 'negative';
    if (firstOperand(leftNode).kind === 'slice' && !sum) {
      if (isRowOfBytes(right.type)) return [right, false];
      if (canSlice(right.type)) return [right, true];
    } else if (rightNode.kind === 'slice') {
      if (isRowOfBytes(left.type)) return [right, false];
      if (canSlice(left.type)) return [right, true];
    } else if (compatible(left.type, right.type)) {
      wantAble(operator, right.type, rightNode);
      return [right, false];
    }
    throw new FilterError(`${nodeText(leftNode)} and ${nodeText(rightNode)} are of different types`, leftNode.from, rightNode.to);
  }
}

function wantAble(operator: Comparison, type: Type, node: Value): void {
  if (operator === 'contains' || operator === 'matches' ? canContain(type) : canCompare(type)) return;
  const what =
    operator === 'contains' || operator === 'matches'
      ? `"${operator}" looks into texts, bytes and protocols`
      : 'nothing compares with that';
  throw new FilterError(`${nodeText(node)} is ${nameOf(type)}: ${what}`, node.from, node.to);
}

/** A protocol without a byte matches no pattern. */
function matchesItem(regex: SafeRegex, item: Item): boolean {
  const bytes = allBytes(item);
  return (bytes.length > 0 || !(item instanceof Stretch)) && regex.test(bytes);
}

/** What a sum begins with. */
function firstOperand(node: Value): Value {
  let first = node;
  while (first.kind === 'arithmetic' || first.kind === 'negative') first = first.kind === 'arithmetic' ? first.left : first.of;
  return first;
}

/** The field whose values have names that count on the right; of a sum, its first one. */
function namedField(left: Typed, node: Value): FieldId | null {
  const first = firstOperand(node);
  const name = first.kind === 'word' ? first.text : first.kind === 'field' ? first.name : '';
  return left.field ?? (name === '' ? null : (findField(name) ?? null));
}

/**
 * Whether a comparison holds for one pair of values, or for all; never where a field is missing. Pairs of which it is neither true nor false
 * (undefined) count for neither.
 */
function pairs(
  all: boolean,
  left: readonly Item[] | null,
  right: readonly Item[] | null,
  holds: (a: Item, b: Item) => boolean | undefined,
): boolean {
  if (left === null || right === null) return false;
  for (const a of left) {
    for (const b of right) {
      const fits = holds(a, b);
      if (fits !== undefined && fits !== all) return fits;
    }
  }
  return all;
}

/** What an order must be; undefined for values that have none. */
function holdsOf(operator: Comparison): (order: number) => boolean | undefined {
  const known = (fits: (order: number) => boolean) => (order: number) => (Number.isNaN(order) ? undefined : fits(order));
  switch (operator) {
    case '==':
    case '===':
      return known((order) => order === 0);
    case '!=':
    case '!==':
      return known((order) => order !== 0);
    case '>':
      return known((order) => order > 0);
    case '<':
      return known((order) => order < 0);
    case '>=':
      return known((order) => order >= 0);
    default:
      return known((order) => order <= 0);
  }
}
