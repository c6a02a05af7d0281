import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeInsns, isPseudoCall } from './insn.ts';
import { formatLlvm } from './llvm.ts';
import type { Insn } from './program.ts';
import { arbitraryInsn } from './testing/arbitrary.ts';

/** LLVM 19 is the version whose disassembler these texts were written after. */
const TOOLS = ['clang-19', 'llvm-objdump-19', 'llvm-objcopy-19'];

function haveTools(): boolean {
  try {
    for (const tool of TOOLS) execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`comparison with LLVM skipped: ${TOOLS.join(', ')} are needed`);
    return false;
  }
}

const available = haveTools();
const folder = mkdtempSync(join(tmpdir(), 'bpformer-llvm-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What LLVM 19 cannot say: Linux-only operations younger than it, and jumps whose target it resolves to a symbol. */
function known(insn: Insn): boolean {
  const isAtomic = (insn.opcode & 0xc7) === 0xc3;
  if (isAtomic && (insn.imm === 0x100 || insn.imm === 0x110)) return false;
  return !(insn.opcode === 0x85 && insn.src === 2) && !isPseudoCall(insn);
}

/** LLVM drops the immediate of a packet load with a register. */
const sayable = (insn: Insn): Insn => ((insn.opcode & 0xe7) === 0x40 ? { ...insn, imm: 0 } : insn);

function samples(): Insn[] {
  const byOpcode = new Map<number, Insn[]>();
  for (const insn of fc.sample(arbitraryInsn.map(sayable).filter(known), { seed: 5, numRuns: 20_000 })) {
    const some = byOpcode.get(insn.opcode) ?? [];
    if (some.length < 8) some.push(insn);
    byOpcode.set(insn.opcode, some);
  }
  return [...byOpcode.values()].flat();
}

function clang(source: string): string {
  const path = join(folder, 'x.s');
  const object = join(folder, 'x.o');
  writeFileSync(path, source);
  execFileSync('clang-19', ['-target', 'bpf', '-mcpu=v4', '-c', path, '-o', object], { stdio: ['ignore', 'ignore', 'inherit'] });
  return object;
}

describe.skipIf(!available)('LLVM syntax against LLVM 19', () => {
  it('is what llvm-objdump prints for the same bytes', () => {
    const insns = samples();
    const object = clang(`.text\n${[...encodeInsns(insns)].map((byte) => `.byte ${byte}`).join('\n')}\n`);
    const text = execFileSync('llvm-objdump-19', ['-d', '--no-show-raw-insn', '--mattr=+alu32', object], { encoding: 'utf8' });
    const theirs = [...text.matchAll(/^\s+(\d+):\s+(.*)$/gm)].map((match) => match[2]!.replace(/ <[^<>]*>$/, ''));
    expect(theirs).toHaveLength(insns.length);
    const differences = insns.flatMap((insn, idx) => {
      // 32-bit loads and stores name w registers with alu32; the bytes have no such bit.
      const ours = formatLlvm(insns, idx);
      const same = ours === theirs[idx] || ours === theirs[idx]!.replace(/^w(\d+ = \*)/, 'r$1').replace(/(^\*.* = )w/, '$1r');
      return same ? [] : [`${theirs[idx]} ≠ ${ours} (${insn.opcode.toString(16)} off ${insn.off} imm ${insn.imm})`];
    });
    expect(differences).toEqual([]);
    expect(new Set(insns.map((insn) => insn.opcode)).size).toBeGreaterThan(120);
  });

  it('is what clang assembles to the same bytes', () => {
    const insns = samples().filter((insn) => insn.opcode !== 0x8d);
    const object = clang(`.text\n${insns.map((_, idx) => formatLlvm(insns, idx)).join('\n')}\n`);
    const raw = join(folder, 'text.bin');
    execFileSync('llvm-objcopy-19', ['-O', 'binary', '--only-section=.text', object, raw]);
    const bytes = readFileSync(raw);
    const ours = encodeInsns(insns);
    const differences = insns.flatMap((_, idx) => {
      const same = bytes.subarray(idx * 8, idx * 8 + 8).equals(ours.subarray(idx * 8, idx * 8 + 8));
      return same ? [] : [`${formatLlvm(insns, idx)}: ${bytes.subarray(idx * 8, idx * 8 + 8).toString('hex')}`];
    });
    expect(differences).toEqual([]);
  });
});
