import { ipv4Text, ipv6Text, macText } from '../addresses.ts';
import type { Dissection } from '../dissect/dissection.ts';
import { FIELDS, type FieldId, fieldId, findField } from '../dissect/fields.ts';
import { FilterError } from './error.ts';
import { fromCharacter, fromString, fromWord, textOf } from './literals.ts';
import type { Operator, Value } from './parser.ts';
import { choosesLayer, type Range } from './ranges.ts';
import {
  canBeNegative,
  canCalculate,
  canCompare,
  canNegate,
  canSlice,
  compatible,
  hasText,
  nameOf,
  quotedTypeOf,
  type Type,
  typeOf,
} from './types.ts';
import { absolute, bytesOf, calculated, compareItems, type Item, negated, Signed, Stretch, slicedItem, Time } from './values.ts';

/** All values that an expression has in a packet; null where a field of it is missing. */
export type Items = (packet: Dissection) => Item[] | null;

export interface Typed {
  readonly type: Type;
  readonly items: Items;
  /** What it is, with or without layers. */
  readonly field: FieldId | null;
  /** Its only value, whatever the packet. */
  readonly fixed: Item | null;
}

/** Protocols of which all bytes count, for slices and order, and not their header alone. */
const WHOLE = new Set(
  ['frame', 'llc', 'arp', 'tcp', 'dns', 'mdns', 'llmnr', 'http', 'ssdp', 'tls', 'icmp', 'icmpv6', 'ah', 'data', 'ipv6.routing'].map(
    fieldId,
  ),
);
/** Bytes of values, for `len`; other types have values of their own length, or none. */
const LENGTHS: Partial<Record<Type, number>> = {
  u8: 1,
  u16: 2,
  u24: 3,
  u32: 4,
  u64: 8,
  i32: 4,
  ipv4: 4,
  ipv6: 16,
  bool: 0,
  time: 0,
  none: 0,
};

/** Types and values of what stands between the operators of a filter; collects the fields. */
export class Expressions {
  readonly fields = new Set<FieldId>();
  /** Whether layers of a protocol are told apart. */
  layered = false;

  /**
   * An expression; null for a constant, which takes its type from what it is compared with. `beside` is the type of what stands on the
   * left of it, null for what stands there itself.
   */
  value(node: Value, beside: Type | null): Typed | null {
    switch (node.kind) {
      case 'word': {
        const id = findField(node.text);
        if (id !== undefined && node.text !== '') return this.#ofField(id, null);
        // A name with a dot that is no number and no address is meant as a field.
        if (isFieldName(node.text)) throw new FilterError(`there is no field ${node.text}`, node.from, node.to);
        return null;
      }
      case 'field': {
        const id = findField(node.name);
        if (id === undefined || node.name === '') throw new FilterError(`there is no field ${node.name}`, node.from, node.to);
        return this.#ofField(id, node.layers);
      }
      case 'literal':
      case 'string':
      case 'char':
        return null;
      case 'slice':
        return this.#slice(node.of, node.ranges, beside);
      case 'call':
        return this.#call(node.name, node.args, node, beside);
      case 'negative':
        return this.#negative(node.of, beside);
      case 'arithmetic':
        return this.#arithmetic(node.operator, node.left, node.right, beside);
    }
  }

  /** A constant as a value of a type; `field` is the one it is compared with, where there is one. */
  constant(node: Value, type: Type, field: FieldId | null, partial: boolean): Typed {
    const fail = (what: string) => new FilterError(what, node.from, node.to);
    let fixed: Item;
    if (node.kind === 'word' || node.kind === 'literal') fixed = fromWord(node.text, type, field, partial, fail);
    else if (node.kind === 'string') fixed = fromString(node.bytes, quotedTypeOf(field, type), field, fail);
    else if (node.kind === 'char') fixed = fromCharacter(node.bytes, type, fail);
    else throw fail('a single value is wanted here');
    return ofConstant(type, fixed);
  }

