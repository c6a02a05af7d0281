import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { TaintCheck } from './testing/taint.ts';
import { Vm } from './vm.ts';

function depends(text: string): string | null {
  const { program, diagnostics } = assemble(`.section xdp\n.map a array 4 8 1\n.map r ringbuf 0 0 4096\n.license GPL\n${text}`);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return new TaintCheck(new Vm(program)).run({ packet: new Uint8Array(64) });
}

const LOOKUP = '*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[a]\ncall bpf_map_lookup_elem\nif r0 != 0 goto found\nexit\nfound: ';

const RESERVE = 'r1 = map[r]\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 != 0 goto found\nexit\nfound: ';
const SUBMIT = 'r1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 0\nexit';

describe('what a program’s result depends on', () => {
  it.each([
    [
      'its input alone',
      'r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr0 = *(u64 *)(r2 +0)\nout: r0 = 1\nexit',
      null,
    ],
    ['numbers that pass over the stack', '*(u64 *)(r10 -8) = 7\nr0 = *(u64 *)(r10 -8)\nexit', null],
    ['an address that is spilled and filled', '*(u64 *)(r10 -8) = r1\nr1 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r1 +12)\nexit', null],
    ['whether there is a map value', `${LOOKUP}r0 = *(u64 *)(r0 +0)\nexit`, null],
    ['an address in r0', 'r0 = r10\nexit', 'the return value at instruction 1'],
    ['stack that was never written', 'r0 = *(u64 *)(r10 -8)\nexit', 'the return value at instruction 1'],
    ['a branch on an address', 'r0 = 0\nif r1 > 77 goto out\nr0 = 1\nout: exit', 'a branch at instruction 1'],
    ['an address in a map', `${LOOKUP}*(u64 *)(r0 +0) = r10\nr0 = 0\nexit`, 'what is written to map a at instruction 8'],
    ['half of an address', '*(u64 *)(r10 -8) = r1\nr0 = *(u32 *)(r10 -8)\nexit', 'the return value at instruction 2'],
    ['chance', 'call bpf_get_prandom_u32\nexit', 'the return value at instruction 1'],
    [
      'a key that was never written',
      'r2 = r10\nr2 += -4\nr1 = map[a]\ncall bpf_map_lookup_elem\nr0 = 0\nexit',
      'the key of a map at instruction 4',
    ],
    ['a record that was written', `${RESERVE}*(u64 *)(r0 +0) = 1\n*(u64 *)(r0 +8) = 2\n${SUBMIT}`, null],
    ['a record that was not', `${RESERVE}*(u64 *)(r0 +0) = 1\n${SUBMIT}`, 'what a record holds at instruction 10'],
    [
      'what a function left on its stack',
      'call f\nr0 = 0\ncall g\nexit\n.func f static\n*(u64 *)(r10 -8) = 3\nr0 = 0\nexit\n.func g static\nr0 = *(u64 *)(r10 -8)\nexit',
      'the return value at instruction 3',
    ],
  ])('%s', (_, text, expected) => {
    expect(depends(text)).toBe(expected);
  });
});
