import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import { lineColumns } from '../../workbench/columns.ts';
import { insnText, isWide } from './decode.ts';
import { Finder, type FindView, Hits } from './find.ts';

const { program } = assemble(`
.map verdicts array 4 8 8
.func main global
  ; softmax.0 @ model.onnx:3
  r1 = map[verdicts]
  r2 = 0x123456789a ll
  call helper_of_mine
  call bpf_map_lookup_elem#1
  if r0 == 0 goto +1
  r1 = 7
  exit
.func helper_of_mine static
  ; relu.1 @ model.onnx:9
  r0 = 7
  exit`);
const view: FindView = {
  code: encodeInsns(program!.insns),
  subprogs: program!.subprogs.map(({ name, start, linkage }) => ({ name, start, linkage })),
  maps: [{ name: 'verdicts', type: 'array', keySize: 4, valueSize: 8, maxEntries: 8 }],
  lines: lineColumns(program!.lineInfo),
};

/** All hits of `query`, a few instructions at a time. */
function found(query: string): number[] {
  const finder = new Finder(view, query);
  const hits: number[] = [];
  while (finder.done < finder.total) hits.push(...finder.slice(() => true));
  return hits;
}

describe('Finder', () => {
  it('finds text, maps, helpers, functions, source lines and indices', () => {
    expect(found('R1 =')).toEqual([0, 7]);
    expect(found('verdicts')).toEqual([0]);
    expect(found('lookup_elem')).toEqual([5]);
    expect(found('helper_of')).toEqual([4, 9]);
    expect(found('softmax')).toEqual([0]);
    expect(found('relu')).toEqual([9]);
    expect(found('#8')).toEqual([8]);
    expect(found('#3')).toEqual([2]);
    expect(found('= 7')).toEqual([7, 9]);
    expect(found('nowhere')).toEqual([]);
    expect(found('  ')).toEqual([]);
  });

  it('finds exactly the lines that hold the text', () => {
    const texts = Array.from({ length: view.code.length / 8 }, (_, at) => at).filter((at) => at === 0 || !isWide(view, at - 1));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.nat(30), fc.integer({ min: 3, max: 12 }), (insn, from, length) => {
        const query = insnText(view, insn)
          .slice(from, from + length)
          .trim();
        if (query === '' || /^\d+$/.test(query)) return;
        expect(found(query)).toEqual(expect.arrayContaining(texts.filter((at) => insnText(view, at).includes(query))));
      }),
      { seed: 1 },
    );
  });
});

describe('Hits', () => {
  it('stay sorted and find their place', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(5000), { maxLength: 3000 }), fc.nat(5000), (all, insn) => {
        const sorted = all.sort((a, b) => a - b);
        const hits = new Hits();
        for (let at = 0; at < sorted.length; at += 700) hits.add(Uint32Array.from(sorted.slice(at, at + 700)));
        expect(hits.length).toBe(sorted.length);
        expect(hits.has(insn)).toBe(sorted.includes(insn));
        expect(hits.placeOf(insn)).toBe(sorted.filter((hit) => hit < insn).length);
      }),
      { seed: 1 },
    );
  });
});