  #ofField(id: FieldId, layers: readonly Range[] | null): Typed {
    this.fields.add(id);
    if (layers) this.layered = true;
    const type = typeOf(id);
    const rows = layers ? (packet: Dissection) => layerRows(packet, id, layers) : (packet: Dissection) => packet.rows(id);
    const reading =
      (read: (packet: Dissection, at: number) => Item): Items =>
      (packet) => {
        const found = rows(packet);
        return found.length === 0 ? null : found.map((at) => read(packet, at));
      };
    if (type !== 'protocol') return { type, items: reading(readerOf(type)), field: id, fixed: null };
    const whole = WHOLE.has(id);
    const items = reading((packet, at) => {
      const bytes = packet.sources[packet.source[at]!]!.subarray(packet.start[at]!, packet.value[at]!);
      return new Stretch(bytes, whole ? bytes.length : packet.length[at]!);
    });
    return { type, items, field: id, fixed: null };
  }

  #slice(of: Value, chosen: readonly Range[], beside: Type | null): Typed {
    const value = of.kind === 'negative' || of.kind === 'arithmetic' ? null : this.value(of, beside);
    if (!value) throw new FilterError('only a field, a function or a slice can be sliced', of.from, of.to);
    if (!canSlice(value.type)) throw new FilterError(`${nodeText(of)} is ${nameOf(value.type)} and has no bytes to slice`, of.from, of.to);
    const { items } = value;
    return ofItems('bytes', (packet) => items(packet)?.map((item) => slicedItem(item, chosen)) ?? null);
  }

  #negative(of: Value, beside: Type | null): Typed {
    const { type, items, fixed, field } = this.#operand(of, beside);
    if (!canNegate(type)) throw new FilterError(`${nodeText(of)} is ${nameOf(type)} and cannot be negative`, of.from, of.to);
    if (fixed !== null) {
      const value = negated(type, fixed);
      if (value === null) throw new FilterError(`-${nodeText(of)} is too small`, of.from, of.to);
      return ofConstant(type, value);
    }
    return {
      ...ofItems(
        type,
        mapped(items, (item) => negated(type, item)),
      ),
      field,
    };
  }

  /** Something to calculate with. Constants stand on the right of what has a type. */
  #operand(node: Value, beside: Type | null): Typed {
    const value = this.value(node, beside);
    if (value) return value;
    if (node.kind === 'string' || node.kind === 'char') throw new FilterError('nobody calculates with texts', node.from, node.to);
    if (beside === null) throw new FilterError('a field is wanted here, with values on its right', node.from, node.to);
    return this.constant(node, beside, null, false);
  }

  #arithmetic(operator: Operator, leftNode: Value, rightNode: Value, beside: Type | null): Typed {
    const left = this.#operand(leftNode, beside);
    const right = this.#operand(rightNode, left.type);
    for (const [node, { type }] of [
      [leftNode, left],
      [rightNode, right],
    ] as const) {
      if (!canCalculate(operator, type)) {
        throw new FilterError(`${nodeText(node)} is ${nameOf(type)}, which "${operator}" does not take`, node.from, node.to);
      }
    }
    if (!compatible(left.type, right.type)) {
      throw new FilterError(`${nodeText(leftNode)} and ${nodeText(rightNode)} are of different types`, leftNode.from, rightNode.to);
    }
    const { type } = left;
    return ofItems(type, (packet) => {
      const mine = left.items(packet);
      const theirs = mine && right.items(packet);
      return theirs
        ? (mine.flatMap((a) => theirs.map((b) => calculated(operator, type, a, b))).filter((one) => one !== null) as Item[])
        : null;
    });
  }

  #call(name: string, args: readonly Value[], node: Value, beside: Type | null): Typed {
    const one = (): Typed => {
      if (args.length !== 1) throw new FilterError(`${name} takes one value`, node.from, node.to);
      const [arg] = args as [Value];
      const value = arg.kind === 'word' || arg.kind === 'field' ? this.value(arg, null) : null;
      if (!value) throw new FilterError(`${name} takes a field`, arg.from, arg.to);
      return value;
    };
    const wrong = (what: string) => new FilterError(what, args[0]!.from, args[0]!.to);
    switch (name) {
      case 'upper':
      case 'lower': {
        const { type, items } = one();
        if (type !== 'string') throw wrong(`${name} takes a text`);
        const [from, change] = name === 'upper' ? ([/[a-z]+/g, 'toUpperCase'] as const) : ([/[A-Z]+/g, 'toLowerCase'] as const);
        return ofItems(
          'string',
          mapped(items, (item) => (item as string).replace(from, (letters) => letters[change]())),
        );
      }
      case 'len': {
        const { type, items } = one();
        const known = LENGTHS[type];
        return ofItems(
          'u32',
          mapped(items, (item) => known ?? (item instanceof Stretch ? item.length : bytesOf(item).length)),
        );
      }
      case 'count': {
        const { items } = one();
        return ofItems('u32', (packet) => {
          const found = items(packet);
          return found && [found.length];
        });
      }
      case 'string': {
        const { type, items } = one();
        if (!hasText(type)) throw wrong(`string takes a number or an address, not ${nameOf(type)}`);
        return ofItems(
          'string',
          mapped(items, (item) => written(type, item)),
        );
      }
      case 'abs': {
        if (args.length !== 1) throw new FilterError('abs takes one value', node.from, node.to);
        const { type, items } = this.#operand(args[0]!, beside);
        if (!canBeNegative(type)) throw wrong(`${nameOf(type)} is never negative`);
        const all = mapped(items, (item) => absolute(type, item));
        // Sums without a result are as good as missing here.
        return ofItems(type, (packet) => (items(packet)?.length ? all(packet) : null));
      }
      case 'max':
      case 'min':
        return this.#extreme(name, args, node, beside);
      default:
        throw new FilterError(
          `there is no function ${name}; there are upper, lower, len, count, string, min, max and abs`,
          node.from,
          node.from + name.length,
        );
    }
  }

  /** The largest or smallest of all values of the arguments, which are of one type; what is missing does not count. */
  #extreme(name: 'max' | 'min', args: readonly Value[], node: Value, beside: Type | null): Typed {
    if (args.length === 0) throw new FilterError(`${name} takes at least one field`, node.from, node.to);
    const all: Typed[] = [];
    for (const arg of args) {
      if (arg.kind === 'slice' || arg.kind === 'literal') throw new FilterError(`${name} takes fields and numbers`, arg.from, arg.to);
      const value = this.#operand(arg, all[0]?.type ?? beside);
      if (value.type !== (all[0] ?? value).type) throw new FilterError(`${name} takes values of one type only`, arg.from, arg.to);
      if (all.length > 0 && !canCompare(value.type)) throw new FilterError(`${nameOf(value.type)} has no order`, arg.from, arg.to);
      all.push(value);
    }
    const { type } = all[0]!;
    const better = name === 'max' ? (order: number) => !(order <= 0) : (order: number) => !(order >= 0);
    return ofItems(type, (packet) => {
      let best: Item | null = null;
      // From the last one on; what has no order takes the place of what came before, as in Wireshark.
      for (const { items } of all.toReversed())
        for (const item of (items(packet) ?? []).toReversed()) if (best === null || better(compareItems(type, item, best))) best = item;
      return best === null ? null : [best];
    });
  }
}

