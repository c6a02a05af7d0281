import { expect, test } from 'vitest';
import { assemble } from './asm.ts';
import { editableText } from './edit-function.ts';
import { helperId } from './helper-names.ts';
import { type Named, nameAt, nameProblem, placesOf, renamed } from './rename.ts';

const TEXT = `.section xdp
.map counts array 4 8 16
.func main
r1 = map[counts] ; counts is not renamed here
r2 = map_value[counts]+4
if r2 == 0 goto end
again: r2 += 1
may_goto again
call helper_of_mine
end:
r0 = 0
exit
.func helper_of_mine
r0 = 1
if r0 == 2 goto last
last:
call bpf_ktime_get_ns#5
exit
`;
const isHelper = (name: string) => helperId(name) !== undefined;
const at = (line: number, word: string): Named | null => {
  const text = TEXT.split('\n')[line]!;
  return nameAt(text, text.indexOf(word) + 1, isHelper);
};

test('names are told by where they stand', () => {
  expect(at(3, 'counts')).toMatchObject({ kind: 'map', name: 'counts' });
  expect(at(6, 'again')).toMatchObject({ kind: 'label', name: 'again' });
  expect(at(8, 'helper')).toMatchObject({ kind: 'function', name: 'helper_of_mine' });
  expect(at(16, 'bpf_ktime')).toBeNull();
  expect(at(4, 'r2')).toBeNull();
});

test('a renamed map, function or label leaves the same program', () => {
  const before = assemble(TEXT).program!;
  for (const [line, word, count] of [
    [3, 'counts', 3],
    [8, 'helper_of_mine', 2],
    [6, 'again', 2],
    [9, 'end', 2],
  ] as const) {
    const named = at(line, word)!;
    const places = placesOf(TEXT, named);
    expect(places).toHaveLength(count);
    const { program, diagnostics } = assemble(renamed(TEXT, places, 'renamed'));
    expect(diagnostics).toEqual([]);
    expect(program!.insns).toEqual(before.insns);
    const names = (text: NonNullable<typeof program>) => [...text.maps.map((map) => map.name), ...text.subprogs.map((func) => func.name)];
    expect(names(program!)).toEqual(names(before).map((name) => (named.kind !== 'label' && name === word ? 'renamed' : name)));
  }
});

test('the text that the editor works on is renamed whole', () => {
  const whole = editableText(assemble(TEXT).program!);
  const { program } = assemble(renamed(whole, placesOf(whole, { kind: 'map', name: 'counts' }), 'other'));
  expect(program!.maps.map(({ name }) => name)).toEqual(['other']);
});

test('names that cannot be given are refused', () => {
  expect(nameProblem('fine_1', ['taken'])).toBeNull();
  for (const name of ['r3', 'exit', '1x', 'a b', '', 'taken']) expect(nameProblem(name, ['taken'])).not.toBeNull();
});
