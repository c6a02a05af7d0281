import { describe, expect, test } from 'vitest';
import {
  BtfBuilder,
  KIND_ARRAY,
  KIND_CONST,
  KIND_DATASEC,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_INT,
  KIND_PTR,
  KIND_STRUCT,
  KIND_TYPEDEF,
  KIND_UNION,
  KIND_VAR,
  readBtf,
} from './btf.ts';
import { declaration, definition } from './btf-c.ts';

const builder = new BtfBuilder();
const int = builder.add({ kind: KIND_INT, name: 'int', size: 4, extra: (1 << 24) | 32 });
const char = builder.add({ kind: KIND_INT, name: 'char', size: 1, extra: 8 });
const pointer = (type: number): number => builder.add({ kind: KIND_PTR, type });
const array = (type: number, elements: number): number => builder.add({ kind: KIND_ARRAY, type, indexType: int, elements });
const constant = (type: number): number => builder.add({ kind: KIND_CONST, type });
const proto = builder.add({
  kind: KIND_FUNC_PROTO,
  type: int,
  members: [
    { name: 'at', type: pointer(constant(char)), offset: 0 },
    { name: '', type: 0, offset: 0 },
  ],
});
const callback = builder.add({ kind: KIND_TYPEDEF, name: 'callback', type: pointer(proto) });
const inner = builder.add({
  kind: KIND_UNION,
  size: 4,
  members: [
    { name: 'whole', type: int, offset: 0 },
    { name: 'bytes', type: array(char, 4), offset: 0 },
  ],
});
const ring = builder.reserve();
builder.fill(ring, {
  kind: KIND_STRUCT,
  name: 'ring',
  size: 24,
  kindFlag: true,
  members: [
    { name: 'next', type: pointer(ring), offset: 0 },
    { name: 'low', type: int, offset: (3 << 24) | 64 },
    { name: 'high', type: int, offset: (13 << 24) | 67 },
    { name: '', type: inner, offset: 96 },
    { name: 'call', type: callback, offset: 128 },
  ],
});
const mode = builder.add({
  kind: KIND_ENUM,
  name: 'mode',
  size: 4,
  kindFlag: true,
  members: [
    { name: 'FAST', type: 0, offset: 1 },
    { name: 'SLOW', type: 0, offset: -2 },
  ],
});
const wide = builder.add({ kind: KIND_ENUM64, name: 'wide', size: 8, members: [{ name: 'TOP', type: 0x80000000, offset: 5 }] });
const func = builder.add({ kind: KIND_FUNC, name: 'run', type: proto, extra: 0 });
builder.add({ kind: KIND_DECL_TAG, name: 'arg:ctx', type: func, extra: 0 });
const variable = builder.add({ kind: KIND_VAR, name: 'limits', type: constant(array(int, 3)), extra: 1 });
const section = builder.add({ kind: KIND_DATASEC, name: '.rodata', size: 12, vars: [{ type: variable, offset: 0, size: 12 }] });
const btf = readBtf(builder.encode(), 'test');

describe('types in C', () => {
  test.each([
    [pointer(array(int, 4)), 'x', 'int (*x)[4]'],
    [array(pointer(int), 4), 'x', 'int *x[4]'],
    [pointer(proto), 'x', 'int (*x)(const char *at, ...)'],
    [array(pointer(proto), 2), 'x', 'int (*x[2])(const char *at, ...)'],
    [pointer(pointer(proto)), '', 'int (**)(const char *at, ...)'],
    [constant(pointer(char)), 'x', 'char * const x'],
    [pointer(constant(char)), '', 'const char *'],
    [pointer(ring), 'x', 'struct ring *x'],
    [0, '', 'void'],
    [9999, 'x', 'void x'],
  ])('%s %s: %s', (id, name, text) => {
    // Types that were added for the table are in the builder's second encoding.
    expect(declaration(readBtf(builder.encode(), 'test'), id, name)).toBe(text);
  });

  test('structures have offsets, bit-fields, and what has no name in its place', () => {
    expect(definition(btf, ring)).toBe(`struct ring {
\tstruct ring *next; /* 0, 8 */
\tint low : 3; /* 8:0 */
\tint high : 13; /* 8:3 */
\tunion {
\t\tint whole; /* 0, 4 */
\t\tchar bytes[4]; /* 0, 4 */
\t}; /* 12, 4 */
\tcallback call; /* 16, 8 */
}; /* size 24 */`);
  });

  test('enumerations, functions, variables, sections and tags', () => {
    expect(definition(btf, mode)).toContain('\tFAST = 1,\n\tSLOW = -2,\n');
    expect(definition(btf, wide)).toContain(`TOP = ${(1n << 63n) + 5n},`);
    expect(definition(btf, func, ['hot'])).toBe('static int run(const char *at, ...) __attribute__((btf_decl_tag("hot")));');
    expect(definition(btf, variable)).toBe('const int limits[3];');
    expect(definition(btf, section)).toBe('/* section .rodata, 12 bytes */\nconst int limits[3]; /* at 0, 12 bytes */');
    expect(definition(btf, callback)).toBe('typedef int (*callback)(const char *at, ...);');
  });

  test('types that lead into each other without a pointer end', () => {
    const damaged = new BtfBuilder();
    const loop = damaged.reserve();
    damaged.fill(loop, { kind: KIND_ARRAY, type: loop, indexType: loop, elements: 2 });
    expect(declaration(readBtf(damaged.encode(), 'test'), loop, 'x')).toContain('…');
  });
});
