import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { BtfBuilder, KIND_INT, KIND_PTR, KIND_STRUCT, readBtf } from './btf.ts';
import { readBtfFile } from './btf-file.ts';
import { ElfBuilder } from './elf-builder.ts';
import { readObject } from './reader.ts';
import type { LoadTarget } from './target.ts';

/** Types of a kernel in which `task_struct` has its `pid` at this byte. */
function kernelWith(pidOff: number, size = 4): Uint8Array {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: KIND_INT, name: size === 8 ? 'long unsigned int' : 'unsigned int', size, extra: size * 8 });
  builder.add({ kind: KIND_STRUCT, name: 'task_struct', size: 4096, members: [{ name: 'pid', type: int, offset: pidOff * 8 }] });
  return builder.encode();
}

function elfWith(btf: Uint8Array): Uint8Array {
  const elf = new ElfBuilder();
  elf.section('.BTF', { bytes: btf });
  return elf.build();
}

const message = (bytes: Uint8Array): string => {
  try {
    readBtfFile(bytes, 'types');
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

it('reads bare BTF and the section of an ELF file of any machine', () => {
  const bare = kernelWith(100);
  expect(readBtfFile(bare, 'types').types).toEqual(readBtf(bare, 'types').types);
  const elf = elfWith(bare);
  // A kernel's own file: an executable for x86-64.
  elf[16] = 2;
  elf[18] = 62;
  expect(readBtfFile(elf, 'vmlinux').types).toEqual(readBtf(bare, 'types').types);
});

it('says what is wrong and where', () => {
  expect(message(new Uint8Array())).toBe('types, byte 0x0: BTF is shorter than its header');
  expect(message(new TextEncoder().encode('no types at all, but a longer text'))).toBe(
    'types, byte 0x0: BTF does not begin with its magic number',
  );
  expect(message(new ElfBuilder().build())).toMatch(/^types: it has no section \.BTF/);
  expect(message(kernelWith(100).slice(0, 50))).toMatch(/BTF header points beyond the section/);
  // A module's types go on from those of its kernel.
  const module = new BtfBuilder();
  module.add({ kind: KIND_PTR, type: 90_000 });
  expect(message(module.encode())).toMatch(/type 1 refers to a type that the file does not hold/);
  const good = elfWith(kernelWith(100));
  for (let length = 0; length < good.length; length++) expect(message(good.slice(0, length))).toMatch(/^types[^\n]*$/);
});

const SOURCE = `
#define __core __attribute__((preserve_access_index))
struct task_struct { unsigned int pid; } __core;
struct gone { unsigned int x; } __core;
static long (*probe)(void *, unsigned int, const void *) = (void *)113;
__attribute__((section("raw_tp/sys_enter"), used)) int pid(unsigned long long *ctx) {
  struct task_struct *task = (void *)ctx[0];
  unsigned int value = 0;
  probe(&value, sizeof value, &task->pid);
  return value;
}
__attribute__((section("raw_tp/sys_exit"), used)) int lost(unsigned long long *ctx) {
  struct gone *task = (void *)ctx[0];
  unsigned int value = 0;
  probe(&value, sizeof value, &task->x);
  return value;
}
char _license[] __attribute__((section("license"), used)) = "GPL";
`;
const COMPILERS = ['clang-13', 'clang-14', 'clang-15', 'clang-16', 'clang-19'].filter(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (COMPILERS.length === 0) console.warn('CO-RE against a file of types: skipped, there is no clang');
const folder = mkdtempSync(join(tmpdir(), 'bpformer-core-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each(COMPILERS)('%s: relocations are resolved against the file, and not at all without one', (compiler) => {
  const [source, object] = [join(folder, 'core.c'), join(folder, `${compiler}.o`)];
  writeFileSync(source, SOURCE);
  execFileSync(compiler, ['-target', 'bpf', '-O2', '-g', '-c', source, '-o', object]);
  const bytes = readFileSync(object);
  const none: LoadTarget = { btf: () => null, config: () => null, symbols: () => null, refusesTypes: () => null, virtual: () => undefined };
  const offsets = (target: LoadTarget) => {
    const { programs, warnings } = readObject(bytes, 'core.o', target);
    const added = (name: string) =>
      programs
        .find((program) => program.name === name)!
        .insns.flatMap((insn) => (insn.opcode === 7 || insn.opcode === 0xb7 ? [insn.imm] : []));
    return { added, warnings, lost: programs.find(({ name }) => name === 'lost')! };
  };
  const against = offsets({ ...none, coreBtf: () => readBtfFile(kernelWith(1234), 'types') });
  expect(against.added('pid')).toContain(1234);
  expect(against.warnings).toEqual([]);
  // The call that libbpf puts where the kernel has no such field.
  expect(against.lost.insns.some(({ opcode, imm }) => opcode === 0x85 && imm === 195896080)).toBe(true);
  const without = offsets(none);
  expect(without.added('pid')).not.toContain(1234);
  expect(without.warnings.join()).toMatch(/2 CO-RE relocations are unresolved/);
});
