import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { assemble, assemblePrograms } from '../bpf/asm.ts';
import { disassemble } from '../bpf/listing.ts';
import type { Program } from '../bpf/program.ts';
import { BtfBuilder, KIND_DATASEC, KIND_PTR, KIND_STRUCT, KIND_VAR, readBtf } from './btf.ts';
import { readElf } from './elf.ts';
import { ElfBuilder } from './elf-builder.ts';
import { inLinkOrder } from './link-order.ts';
import { originsOf, toOriginRuns } from './origins.ts';
import { programBtf } from './program-btf.ts';
import { readObject } from './reader.ts';
import { assembled } from './testing/assembled.ts';
import { writeObject } from './writer.ts';

const WEIGHTS = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Functions stand in libbpf's order here: glob is called first, then callback, ctxfn, stat. */
const EVERYTHING = assembled(
  `
.section xdp
.license GPL
.map hits percpu_array 4 8 64
.map .data.weights array 4 300 1 0x400 section=.data.weights
  .data ${hexOf(WEIGHTS)}
.map events ringbuf 0 0 4096
.map outer hash_of_maps 4 4 8
.inner tables array 4 8 2
.map .rodata.t array 4 16 1 0x480 section=.rodata.t frozen
  .data ff
.map model.bss array 4 40 1 0x400 section=.bss
  .zero 40
.map pinned hash 4 4 8 0x1 pin
.map locked hash 16 24 8 lock=8
.func classify global (ctx) -> scalar
  r6 = r1
  *(u32 *)(r10 -4) = 0
  r1 = map[hits]
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  r1 = map_value[.data.weights]+8
  r3 = map_value[.rodata.t]
  r4 = map_value[model.bss]+32
  r1 = *(u8 *)(r1 +1)
  r2 = *(u8 *)(r3 +0)
  call glob
  r1 = 4
  r2 = func[callback]
  r3 = 0
  r4 = 0
  call bpf_loop
  r1 = r6
  call ctxfn
  r1 = r10
  r1 += -4
  call stat
  r1 = r10
  r1 += -4
  r2 = 0
  call memfn
  r0 = 2
  exit
.func glob global (scalar, scalar) -> scalar
  r0 = r1
  r0 += r2
  exit
.func callback static
  call pc+1
  r0 = 0
  exit
.func leaf static
  r0 = 1
  exit
.func ctxfn global (ctx) -> scalar
  r0 = *(u32 *)(r1 +16)
  exit
.func stat static
  r0 = *(u32 *)(r1 +0)
  exit
.func memfn global (mem:4, mem?:24) -> void
  r0 = 0
  exit
`.replace('call pc+1', 'call leaf'),
);

const VOID = "Global function memfn() doesn't return scalar. Only those are supported.";

const LINES: Program = {
  ...EVERYTHING,
  subprogs: EVERYTHING.subprogs.map((func) => (func.name === 'memfn' ? { ...func, unfit: VOID } : func)),
  lineInfo: [
    { insnIdx: 0, file: 'model.onnx', line: 13, column: 0, text: 'softmax.0' },
    { insnIdx: 5, file: 'model.onnx', line: 14, column: 3, text: '  MatMul_1 [rows 0–3]' },
    { insnIdx: EVERYTHING.subprogs[1]!.start + 1, file: 'model.onnx', line: 15, column: 0, text: 'Add_2' },
  ],
  origins: [
    { kind: 'node', nodeIdx: 3, label: 'softmax.0' },
    { kind: 'runtime', nodeIdx: -1, label: 'lookup' },
  ],
  insnOrigins: EVERYTHING.insns.map((_, idx) => (idx < 4 ? [0] : idx % 3 === 0 ? [0, 1] : [])),
};

