import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { MASK_HI, MASK_LO, SMAX_HI, SMAX_LO, SMIN_HI, SMIN_LO, VALUE_HI, VALUE_LO } from '../reg.ts';
import { verify } from '../verify.ts';
import { toBigSigned, toBigUnsigned } from '../w64.ts';
import { IntervalLab } from './interval.ts';
import { sliceFrom } from './slice.ts';
import { randomLines } from './testing/lines.ts';

const programOf = (insns: readonly Insn[]): Program => ({
  ...assemble('.section xdp\nr0 = 2\nexit').program!,
  insns,
  insnOrigins: [],
  lineInfo: [],
});

it('says after each step what a verification of the whole program says', () => {
  let compared = 0;
  fc.assert(
    fc.property(randomLines, ({ insns, from }) => {
      const result = verify(programOf(insns), { kernel: '6.18', privilege: 'root', logLevel: 0, recordStates: true });
      const slice = sliceFrom(insns, from, new Set([1, 2, 3, 4, 5]), new Set());
      const after = new IntervalLab(insns, '6.18').run(slice, new Map(), new Map());
      for (const [k, { reg: known, way, forked }] of after.entries()) {
        const { insn: step, insnIdx } = slice.steps[k]!;
        // Where branches meet or the verifier forks, the last visit is another path's.
        if (forked || after[k + 1]?.forked || way === 1 || insnIdx + 3 >= insns.length) break;
        const row = result.stateBefore(insnIdx + 1)?.find(({ name }) => name === `r${step.dst}`);
        if (!row || !known || row.smin === undefined) continue;
        const ours = {
          smin: toBigSigned(known[SMIN_LO]!, known[SMIN_HI]!),
          smax: toBigSigned(known[SMAX_LO]!, known[SMAX_HI]!),
          tnumValue: toBigUnsigned(known[VALUE_LO]!, known[VALUE_HI]!),
          tnumMask: toBigUnsigned(known[MASK_LO]!, known[MASK_HI]!),
        };
        expect(ours, `step ${k}`).toEqual({ smin: row.smin, smax: row.smax, tnumValue: row.tnumValue, tnumMask: row.tnumMask });
        compared++;
      }
    }),
    { seed: 7, numRuns: 300 },
  );
  expect(compared).toBeGreaterThan(1500);
});

it('keeps what is known of copies together, as comparisons do', () => {
  const { program } = assemble('.section xdp\ncall bpf_get_prandom_u32\nr6 = r0\nif r6 > 9 goto out\nr0 <<= 1\nout: r0 = 2\nexit');
  const slice = sliceFrom(program!.insns, 1, new Set(), new Set());
  const after = new IntervalLab(program!.insns, '6.18').run(slice, new Map([[0, { min: 0n, max: 1000n }]]), new Map());
  const shifted = after[2]!.reg!;
  expect([toBigSigned(shifted[SMIN_LO]!, shifted[SMIN_HI]!), toBigSigned(shifted[SMAX_LO]!, shifted[SMAX_HI]!)]).toEqual([0n, 18n]);
  expect(after[1]).toMatchObject({ way: -1 });
});

it('stops by name at what it does not follow', () => {
  const { program } = assemble('.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = r2\nr3 += 14\n*(u64 *)(r10 -8) = r3\ncall bpf_ktime_get_ns\nexit');
  const { steps, inputs, stop } = sliceFrom(program!.insns, 0, new Set([1]), new Set());
  expect(steps.map(({ kind }) => kind)).toEqual(['source', 'alu', 'alu', 'pass']);
  expect(inputs).toEqual([]);
  expect(stop).toEqual({ insnIdx: 4, reason: 'call' });
  expect(sliceFrom(program!.insns, 1, new Set([2]), new Set()).steps.map(({ kind }) => kind)).toEqual(['pointer', 'pointer', 'pass']);
});

it('follows nothing from a step on that the verifier refuses', () => {
  const { program } = assemble('.section xdp\nr0 = 4\nr0 <<= 2\nr0 <<= 3\nr0 += 1\nexit');
  const insns = program!.insns.map((insn, at) => (at === 2 ? { ...insn, imm: 64 } : insn));
  const slice = sliceFrom(insns, 0, new Set(), new Set());
  const after = new IntervalLab(insns, '6.18').run(slice, new Map(), new Map());
  expect(after.slice(0, 4).map(({ reg }) => reg !== null)).toEqual([true, true, false, false]);
  expect(after.slice(0, 4).map(({ refused }) => refused)).toEqual([null, null, 'here', 'before']);
});
