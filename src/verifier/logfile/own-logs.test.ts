import { describe, expect, it } from 'vitest';
import { formatKernel } from '../../bpf/disasm.ts';
import { encodeInsns, OP_LDDW } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { CASES, programOf } from '../explain/testing/cases.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { LINE } from './lines.ts';
import { programOfLog } from './program.ts';
import { readLog } from './reader.ts';
import { logStateAt } from './states.ts';

const PROGRAMS: readonly (readonly [string, Program])[] = [
  ...CASES.map((test) => [test.name, programOf(test.text)] as const),
  ...Array.from({ length: 150 }, (_, seed) => [`random program ${seed}`, randomProgram(seed)] as const),
];

const run = (program: Program, logLevel: number) => {
  const result = verify(program, { kernel: '6.18', privilege: 'root', logLevel, recordStates: logLevel === 2 });
  const { bytes, columns } = readLog(new TextEncoder().encode(result.log) as Uint8Array<ArrayBuffer>);
  return { result, bytes, columns, said: columns.runs[columns.run]! };
};

describe('logs of our own verifier, which are the kernel’s', () => {
  it.each([1, 2, 4])('say at level %i what the verifier said', (level) => {
    for (const [name, program] of PROGRAMS) {
      const { result, columns, said } = run(program, level);
      expect([name, columns.runs.length, said.complete]).toEqual([name, 1, true]);
      expect([name, said.counters]).toMatchObject([
        name,
        {
          processed: result.processed,
          totalStates: result.totalStates,
          peakStates: result.peakStates,
          maxStatesPerInsn: result.maxStatesPerInsn,
          ...(level === 4 ? { stackDepth: result.stackDepth } : {}),
        },
      ]);
      // The last lines of an endless loop are states, which are no reason.
      const message = result.message?.startsWith('old state:') ? said.message : result.message;
      expect([name, said.verdict, said.message]).toEqual([name, result.accepted ? 'accepted' : 'rejected', message]);
      if (!result.accepted && level !== 4 && result.insnIdx !== null && said.insnLines > 0)
        expect([name, said.insnIdx]).toEqual([name, result.insnIdx]);
    }
  });

  it('show at level 2 every visit of every instruction', () => {
    for (const [name, program] of PROGRAMS) {
      const { result, columns } = run(program, 2);
      const counts = new Uint32Array(result.visits.length);
      for (let i = 0; i + 1 < columns.visitStart.length; i++) counts[i] = columns.visitStart[i + 1]! - columns.visitStart[i]!;
      // An instruction whose state was seen before is visited without being shown.
      const shown = counts.map((count, i) => Math.min(count, result.visits[i]!));
      expect([name, counts]).toEqual([name, shown]);
      if (columns.kind.every((kind) => kind !== LINE.message)) {
        expect([name, counts.map((count) => Math.sign(count))]).toEqual([name, result.visits.map((count) => Math.sign(count))]);
      }
    }
  });

  it('give the whole program at level 2, byte for byte where the text says all', () => {
    let compared = 0;
    for (const [name, program] of PROGRAMS) {
      const { bytes, columns } = run(program, 2);
      const seen = programOfLog(bytes, columns);
      if (!columns.kind.includes(LINE.liveness)) continue;
      expect([name, seen.missing, seen.code.length]).toEqual([name, 0, program.insns.length * 8]);
      const code = encodeInsns(program.insns);
      seen.seen.forEach((insn, at) => {
        const { opcode, src } = program.insns[insn]!;
        expect([name, insn, seen.code[insn * 8]]).toEqual([name, insn, seen.code[insn * 8] === 0 ? 0 : opcode]);
        // Loads of maps and calls of helpers by an unknown name do not assemble from their text alone.
        if (opcode === OP_LDDW && src !== 0) return;
        if (seen.code[insn * 8] === 0) return;
        const wide = opcode === OP_LDDW ? 2 : 1;
        expect([name, insn, seen.texts[at], seen.code.slice(insn * 8, (insn + wide) * 8)]).toEqual([
          name,
          insn,
          formatKernel(program.insns, insn),
          code.slice(insn * 8, (insn + wide) * 8),
        ]);
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(2000);
  });

  it('show at level 1 the instructions of the failing path in their own words', () => {
    for (const [name, program] of PROGRAMS) {
      const { bytes, columns } = run(program, 1);
      const { seen, texts } = programOfLog(bytes, columns);
      seen.forEach((insn, at) => {
        const { opcode, src } = program.insns[insn]!;
        if (opcode === OP_LDDW && src !== 0) return;
        const text = texts[at]!.replace(/^(call \w+)#.*/, '$1');
        expect([name, insn, text]).toEqual([name, insn, formatKernel(program.insns, insn).replace(/^(call \w+)#.*/, '$1')]);
      });
    }
  });

  it('give the states that the verifier had where the last visit ended', () => {
    let compared = 0;
    for (const [name, program] of PROGRAMS) {
      const { result, bytes, columns, said } = run(program, 1);
      if (result.accepted || said.insnIdx === null || said.messageLine < 0) continue;
      const states = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, recordStates: true });
      const before = states.stateBefore(said.insnIdx);
      if (!before) continue;
      const known = new Map(before.map((row) => [row.name, row]));
      // The failing instruction prints no state: what the log knows there is what stood before it.
      const lines = columns.visitLine;
      const last = lines[lines.length - 1];
      if (last === undefined || columns.insn[last] !== said.insnIdx) continue;
      for (const row of logStateAt(bytes, columns, last - 1).rows) {
        const ours = known.get(row.name);
        if (!ours || !/^P?(scalar|-?\d|0x)/.test(row.text) || ours.text.replace(/^P/, '') !== row.text.replace(/^P/, '')) continue;
        expect([name, row.name, row.smin, row.smax]).toEqual([name, row.name, ours.smin ?? row.smin, ours.smax ?? row.smax]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });
});