const ofItems = (type: Type, items: Items): Typed => ({ type, items, field: null, fixed: null });

function ofConstant(type: Type, fixed: Item): Typed {
  const all = [fixed];
  return { type, items: () => all, field: null, fixed };
}

/** Each value changed; those that have no result are left out. */
function mapped(items: Items, change: (item: Item) => Item | null): Items {
  return (packet) => {
    const found = items(packet);
    return found && (found.map(change).filter((one) => one !== null) as Item[]);
  };
}

function readerOf(type: Type): (packet: Dissection, at: number) => Item {
  switch (type) {
    case 'string':
      return (packet, at) => packet.text[at]!;
    case 'ether':
    case 'ipv6':
    case 'bytes':
      return (packet, at) => packet.bytes(at);
    case 'i32':
      return (packet, at) => new Signed(packet.value[at]!);
    case 'time':
      return (packet, at) => new Time(packet.value[at]!, packet.nanoseconds[at]!);
    default:
      return (packet, at) => packet.value[at]!;
  }
}

function written(type: Type, item: Item): string {
  if (type === 'ipv4') return ipv4Text(bytesOf(item), 0);
  if (type === 'ipv6') return ipv6Text(bytesOf(item), 0);
  if (type === 'ether') return macText(bytesOf(item), 0);
  return String(item instanceof Signed ? item.value : (item as number));
}

/** Rows of a field within the chosen occurrences of the protocols that they stand in, counted from 1 outside, or from -1 inside. */
function layerRows(packet: Dissection, id: FieldId, chosen: readonly Range[]): number[] {
  const rows = packet.rows(id);
  const layers = rows.map((at) => layerOf(packet, at));
  const count = Math.max(0, ...layers);
  return rows.filter((_, i) => choosesLayer(chosen, layers[i]!, count));
}

/** Which occurrence of its protocol an item stands in, from 1. */
function layerOf(packet: Dissection, row: number): number {
  const isProtocol = (at: number) => FIELDS[packet.field[at]!]!.type === 'protocol';
  let at = row;
  while (at > 0 && !(isProtocol(at) && (at === row || packet.depth[at]! < packet.depth[row]!))) at--;
  let layer = 0;
  for (let before = 0; before <= at; before++) if (packet.field[before] === packet.field[at]) layer++;
  return layer;
}

function isFieldName(text: string): boolean {
  if (!/^[a-z_]\w*(\.[a-z_]\w*)+$/i.test(text) || /^[0-9a-f.]+$/i.test(text)) return false;
  return findField(text.slice(0, text.indexOf('.'))) !== undefined;
}

/** A part of a filter as it is named in messages. */
export function nodeText(node: Value): string {
  switch (node.kind) {
    case 'word':
    case 'literal':
      return node.text;
    case 'string':
    case 'char':
      return textOf(node.bytes);
    case 'field':
      return node.name;
    case 'call':
      return `${node.name}(…)`;
    case 'slice':
      return `${nodeText(node.of)}[…]`;
    default:
      return 'this';
  }
}
