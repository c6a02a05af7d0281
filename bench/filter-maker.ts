import { randomOf } from '../src/base/random.ts';
import { hexText, ipv4Text, ipv6Text, macText } from '../src/traces/addresses.ts';
import type { Dissection } from '../src/traces/dissect/dissection.ts';
import { FIELDS, type FieldId } from '../src/traces/dissect/fields.ts';
import { type Type, typeOf } from '../src/traces/filter/types.ts';

/** Values kept of each field, and packets between two that are looked at. */
const KEPT = 40;
const INTEGERS: readonly Type[] = ['u8', 'u16', 'u24', 'u32', 'u64', 'i32'];
const BITS: Partial<Record<Type, number>> = { u8: 8, u16: 16, u24: 24, u32: 32, u64: 40, i32: 31 };
const COMPARISONS = ['==', '!=', '===', '!==', '>', '<', '>=', '<=', 'eq', 'ne', 'all_eq', 'any_ne', 'gt', 'lt', 'ge', 'le', '~='];
const FUNCTIONS = ['len', 'count', 'string', 'upper', 'lower', 'abs', 'max', 'min'];
const PATTERNS = [
  '^www',
  'com$',
  'a|b',
  '[0-9]+',
  '.',
  'ex.mple',
  '(?i)HOST',
  '\\\\d{2}',
  '[^a-z]$',
  '^$',
  'x?y*',
  '\\\\x00',
  'G(ET|e)',
  '\\\\bmail\\\\b',
  '(',
  'a{2',
  '*',
];

/** What tshark alone knows (who dissects a protocol, and who finds it malformed), and what it has twice, with values of the narrower of two types. */
const LEFT_OUT = /^$|^data|^_ws|^vxlan\.flags$/;
/** Bytes that are names of protocols in Wireshark. */
const NAMES = /^(?:dc|fc|ff)$/;

const EVERY: readonly FieldId[] = [...FIELDS.keys()].filter((field) => !LEFT_OUT.test(FIELDS[field]!.name));

type Sample = number | string | Uint8Array | { readonly seconds: number; readonly nanoseconds: number };

/**
 * Display filters after the grammar of Wireshark 4.0: fields × operators × values of a capture × logic × slices × layers × sets × functions × sums, of
 * matching types for the most part; some are broken on purpose.
 *
 * Left out is what Wireshark itself leaves to chance: IPv6 addresses beside slices and under `&`, which it reads as other types, ranges in
 * sets between fields, and a field with layers and without them in one filter, where the second one gets the values of the first.
 */
export class FilterMaker {
  readonly #random: () => number;
  readonly #samples = new Map<FieldId, Sample[]>();
  #fields: FieldId[] = [];

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** Takes values of a packet. */
  learn(out: Dissection): void {
    for (let at = 0; at < out.count; at++) {
      const field = out.field[at]!;
      if (LEFT_OUT.test(FIELDS[field]!.name)) continue;
      const kept = this.#samples.get(field) ?? [];
      this.#samples.set(field, kept);
      const sample = sampleOf(out, at);
      if (kept.length < KEPT) kept.push(sample);
      else if (this.#one(20)) kept[this.#int(KEPT)] = sample;
    }
    this.#fields = [...this.#samples.keys()].sort((a, b) => a - b);
  }

  make(count: number): string[] {
    const made: string[] = [];
    while (made.length < count) {
      const text = this.#logic(0);
      if (!mixesLayers(text)) made.push(this.#one(8) ? this.#broken(text) : text);
    }
    return made;
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #one(of: number): boolean {
    return this.#int(of) === 0;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#int(from.length)]!;
  }

  #field(accepts: (type: Type) => boolean = () => true): FieldId {
    const fitting = this.#fields.filter((one) => accepts(typeOf(one)));
    // Every few, one that the capture has not.
    return this.#one(30) ? this.#pick(EVERY) : this.#pick(fitting);
  }

  #name(field: FieldId): string {
    const { name } = FIELDS[field]!;
    if (!this.#one(9)) return this.#one(40) && !name.startsWith('_') ? `.${name}` : name;
    return `${name}#${this.#pick(['1', '2', '3', '[-1]', '[1]', '[1-2]', '[2:]', '[:1]', '[1,2]', '[-2:1]'])}`;
  }

  #logic(depth: number): string {
    const kind = this.#int(10 + depth * 6);
    if (kind === 0) return `${this.#logic(depth + 1)} ${this.#pick(['&&', 'and'])} ${this.#logic(depth + 1)}`;
    if (kind === 1) return `${this.#logic(depth + 1)} ${this.#pick(['||', 'or'])} ${this.#logic(depth + 1)}`;
    if (kind === 2) return `${this.#pick(['!', 'not ', '! '])}${this.#logic(depth + 1)}`;
    if (kind === 3) return `(${this.#logic(depth + 1)})`;
    return this.#test();
  }

