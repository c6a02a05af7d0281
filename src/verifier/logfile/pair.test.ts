import { describe, expect, it } from 'vitest';
import { lineOf, pairLogs } from './pair.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('two logs of one program', () => {
  it('are the same but for addresses, numbers of functions and times', () => {
    const ours =
      '0: (18) r1 = map[counts]        ; R1_w=map_ptr(map=counts,ks=4,vs=8)\n2: (85) call bpf_iter_num_new#0      ; R0=scalar()\nverification time 12 usec\n';
    const theirs =
      '0: (18) r1 = 0xffff888104f5d000       ; R1_w=map_ptr(map=counts,ks=4,vs=8)\n2: (85) call bpf_iter_num_new#66012    ; R0=scalar()\nverification time 7 usec\n';
    expect(pairLogs(bytes(ours), bytes(theirs))).toMatchObject({ first: -1, differing: 0 });
  });

  it('part at the first line that says something else, and where one ends', () => {
    const a = bytes('0: (b7) r0 = 0 ; R0=0\n1: (95) exit\nprocessed 2 insns\n');
    const b = bytes('0: (b7) r0 = 0 ; R0=1\n1: (95) exit\nprocessed 2 insns\nmore');
    const pair = pairLogs(a, b);
    expect(pair).toMatchObject({ first: 0, differing: 2 });
    expect([...pair.differs]).toEqual([1, 0, 0, 1]);
    expect(lineOf(b, pair.starts[1], 3)).toBe('more');
    expect(lineOf(a, pair.starts[0], 2)).toBe('processed 2 insns');
  });

  it('may be empty', () => {
    expect(pairLogs(bytes(''), bytes(''))).toMatchObject({ first: -1, differing: 0 });
    expect(pairLogs(bytes(''), bytes('x'))).toMatchObject({ first: 0, differing: 1 });
  });
});