describe('object writer and reader', () => {
  it('round-trips maps, data, functions, lines, origins and metadata', () => {
    const meta = { format: 'bpformer', version: 1, scales: [0.5, 1e-9] };
    const object = readObject(writeObject(LINES, { meta }), 'model.o');
    expect(object.programs).toEqual([LINES]);
    expect(object.warnings).toEqual([]);
    expect(object.license).toBe('GPL');
    expect(object.meta).toMatchObject(meta);
    expect(readObject(writeObject(EVERYTHING), 'model.o').meta).toBeUndefined();
  });

  it('writes the same bytes for the same program', () => {
    expect(writeObject(LINES, { meta: { a: 1 } })).toEqual(writeObject(LINES, { meta: { a: 1 } }));
  });

  it('puts several programs with shared maps into one object', () => {
    const second = {
      ...assembled('.section tc\n.map hits percpu_array 4 8 64\n.func other\nr1 = map[hits]\ncall glob\nexit\n.func glob\nr0 = 7\nexit'),
      license: 'GPL',
    };
    const { programs, maps } = readObject(writeObject([EVERYTHING, second]), 'two.o');
    expect(programs.map(({ name, section, progType }) => ({ name, section, progType }))).toEqual([
      { name: 'classify', section: 'xdp', progType: 6 },
      { name: 'other', section: 'tc', progType: 3 },
    ]);
    expect(programs[0]!.insns).toEqual(EVERYTHING.insns);
    expect(programs[1]!.insns).toEqual(second.insns);
    expect(programs[1]!.subprogs.map((func) => func.name)).toEqual(['other', 'glob__2']);
    expect(maps).toHaveLength(EVERYTHING.maps.length);
  });

  it('survives as text with several programs', () => {
    const second = assembled(
      '.section tc\n.license GPL\n.map hits percpu_array 4 8 64\n.func other (ctx) -> scalar\nr1 = map[hits]\nr0 = 0\nexit',
    );
    const bytes = writeObject([EVERYTHING, second]);
    const text = readObject(bytes, 'model.o')
      .programs.map((one) => disassemble(one))
      .join('\n');
    expect(assemblePrograms(text).diagnostics).toEqual([]);
    expect(writeObject(assemblePrograms(text).programs!)).toEqual(bytes);
    expect(assemble(text).diagnostics[0]!.message).toBe('another program begins here, and only one can be taken');
  });

  it('names plain data sections after the file, as libbpf does', () => {
    const source = assembled('.map .rodata array 4 8 1 0x480 section=.rodata frozen\n.data 01\nr1 = map_value[.rodata]\nr0 = 0\nexit');
    expect(readObject(writeObject(source), 'dir/filter.bpf.o').maps[0]!.name).toBe('filter.rodata');
    expect(readObject(writeObject(source), 'a-long-file-name.o').maps[0]!.name).toBe('a_long_f.rodata');
  });

  it('places functions in libbpf’s order and drops those that nothing calls', () => {
    const scrambled = assembled(`
      .func main global (ctx) -> scalar
        call a
        call b
        exit
      .func b
        r0 = 2
        exit
      .func unused
        r0 = 3
        exit
      .func a
        call c
        exit
      .func c
        r0 = 4
        exit`);
    const ordered = inLinkOrder(scrambled);
    expect(ordered.subprogs.map(({ name, start }) => [name, start])).toEqual([
      ['main', 0],
      ['a', 3],
      ['c', 5],
      ['b', 7],
    ]);
    expect(readObject(writeObject(scrambled), 'x.o').programs[0]).toEqual(ordered);
    expect(inLinkOrder(ordered)).toBe(ordered);
  });

  it('refuses what an object cannot hold', () => {
    expect(() => writeObject([EVERYTHING, { ...EVERYTHING, license: 'MIT', name: 'x' }])).toThrow('two licences');
    expect(() => writeObject([EVERYTHING, EVERYTHING])).toThrow('two programs are called classify');
    expect(() => writeObject(assembled('.map .bss.x array 4 8 1 0 section=.bss.x\nr1 = map_value[.bss.x]\nexit'))).toThrow(
      'which libbpf does not load',
    );
    expect(() => writeObject(assembled('call kfunc bpf_iter_num_new\nexit'))).toThrow('bpf_iter_num_new');
    const other = {
      ...EVERYTHING,
      name: 'other',
      maps: EVERYTHING.maps.map((map) => (map.name === 'hits' ? { ...map, valueSize: 4 } : map)),
    };
    expect(() => writeObject([EVERYTHING, other])).toThrow('two programs define map hits differently');
  });
});

