import { describe, expect, it } from 'vitest';
import { helperEntries, instructionEntries, matching } from './reference.ts';

describe('the reference', () => {
  it('finds every instruction of the tables, whatever field tells it apart', () => {
    const names = new Set(instructionEntries().map(({ name }) => name));
    const some = [
      'mov64',
      'movs8to64',
      'sdiv32',
      'lddw',
      'ldxdw',
      'ldxsb',
      'stb',
      'exit',
      'may_goto',
      'gotol',
      'callx',
      'bswap16',
      'cmpxchg64',
    ];
    expect(some.filter((name) => !names.has(name))).toEqual([]);
    expect(names.size).toBeGreaterThan(100);
    expect(instructionEntries().every(({ text }) => text.length > 0)).toBe(true);
  });

  it('lists helpers by their numbers', () => {
    expect(helperEntries()[0]).toMatchObject({ name: 'bpf_map_lookup_elem', source: '#1' });
  });

  it('finds what holds every word', () => {
    const found = matching(helperEntries(), 'map lookup');
    expect(found.map(({ name }) => name)).toContain('bpf_map_lookup_elem');
    expect(found.length).toBeLessThan(20);
    expect(matching(helperEntries(), '  ')).toHaveLength(helperEntries().length);
  });
});
