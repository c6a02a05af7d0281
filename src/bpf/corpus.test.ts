import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { calledTargets } from './functions.ts';
import { decodeInsns } from './insn.ts';
import { disassemble } from './listing.ts';
import type { Program } from './program.ts';

const corpus = process.env.BPFORMER_CORPUS;
if (!corpus) console.warn('round trips of the corpus skipped: BPFORMER_CORPUS names no folder');

interface Case {
  readonly descr?: string;
  readonly name?: string;
  readonly hex: string;
}

const cases = (file: string): Case[] =>
  readFileSync(join(corpus!, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Case);

describe.skipIf(!corpus)('corpus', () => {
  it.each(['verifier-raw.jsonl', 'conformance.jsonl'])('every program of %s survives both listings', (file) => {
    const failures: string[] = [];
    const all = cases(file);
    for (const { descr, name, hex } of all) {
      const insns = decodeInsns(Uint8Array.from(Buffer.from(hex, 'hex')));
      const starts = [...new Set([0, ...calledTargets(insns)])];
      const program: Program = {
        name: 'f0',
        section: 'xdp',
        progType: 6,
        expectedAttachType: 37,
        sleepable: false,
        loadFlags: 0,
        license: 'GPL',
        insns,
        subprogs: starts.map((start) => ({ name: `f${start}`, start, linkage: start === 0 ? 'global' : 'static' })),
        maps: [],
        lineInfo: [],
        origins: [],
        insnOrigins: [],
        kfuncCalls: new Map(
          insns.flatMap((insn, idx) => (insn.opcode === 0x85 && insn.src === 2 ? [[idx, 'kernel_function'] as const] : [])),
        ),
      };
      for (const syntax of ['kernel', 'llvm'] as const) {
        const again = assemble(disassemble(program, { syntax }));
        const same = again.program && JSON.stringify(again.program.insns) === JSON.stringify(insns);
        if (!same) failures.push(`${descr ?? name} (${syntax}): ${JSON.stringify(again.diagnostics[0])}`);
      }
    }
    expect(failures).toEqual([]);
    expect(all.length).toBeGreaterThan(300);
  });
});
