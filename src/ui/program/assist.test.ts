import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { explainLine, explainWord, labelsOf, suggestions } from './assist.ts';

const around = { maps: [{ name: 'verdicts', type: 2, keySize: 4, valueSize: 8, maxEntries: 5 }], funcs: [{ name: 'layer' }] };
const labels = (before: string, text = '') => suggestions(before, text, around).map(({ label }) => label);

describe('suggestions', () => {
  it('fit the place: helpers and functions, labels, maps, registers, statements', () => {
    expect(labels('  call ')).toEqual(expect.arrayContaining(['layer', 'bpf_map_lookup_elem']));
    expect(labels('  if r0 == 0 goto ', 'LBB0_1:\n  exit\nout:\n')).toEqual(['LBB0_1', 'out']);
    expect(labels('  r1 = map[ver')).toEqual(['verdicts']);
    expect(labels('  r1 += r')).toContain('r10');
    expect(labels('  ')).toContain('exit');
    expect(labels('  exit ; ')).toEqual([]);
  });

  it('are statements that assemble as they stand', () => {
    for (const { insert } of suggestions('', '', around)) {
      const filled = insert
        .replace(/\$\{\d\|([^,]*)[^}]*\}/g, '$1')
        .replace(/\$\{\d:([^}]*)\}/g, '$1')
        .replace(/map\[\$\{2\}\]/, 'map[m]')
        .replace(/\$\{1\}/, 'bpf_ktime_get_ns');
      expect(assemble(`.map m array 4 4 1\n${filled}\nexit`).diagnostics).toEqual([]);
    }
  });
});

describe('hovers', () => {
  it('explain a statement, also with names of the program', () => {
    expect(explainLine('  if r1 s> 5 goto LBB3_2')?.mnemonic).toBe('jsgt');
    expect(explainLine('  r1 = map[verdicts]')?.mnemonic).toBe('lddw');
    expect(explainLine('out: r1 += 2')?.mnemonic).toBe('add64');
    expect(explainLine('.func layer static')).toBeNull();
    expect(explainLine('not a statement')).toBeNull();
  });

  it('explain helpers, maps and registers', () => {
    expect(explainWord('bpf_map_lookup_elem', around)).toContain('bpf_map_lookup_elem');
    expect(explainWord('verdicts', around)).toContain('value 8 B');
    expect(explainWord('w7', around)).toContain('kept over calls');
    expect(explainWord('other', around)).toBeNull();
  });

  it('know the labels of a text', () => {
    expect(labelsOf('a:\n  r1 = 2\n  .b1: exit\n')).toEqual(['a', '.b1']);
  });
});