describe('BTF', () => {
  it('describes functions for a load without libbpf', () => {
    const { btf, funcInfo, lineInfo } = programBtf(LINES);
    const parsed = readBtf(btf, 'test');
    expect(funcInfo.map(({ insnIdx, typeId }) => [insnIdx, parsed.at(typeId).name])).toEqual(
      LINES.subprogs.map((func) => [func.start, func.name]),
    );
    // The kernel wants a line for every function.
    expect(lineInfo.filter((line) => LINES.subprogs.some((func) => func.start === line.insnIdx))).toHaveLength(LINES.subprogs.length);
    expect(parsed.string(lineInfo[0]!.textOff)).toBe('softmax.0');
  });
});

describe('origins', () => {
  it('survive their run-length form', () => {
    const insnOrigins = [[0], [0], [], [1, 0], [1, 0]];
    const originRuns = toOriginRuns(insnOrigins);
    expect(originRuns).toEqual([
      [2, [0]],
      [1, []],
      [2, [1, 0]],
    ]);
    const origins = [
      { kind: 'node', nodeIdx: 0, label: 'a' },
      { kind: 'binding', nodeIdx: -1, label: 'b' },
    ];
    expect(originsOf({ origins, originRuns }, 5)).toEqual({ origins, insnOrigins });
    expect(originsOf({ origins, originRuns }, 6)).toBeNull();
    expect(originsOf({ origins, originRuns: [[5, [2]]] }, 5)).toBeNull();
    expect(originsOf({ origins: [{ kind: 'node' }], originRuns }, 5)).toBeNull();
    expect(originsOf(null, 5)).toBeNull();
  });
});

