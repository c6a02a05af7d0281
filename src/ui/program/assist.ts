import { assemble } from '../../bpf/asm.ts';
import { helperId } from '../../bpf/helper-names.ts';
import { HELPERS, type Helper } from '../../bpf/helpers.ts';
import { mapTypeName } from '../../bpf/maps.ts';
import { describeInsn } from '../../bpf/opcodes.ts';
import type { MapDef, Subprog } from '../../bpf/program.ts';

/** What a completion offers; `snippet` holds places to fill, as editors write them. */
export interface Suggestion {
  readonly kind: 'statement' | 'register' | 'helper' | 'function' | 'map' | 'label';
  readonly label: string;
  readonly insert: string;
  readonly detail: string;
}

/** What the program around the text knows. */
export interface Surroundings {
  readonly maps: readonly Pick<MapDef, 'name' | 'type' | 'keySize' | 'valueSize' | 'maxEntries'>[];
  readonly funcs: readonly Pick<Subprog, 'name'>[];
}

/** `<1:r0>` is the first place to fill, with what stands there at first. */
const STATEMENTS: readonly (readonly [label: string, snippet: string, detail: string])[] = [
  ['r = ', 'r<1:0> = <2:0>', 'move'],
  ['r += ', 'r<1:0> += <2:1>', 'add; also -= *= /= %= &= |= ^= <<= >>= s>>='],
  ['r = load', 'r<1:0> = *(u<2|8,16,32,64|> *)(r<3:1> +<4:0>)', 'load from memory'],
  ['store', '*(u<1|8,16,32,64|> *)(r<2:10> -<3:8>) = <4:0>', 'store to memory'],
  ['r = map', 'r<1:1> = map[<2>]', 'address of a map'],
  ['r = ll', 'r<1:0> = 0x<2:0> ll', 'constant of 64 bits'],
  ['if goto', 'if r<1:0> == <2:0> goto <3:+0>', 'branch; also != > >= < <= s> s>= s< s<= &'],
  ['goto', 'goto <1:+0>', 'jump'],
  ['call', 'call <1>', 'call a helper or a function'],
  ['lock', 'lock *(u64 *)(r<1:1> +<2:0>) += r<3:2>', 'atomic addition'],
  ['may_goto', 'may_goto <1:+0>', 'bounded loop (kernel 6.9)'],
  ['exit', 'exit', 'return r0'],
];

/** In the notation of Monaco's snippets. */
const snippet = (text: string): string => text.replace(/<(\d[^>]*)>/g, (_, place: string) => ['$', '{', place, '}'].join(''));

const REGISTERS: readonly (readonly [name: string, meaning: string])[] = [
  ['r0', 'result of calls and of the function'],
  ['r1', 'first argument; lost at calls'],
  ['r2', 'second argument; lost at calls'],
  ['r3', 'third argument; lost at calls'],
  ['r4', 'fourth argument; lost at calls'],
  ['r5', 'fifth argument; lost at calls'],
  ['r6', 'kept over calls'],
  ['r7', 'kept over calls'],
  ['r8', 'kept over calls'],
  ['r9', 'kept over calls'],
  ['r10', 'frame pointer, read only'],
];

const mapDetail = (map: Surroundings['maps'][number]): string =>
  `${mapTypeName(map.type)}, key ${map.keySize} B, value ${map.valueSize} B, ${map.maxEntries} entries`;

/** Labels that a text defines. */
export function labelsOf(text: string): readonly string[] {
  return [...text.matchAll(/^[ \t]*([A-Za-z_.$][\w.$]*):/gm)].map((match) => match[1]!);
}

/** What fits behind `before`, the line up to the cursor, in `text`. */
export function suggestions(before: string, text: string, { maps, funcs }: Surroundings): readonly Suggestion[] {
  const labels = () =>
    labelsOf(text).map((label): Suggestion => ({ kind: 'label', label, insert: label, detail: 'label of this function' }));
  if (/\bcall\s+\w*$/.test(before)) {
    return [
      ...funcs.map(({ name }): Suggestion => ({ kind: 'function', label: name, insert: name, detail: 'function of this program' })),
      ...HELPERS.slice(1).map(
        ({ name, id, signature }): Suggestion => ({ kind: 'helper', label: name, insert: `${name}#${id}`, detail: signature }),
      ),
    ];
  }
  if (/\b(?:goto|gotol|may_goto)\s+\w*$/.test(before)) return labels();
  if (/\bmap(?:_value)?\[[\w.]*$/.test(before)) {
    return maps.map((map): Suggestion => ({ kind: 'map', label: map.name, insert: map.name, detail: mapDetail(map) }));
  }
  if (/\bfunc\[[\w.]*$/.test(before)) {
    return funcs.map(({ name }): Suggestion => ({ kind: 'function', label: name, insert: name, detail: 'function of this program' }));
  }
  if (/^\s*[\w.]*$/.test(before)) {
    return STATEMENTS.map(([label, insert, detail]): Suggestion => ({ kind: 'statement', label, insert: snippet(insert), detail }));
  }
  if (/[=(<>&|^+*/%-]\s*r?\d*$/.test(before) || /\bif\s+r?\d*$/.test(before)) {
    return REGISTERS.map(([label, detail]): Suggestion => ({ kind: 'register', label, insert: label, detail }));
  }
  return [];
}

export const helperOf = (word: string): Helper | undefined => HELPERS[helperId(word) ?? -1];

/** What the statement of a line does, in words; null where it is none by itself. */
export function explainLine(line: string): { readonly mnemonic: string; readonly description: string; readonly rfc: string } | null {
  // Names that only the whole program knows stand for nothing here.
  const alone = line
    .replace(/^\s*[\w.$"]+:\s*(?=\S)/, '')
    .replace(/\b(goto|gotol|may_goto)\s+[A-Za-z_.$][\w.$]*/, '$1 +0')
    .replace(/\b(map(?:_value)?)\[[^\]]*\]/, '$1[m]');
  const { program } = assemble(`.map m array 4 4 1\n${alone}\nexit`);
  const insn = program?.insns[0];
  return insn && program!.insns.length > 1 ? describeInsn(insn) : null;
}

/** What a word of the text means: a helper, a map, a register. */
export function explainWord(word: string, { maps }: Surroundings): string | null {
  const helper = helperOf(word);
  if (helper) return `\`${helper.name}: ${helper.signature}\`\n\n${helper.description}`;
  const map = maps.find(({ name }) => name === word);
  if (map) return `\`${map.name}\`: ${mapDetail(map)}`;
  const register = REGISTERS.find(([name]) => name === word.replace(/^w/, 'r'));
  return register ? `\`${word}\`: ${register[1]}` : null;
}
