import { describe, expect, it } from 'vitest';
import { parseLogEnd } from './log-end.ts';

describe('parseLogEnd', () => {
  it('reads the statistics of an accepted program', () => {
    const log =
      'verification time 87 usec\nstack depth 16+0\nprocessed 12 insns (limit 1000000) max_states_per_insn 1 total_states 2 peak_states 3 mark_read 0\n';
    expect(parseLogEnd(log)).toEqual({
      message: null,
      insnIdx: null,
      processed: 12,
      maxStatesPerInsn: 1,
      totalStates: 2,
      peakStates: 3,
      markRead: 0,
      stackDepth: '16+0',
      verificationUsec: 87,
    });
  });

  it('finds the message and the instruction before it', () => {
    const log =
      '0: R1=ctx() R10=fp0\n0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';
    expect(parseLogEnd(log)).toMatchObject({ message: 'R2 !read_ok', insnIdx: 0, processed: 1 });
  });

  it('parts a message from counters that follow on its line', () => {
    const log =
      '3: (85) call bpf_tail_call#12\nexpected prog array map for tail callprocessed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';
    expect(parseLogEnd(log)).toMatchObject({ message: 'expected prog array map for tail call', insnIdx: 3, processed: 4 });
  });

  it('knows nothing about an empty log', () => {
    expect(parseLogEnd('')).toMatchObject({ message: null, insnIdx: null, processed: null });
  });
});
