import { describe, expect, it } from 'vitest';
import {
  BtfBuilder,
  KIND_CONST,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPEDEF,
  KIND_VAR,
  LINKAGE_EXTERN,
  LINKAGE_GLOBAL,
  readBtf,
} from './btf.ts';
import { btfObjection } from './btf-check.ts';

const INT = { kind: KIND_INT, name: 'int', size: 4, extra: 0x01000020 };

/** What is said against an int and the types that `add` makes after it. */
function said(add: (builder: BtfBuilder, int: number) => void): string | null {
  const builder = new BtfBuilder();
  add(builder, builder.add(INT));
  return btfObjection(readBtf(builder.encode(), 'test'));
}

describe('types that the kernel refuses', () => {
  it('takes what a compiler writes', () => {
    const objection = said((builder, int) => {
      const list = builder.reserve();
      const next = builder.add({ kind: KIND_PTR, type: list });
      builder.fill(list, {
        kind: KIND_STRUCT,
        name: 'list',
        size: 16,
        members: ['next', 'prev'].map((name, at) => ({ name, type: next, offset: at * 64 })),
      });
      const proto = builder.add({ kind: KIND_FUNC_PROTO, type: int, members: [{ name: 'ctx', type: next, offset: 0 }] });
      builder.add({ kind: KIND_FUNC, name: 'main', type: proto, extra: LINKAGE_GLOBAL });
    });
    expect(objection).toBeNull();
  });

  // clang leaves the argument of a naked function without a name; without its types the object's functions are all static.
  it('names the argument that has no name', () => {
    const objection = said((builder, int) => {
      const proto = builder.add({ kind: KIND_FUNC_PROTO, type: int, members: [{ name: '', type: int, offset: 0 }] });
      builder.add({ kind: KIND_FUNC, name: 'naked', type: proto, extra: LINKAGE_GLOBAL });
    });
    expect(objection).toBe('[3] FUNC naked Invalid arg#1');
  });

  it('leaves to libbpf what is declared only', () => {
    const objection = said((builder, int) => {
      const proto = builder.add({ kind: KIND_FUNC_PROTO, type: int, members: [{ name: '', type: int, offset: 0 }] });
      builder.add({ kind: KIND_FUNC, name: 'bpf_kfunc', type: proto, extra: LINKAGE_EXTERN });
      builder.add({ kind: KIND_VAR, name: 'jiffies', type: 0, extra: LINKAGE_EXTERN });
    });
    expect(objection).toBeNull();
  });

  it.each([
    ['a name of another language', { kind: KIND_STRUCT, name: 'Option<u8>', size: 4 }, 'STRUCT Option<u8> Invalid name'],
    [
      'a member beyond',
      { kind: KIND_STRUCT, name: 'a', size: 4, members: [{ name: 'x', type: 1, offset: 64 }] },
      'STRUCT a Member bits_offset exceeds its struct size',
    ],
    [
      'a member of no size',
      { kind: KIND_STRUCT, name: 'a', size: 4, members: [{ name: 'x', type: 0, offset: 0 }] },
      'STRUCT a Invalid type_id',
    ],
    ['a reference to nothing', { kind: KIND_PTR, type: 99 }, 'PTR (anon) Invalid type_id'],
    ['a ring', { kind: KIND_CONST, type: 2 }, 'CONST (anon) Loop detected'],
    ['a definition of void', { kind: KIND_VAR, name: 'x', type: 0, extra: LINKAGE_GLOBAL }, 'VAR x Invalid type_id'],
    ['a nameless typedef', { kind: KIND_TYPEDEF, type: 1 }, 'TYPEDEF (anon) Invalid name'],
  ])('refuses %s', (_, type, words) => {
    expect(said((builder) => void builder.add(type))).toBe(`[2] ${words}`);
  });
});