describe('damaged objects', () => {
  const good = writeObject(LINES, { meta: { format: 'bpformer' } });
  const sections = readElf(good, 'good').sections;

  const readOrInputError = (bytes: Uint8Array): 'read' | 'refused' => {
    try {
      readObject(bytes, 'bad.o');
      return 'read';
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.message).toMatch(/^bad\.o[^\n]*$/);
      expect(error.message).not.toMatch(/Infinity|NaN|undefined/);
      return 'refused';
    }
  };

  it('says what is wrong and where', () => {
    const message = (bytes: Uint8Array): string => {
      try {
        readObject(bytes, 'bad.o');
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(message(new Uint8Array())).toBe('bad.o, byte 0x0: this is no ELF file');
    expect(message(new TextEncoder().encode('PK\u0003\u0004 a zip'))).toBe('bad.o, byte 0x0: this is no ELF file');
    expect(message(good.slice(0, 40))).toMatch(/byte 0x0: the ELF header needs 64 bytes, but the file ends at byte 0x28/);
    expect(message(good.slice(0, good.length - 1))).toMatch(/the table of 15 sections needs 960 bytes/);
    const x86 = good.slice();
    x86[18] = 62;
    expect(message(x86)).toMatch(/byte 0x12: an object for machine 62; BPF is 247/);
    const changed = (change: (view: DataView, bytes: Uint8Array) => void): string => {
      const bytes = good.slice();
      change(new DataView(bytes.buffer), bytes);
      return message(bytes);
    };
    expect(changed((_, bytes) => bytes.fill(2, 5, 6))).toMatch(/byte 0x5: a big-endian object; compile with -target bpfel/);
    expect(changed((_, bytes) => bytes.fill(1, 4, 5))).toMatch(/byte 0x4: a 32-bit ELF file/);
    const table = Number(new DataView(good.buffer).getBigUint64(40, true));
    const header = (name: string): number => table + 64 * sections.findIndex((section) => section.name === name);
    // gABI: a count of 0 stands in section 0 instead.
    const counted = (count: bigint) =>
      changed((view) => {
        view.setUint16(60, 0, true);
        view.setBigUint64(table + 32, count, true);
      });
    expect(counted(2n ** 60n)).toMatch(/the section table lies beyond any file/);
    expect(counted(1_000_000n)).toMatch(/the table of 1000000 sections needs 64000000 bytes, but the file ends at/);
    expect(changed((view) => view.setBigUint64(header('.symtab') + 32, 24n * 10n ** 9n, true))).toMatch(
      /section \d+ needs 24000000000 bytes/,
    );
    expect(changed((view) => view.setBigUint64(header('.BTF') + 8, 0x800n, true))).toMatch(/section \.BTF is compressed/);
    const { fileOff } = sections.find(({ name }) => name === '.BTF')!;
    expect(changed((view) => view.setUint16(fileOff, 0xeb9f, false))).toMatch(/section \.BTF, byte 0x0: BTF of a big-endian machine/);
    const relocations = sections.find(({ name }) => name.startsWith('.rel') && name !== '.rel.BTF.ext' && !name.startsWith('.rel.debug'))!;
    expect(changed((view) => view.setBigUint64(relocations.fileOff, 2n ** 40n, true))).toMatch(
      /relocation changes a place outside of section \.text/,
    );
    expect(changed((view) => view.setUint32(relocations.fileOff + 12, 10 ** 9, true))).toMatch(/relocation names symbol 1000000000 of \d+/);
  });

  it('never throws anything but InputError for truncated files', () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < good.length; length++) outcomes.add(readOrInputError(good.slice(0, length)));
    expect([...outcomes]).toEqual(['refused']);
  });

  it('never throws anything but InputError for changed bytes', () => {
    // Mostly where the structure is: headers, symbols, relocations, BTF.
    const structural = sections.filter((section) => /^\.(BTF|symtab|strtab|rel|maps)/.test(section.name));
    const place = fc.oneof(
      fc.nat(good.length - 1),
      fc.integer({ min: good.length - sections.length * 64, max: good.length - 1 }),
      fc.nat(63),
      ...structural.map((section) => fc.integer({ min: section.fileOff, max: section.fileOff + Math.max(section.bytes.length - 1, 0) })),
    );
    const change = fc.record({
      at: place,
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
      width: fc.constantFrom(1, 1, 2, 4, 8),
    });
    const outcomes = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = good.slice();
        for (const { at, value, width } of changes) bytes.fill(value, at, at + width);
        const outcome = readOrInputError(bytes);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }),
      { seed: 1, numRuns: 1500 },
    );
    // Both must happen often, or the test looks at nothing.
    expect(Math.min(...['read', 'refused'].map((outcome) => outcomes.get(outcome) ?? 0))).toBeGreaterThan(150);
  });

  it('does not multiply structures inside structures', () => {
    const builder = new BtfBuilder();
    let type = builder.add({ kind: KIND_STRUCT, name: 's0', size: 4, members: [] });
    for (let depth = 1; depth < 12; depth++) {
      const members = Array.from({ length: 3000 }, (_, i) => ({ name: '', type, offset: i }));
      type = builder.add({ kind: KIND_STRUCT, name: `s${depth}`, size: 4, members });
    }
    const value = builder.add({ kind: KIND_PTR, type });
    const map = builder.add({ kind: KIND_STRUCT, size: 8, members: [{ name: 'value', type: value, offset: 0 }] });
    const variable = builder.add({ kind: KIND_VAR, name: 'm', type: map, extra: 1 });
    builder.add({ kind: KIND_DATASEC, name: '.maps', size: 8, vars: [{ type: variable, offset: 0, size: 8 }] });
    const elf = new ElfBuilder();
    elf.section('xdp', { bytes: Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0), flags: 6 });
    const section = elf.section('.maps', { bytes: new Uint8Array(8), flags: 3 });
    elf.symbol({ name: 'm', section, value: 0, size: 8, type: 1, bind: 1 });
    elf.section('.BTF', { bytes: builder.encode() });
    const { maps, programs } = readObject(elf.build(), 'deep.o');
    expect(maps[0]).toMatchObject({ name: 'm', valueSize: 4 });
    expect(programs[0]).toMatchObject({ name: 'xdp', insns: [{ opcode: 0x95 }] });
  });
});