  #test(): string {
    switch (this.#int(14)) {
      case 0:
        return this.#name(this.#field());
      case 1:
        return this.#slice();
      case 2:
        return this.#contains();
      case 3:
        return this.#matches();
      case 4:
      case 5:
        return this.#set();
      case 6:
        return this.#function();
      case 7:
        return this.#sum();
      case 8:
        return this.#sliceTest();
      case 9:
        return this.#fieldPair();
      default:
        return this.#comparison();
    }
  }

  #comparison(): string {
    const field = this.#field((type) => type !== 'protocol' && type !== 'none');
    const quantifier = this.#one(7) ? this.#pick(['any ', 'all ']) : '';
    const name = this.#name(field);
    const first = `${quantifier}${name} ${this.#pick(COMPARISONS)} ${this.#value(field)}`;
    return this.#one(15) ? `${first} ${this.#pick(COMPARISONS)} ${name}` : first;
  }

  /** A literal that fits the field for the most part. */
  #value(field: FieldId): string {
    const other = this.#one(15) && typeOf(field) !== 'time' ? this.#field() : field;
    const kept = this.#samples.get(other);
    const type = typeOf(other);
    const sample = kept ? this.#pick(kept) : 0;
    if (INTEGERS.includes(type) && typeof sample === 'number') return this.#number(type, sample);
    if (type === 'bool') return this.#pick(['0', '1', 'True', 'False', 'TRUE', 'true', '2', '"True"', 'Set', '"Not set"', 'yes']);
    if (type === 'ipv4' && typeof sample === 'number') return this.#ipv4(sample);
    if (type === 'string') return this.#string(typeof sample === 'string' ? sample : '');
    if (type === 'time' && typeof sample === 'object' && 'seconds' in sample) return this.#time(sample.seconds, sample.nanoseconds);
    if (sample instanceof Uint8Array) {
      if (type === 'ipv6') return this.#one(3) ? `${ipv6Text(sample, 0)}/${this.#int(132)}` : ipv6Text(sample, 0);
      if (type === 'ether') return this.#one(3) ? macText(sample, 0).replaceAll(':', this.#pick(['-', '.'])) : macText(sample, 0);
      return this.#bytes(sample.subarray(0, 12));
    }
    return this.#pick(['1', '"x"', "'a'", 'abc']);
  }

  #number(type: Type, sample: number): string {
    const kind = this.#int(12);
    const value = Math.max(0, sample + this.#pick([0, 0, 0, 1, -1]));
    if (kind === 0) return `0x${value.toString(16)}`;
    if (kind === 1) return `0${value.toString(8)}`;
    if (kind === 2 && value < 256) return `0b${value.toString(2)}`;
    if (kind === 3) return `-${value}`;
    if (kind === 4) return String(this.#int(2 ** (BITS[type]! + this.#int(2))));
    if (kind === 5) return this.#pick(['+1', '08', '0x', "'a'", "'\\x41'", '"1"', '1.5', 'TCP', 'tcp', '4294967296', '']);
    return String(value);
  }

  #ipv4(sample: number): string {
    const text = ipv4Text(Uint8Array.of(sample >>> 24, sample >>> 16, sample >>> 8, sample), 0);
    if (this.#one(3)) return `${text}/${this.#int(34)}`;
    return this.#one(25) ? this.#pick([`"${text}"`, `${text}.1`, text.slice(0, -1), `0${text}`, '1', 'localhost']) : text;
  }

  #time(seconds: number, nanoseconds: number): string {
    const text = `${Math.abs(seconds)}.${String(Math.abs(nanoseconds)).padStart(9, '0')}`;
    return this.#pick([
      text,
      text.replace(/0+$/, ''),
      String(Math.abs(seconds)),
      `${text}0`,
      `${text}1`,
      `.${text.split('.')[1]}`,
      `-${text}`,
    ]);
  }

  #string(sample: string): string {
    const part = this.#one(3) ? sample.slice(this.#int(sample.length + 1)).slice(0, 1 + this.#int(8)) : sample;
    if (this.#one(12) && /^[a-z]\w*$/i.test(part)) return `z${part}q`;
    const escaped = part.replace(/["\\]/g, '\\$&').replace(/[^ -~]/gu, (char) => utf8Escapes(char));
    return this.#one(10) && !/["\\]/.test(part) ? `r"${part.replace(/[^ -~]/gu, '')}"` : `"${escaped}"`;
  }

  #bytes(sample: Uint8Array): string {
    const from = this.#int(sample.length);
    const part = sample.subarray(from, from + 1 + this.#int(5));
    if (part.length === 0) return '00:00';
    const hex = hexText(part);
    const kind = NAMES.test(hex) ? 4 : this.#int(8);
    if (kind === 0 && !/^[acdef]\w*$/.test(hex)) return hex;
    if (kind === 1) return hex.replace(/..(?=.)/g, '$&-');
    if (kind === 2) return hex.replace(/..(?=.)/g, '$&.');
    if (kind === 3) return `"${[...part].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
    if (kind === 4 && part.length === 1) return `0x${hex}`;
    if (kind === 5 && part.length === 1) return `'\\x${hex}'`;
    if (kind === 6) return `:${hex.replace(/..(?=.)/g, '$&:')}`;
    return hex.replace(/..(?=.)/g, '$&:');
  }

  /** A type whose bytes are its own in Wireshark too. */
  #sliceable(): FieldId {
    return this.#field(
      (type) => type === 'protocol' || type === 'ether' || type === 'bytes' || type === 'string' || type === 'ipv4' || this.#one(400),
    );
  }

  #slice(): string {
    const one = (): string => {
      const start = this.#int(this.#pick([3, 8, 30])) - this.#pick([0, 0, 0, 6]);
      const kind = this.#int(6);
      if (kind === 0) return `${start}:${1 + this.#int(6) - (this.#one(12) ? 2 : 0)}`;
      if (kind === 1) return `${start}-${start + this.#int(5)}`;
      if (kind === 2) return `:${1 + this.#int(20)}`;
      if (kind === 3) return `${start}:`;
      return this.#one(12) ? this.#pick(['', '0x2', '1:2:3', ' 1 ', ':', 'a', '99999999999']) : String(start);
    };
    const ranges = [one(), ...(this.#one(8) ? [one()] : []), ...(this.#one(20) ? [one()] : [])];
    const twice = this.#one(15) ? `[${one()}]` : '';
    return `${this.#name(this.#sliceable())}[${ranges.join(',')}]${twice}`;
  }

  #sliceTest(): string {
    const kind = this.#int(8);
    const operator = this.#pick(COMPARISONS);
    if (kind === 0) return `${this.#slice()} ${operator} ${this.#slice()}`;
    if (kind === 1) return `${this.#slice()} & ${this.#bytes(this.#someBytes())}`;
    if (kind === 2) return `${this.#slice()} & ${this.#bytes(this.#someBytes())} ${operator} ${this.#bytes(this.#someBytes())}`;
    if (kind === 3) return `${this.#name(this.#sliceable())} ${operator} ${this.#slice()}`;
    if (kind === 4) return `${this.#slice()} contains ${this.#bytes(this.#someBytes())}`;
    return `${this.#slice()} ${operator} ${this.#bytes(this.#someBytes())}`;
  }

  #someBytes(): Uint8Array {
    const all = [...this.#samples.values()].flat().filter((one) => one instanceof Uint8Array);
    return this.#pick(all).subarray(0, 60);
  }

  #contains(): string {
    const field = this.#field((type) => type === 'protocol' || type === 'string' || type === 'bytes' || type === 'ether');
    const sample = this.#pick(this.#samples.get(field) ?? ['']);
    const kind = this.#int(8);
    const quantifier = this.#one(9) ? this.#pick(['any ', 'all ']) : '';
    const part =
      kind === 0
        ? this.#name(this.#field((type) => type === typeOf(field)))
        : typeof sample === 'string'
          ? this.#string(sample)
          : sample instanceof Uint8Array
            ? this.#bytes(sample)
            : this.#pick(['"a"', '00', '""', "'\\0'", '01:02']);
    return `${quantifier}${this.#name(field)} contains ${part}`;
  }

  #matches(): string {
    const field = this.#field((type) => type === 'protocol' || type === 'string' || type === 'bytes' || this.#one(12));
    const subject = this.#one(8) ? `${this.#pick(['lower', 'upper', 'string'])}(${this.#name(field)})` : this.#name(field);
    const pattern = this.#pick(PATTERNS);
    const quoted = this.#one(4) ? `r"${pattern.replaceAll('\\\\', '\\')}"` : `"${pattern}"`;
    return `${subject} ${this.#pick(['matches', '~'])} ${this.#one(30) ? this.#pick(['abc', "'a'"]) : quoted}`;
  }

  #set(): string {
    const field = this.#field((type) => type !== 'protocol' && type !== 'none');
    const entry = (): string => {
      const kind = this.#int(12);
      if (kind < 3) return `${this.#value(field)}${this.#pick(['..', ' .. '])}${this.#value(field)}`;
      if (kind === 3) return FIELDS[this.#field((type) => type === typeOf(field))]!.name;
      return this.#value(field);
    };
    const entries = Array.from({ length: 1 + this.#int(4) }, entry).join(this.#pick([',', ', ', ' , ']));
    const quantifier = this.#one(7) ? this.#pick(['any ', 'all ']) : '';
    return `${quantifier}${this.#name(field)} ${this.#pick(['in', 'in', 'in', 'not in', '! in'])} {${this.#one(30) ? '' : entries}}`;
  }

  #function(): string {
    const name = this.#pick(FUNCTIONS);
    const operator = this.#pick(COMPARISONS);
    const inner = this.#field((type) =>
      name === 'len'
        ? true
        : name === 'count'
          ? true
          : name === 'upper' || name === 'lower'
            ? type === 'string'
            : INTEGERS.includes(type) || type === 'time' || (name === 'string' && type !== 'protocol' && type !== 'none'),
    );
    const text = this.#name(inner);
    if (name === 'len' || name === 'count') return `${name}(${text}) ${operator} ${this.#one(5) ? this.#int(200) : this.#int(6)}`;
    if (name === 'string') {
      const sample = this.#pick(this.#samples.get(inner) ?? [0]);
      return `string(${text}) ${this.#pick([operator, 'contains'])} "${typeof sample === 'number' ? String(sample).slice(0, 1 + this.#int(4)) : '1'}"`;
    }
    if (name === 'upper' || name === 'lower') {
      const value = this.#value(inner);
      return `${name}(${text}) ${this.#pick([operator, 'contains'])} ${this.#one(2) ? value : name === 'upper' ? value.toUpperCase() : value.toLowerCase()}`;
    }
    const same = this.#field((type) => type === typeOf(inner));
    // Wireshark reads arguments of a sum's function twice, and refuses numbers the second time.
    const plus = this.#one(9) ? ' + 1' : '';
    const args =
      name === 'abs'
        ? this.#one(3)
          ? `${text} - ${this.#value(inner)}`
          : text
        : [text, this.#name(same), ...(this.#one(3) && !plus ? [this.#value(inner)] : [])].join(', ');
    return `${name}(${args})${plus} ${operator} ${this.#value(inner)}`;
  }

  #sum(): string {
    const type = this.#pick<Type>(['u8', 'u16', 'u32', 'u16', 'time', 'ipv4', 'ether']);
    const field = this.#field((one) => one === type);
    const operand = (): string =>
      this.#one(3)
        ? this.#name(this.#field((one) => one === type || (INTEGERS.includes(type) && INTEGERS.includes(one))))
        : this.#value(field);
    const signs =
      type === 'time'
        ? ['+', '-', '&']
        : type === 'ipv4' || type === 'ether'
          ? ['&', '&', '&', 'bitwise_and', '+']
          : ['+', '-', '*', '/', '%', '&', 'bitwise_and'];
    let text = `${this.#one(9) ? '-' : ''}${this.#name(field)} ${this.#pick(signs)} ${operand()}`;
    if (this.#one(4)) text = `${this.#one(2) ? `{${text}}` : text} ${this.#pick(signs)} ${operand()}`;
    if (this.#one(3)) return text;
    return `${text} ${this.#pick(COMPARISONS)} ${this.#one(6) ? `${operand()} ${this.#pick(signs)} ${operand()}` : operand()}`;
  }

  #fieldPair(): string {
    const first = this.#field();
    const second = this.#one(5) ? this.#field((type) => type !== 'ipv6') : this.#field((type) => type === typeOf(first));
    const quantifier = this.#one(5) ? this.#pick(['any ', 'all ']) : '';
    return `${quantifier}${this.#name(first)} ${this.#pick(COMPARISONS)} ${this.#name(second)}`;
  }

  /** The text with something changed that is wrong for the most part. */
  #broken(text: string): string {
    const at = this.#int(text.length + 1);
    const words = text.split(' ');
    const word = this.#int(words.length);
    switch (this.#int(5)) {
      case 0:
        return (
          text.slice(0, at) + this.#pick(['(', ')', '"', '[', ']', '{', '}', '=', '&', ',', '#', ' ', '..', '!', '-']) + text.slice(at)
        );
      case 1:
        return text.slice(0, at) + text.slice(at + 1);
      case 2:
        return words.filter((_, i) => i !== word).join(' ');
      case 3:
        return [
          ...words.slice(0, word),
          this.#pick(['and', '==', 'in', 'contains', 'not', '1', 'tcp.port', '{1}', 'any', 'foo.bar', '""']),
          ...words.slice(word),
        ].join(' ');
      default:
        return text.toUpperCase();
    }
  }
}

function mixesLayers(text: string): boolean {
  const names: readonly string[] = text.match(/[a-z_][\w.]*#?/g) ?? [];
  return names.some((one) => one.endsWith('#') && names.includes(one.slice(0, -1)));
}

function sampleOf(out: Dissection, at: number): Sample {
  const type = typeOf(out.field[at]!);
  if (type === 'string') return out.text[at]!;
  if (type === 'time') return { seconds: out.value[at]!, nanoseconds: out.nanoseconds[at]! };
  if (type === 'protocol') return out.sources[out.source[at]!]!.slice(out.start[at]!, out.value[at]!);
  return type === 'ether' || type === 'ipv6' || type === 'bytes' ? out.bytes(at).slice() : out.value[at]!;
}

const utf8Escapes = (char: string): string =>
  [...new TextEncoder().encode(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
