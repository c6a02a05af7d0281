import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readLog } from './reader.ts';
import { logStory } from './story.ts';

const sample = readFileSync(new URL('../../../public/samples/rejected/count-flows.log', import.meta.url), 'utf8');

const story = (text: string, name: string) => {
  const { bytes, columns } = readLog(new TextEncoder().encode(text));
  const { messageLine } = columns.runs[columns.run]!;
  return logStory(bytes, columns, messageLine - 1, name).map(({ kind, insn, name: of, taken }) => ({ kind, insn, of, taken }));
};

describe('the story of a log', () => {
  it('follows a pointer and its index through copies, arithmetic and branches', () => {
    const told = story(sample, 'r6');
    expect(told.map(({ insn }) => insn)).toEqual([19, 20, 22, 25, 26, 27, 29, 30]);
    expect(told[2]).toEqual({ kind: 'branch', insn: 22, of: 'r6', taken: false });
  });

  it('follows a value over the stack, and stops where a call took it', () => {
    const text = [
      'func#0 @0',
      '0: R1=ctx() R10=fp0',
      '0: (85) call bpf_get_prandom_u32#7     ; R0_w=scalar()',
      '1: (7b) *(u64 *)(r10 -8) = r0          ; R0_w=scalar(id=1) R10=fp0 fp-8_w=scalar(id=1)',
      '2: (79) r3 = *(u64 *)(r10 -8)          ; R3_w=scalar(id=1) R10=fp0',
      '3: (0f) r10 += r3',
      'frame pointer is read only',
      'processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
      '',
    ].join('\n');
    expect(story(text, 'r3')).toEqual([
      { kind: 'called', insn: 0, of: 'r0', taken: null },
      { kind: 'moved', insn: 1, of: 'fp-8', taken: null },
      { kind: 'moved', insn: 2, of: 'r3', taken: null },
    ]);
  });

  it('goes back to the branch where another path begins', () => {
    const text = [
      'func#0 @0',
      '0: R1=ctx() R10=fp0',
      '0: (b7) r2 = 1                        ; R2_w=1',
      '1: (61) r3 = *(u32 *)(r1 +0)          ; R1=ctx() R3_w=scalar()',
      '2: (15) if r3 == 0x0 goto pc+2        ; R3_w=scalar()',
      '3: (b7) r2 = 2                        ; R2_w=2',
      '4: (95) exit',
      '',
      'from 2 to 5: R1=ctx() R2=1 R3=0 R10=fp0',
      '5: (bf) r0 = r9',
      'R9 !read_ok',
      'processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
      '',
    ].join('\n');
    expect(story(text, 'r2').map(({ insn }) => insn)).toEqual([0]);
    expect(story(text, 'r3')).toEqual([
      { kind: 'made', insn: 1, of: 'r3', taken: null },
      { kind: 'branch', insn: 2, of: 'r3', taken: true },
    ]);
  });
});
