import { assemble } from '../../../bpf/asm.ts';
import type { Program } from '../../../bpf/program.ts';
import type { ExplanationClass } from '../classes.ts';

/** A program that is refused, and what its explanation must say. */
export interface ExplainCase {
  readonly name: string;
  readonly text: string;
  readonly class: ExplanationClass;
  /** Refused instruction. */
  readonly insn: number;
  readonly subject: string;
  /** Instructions that the story must go through, in this order. */
  readonly story: readonly number[];
  readonly provedAt?: number;
  readonly lostAt?: number;
  readonly mended: boolean;
}

const LOOKUP = `
r2 = 0
*(u64 *)(r10 -8) = r2
r2 = r10
r2 += -8
r1 = map[values]
call bpf_map_lookup_elem`;
/** Index of the instruction after LOOKUP. */
const L = 7;
const MAP = '.map values hash 8 48 4';
const CHECKED = `${LOOKUP}
if r0 == 0 goto out`;

export const CASES: readonly ExplainCase[] = [
  {
    name: 'a lookup without a check',
    text: `${MAP}${LOOKUP}\nr0 = *(u64 *)(r0 +0)\nexit`,
    class: 'null-check',
    insn: L,
    subject: 'r0',
    story: [L - 1, L],
    mended: true,
  },
  {
    name: 'packet bytes without a check',
    text: 'r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +13)\nexit',
    class: 'packet-check',
    insn: 1,
    subject: 'r2',
    story: [0, 1],
    mended: true,
  },
  {
    name: 'a packet check that is too short',
    text: 'r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 +12)\nout:\nr0 = 2\nexit',
    class: 'packet-check',
    insn: 5,
    subject: 'r2',
    story: [0, 4, 5],
    provedAt: 4,
    mended: true,
  },
  {
    name: 'an index without a bound',
    text: `${MAP}${CHECKED}\nr1 = *(u64 *)(r0 +0)\nr1 &= 0xff\nr0 += r1\n*(u8 *)(r0 +0) = 1\nout:\nr0 = 0\nexit`,
    class: 'index',
    insn: L + 4,
    subject: 'r0',
    story: [L, L + 1, L + 2, L + 3, L + 4],
    mended: true,
  },
  {
    name: 'an index that is only bounded above',
    text: `${MAP}${CHECKED}\nr1 = *(u64 *)(r0 +0)\nif r1 s> 40 goto out\nr0 += r1\n*(u8 *)(r0 +0) = 1\nout:\nr0 = 0\nexit`,
    class: 'sign',
    insn: L + 3,
    subject: 'r1',
    story: [L + 1, L + 2, L + 3],
    provedAt: L + 2,
    mended: true,
  },
  {
    name: 'a field beyond the value',
    text: `${MAP}${CHECKED}\n*(u64 *)(r0 +48) = 1\nout:\nr0 = 0\nexit`,
    class: 'fixed-offset',
    insn: L + 1,
    subject: 'r0',
    story: [L - 1, L, L + 1],
    mended: false,
  },
  {
    name: 'an argument register after a call',
    text: 'r3 = 7\ncall bpf_ktime_get_ns\nr0 = r3\nexit',
    class: 'clobbered',
    insn: 2,
    subject: 'r3',
    story: [1, 2],
    lostAt: 1,
    mended: true,
  },
  {
    name: 'a register that was never written',
    text: 'r0 = 1\nr0 += r7\nexit',
    class: 'uninitialised',
    insn: 1,
    subject: 'r7',
    story: [1],
    mended: true,
  },
  {
    name: 'a store outside of the frame',
    text: 'r0 = 0\n*(u64 *)(r10 -520) = r0\nexit',
    class: 'stack',
    insn: 1,
    subject: 'r10',
    story: [1],
    mended: true,
  },
  {
    name: 'a spilled pointer that is partly overwritten',
    text: `${MAP}${CHECKED}\n*(u64 *)(r10 -16) = r0\n*(u8 *)(r10 -16) = 1\nr1 = *(u64 *)(r10 -16)\nr0 = *(u64 *)(r1 +0)\nout:\nr0 = 0\nexit`,
    class: 'provenance',
    insn: L + 4,
    subject: 'r1',
    story: [L + 2, L + 3, L + 4],
    lostAt: L + 2,
    mended: true,
  },
  {
    name: 'a return value out of range',
    text: '.section cgroup/sock_create\nr0 = 5\nexit',
    class: 'return-range',
    insn: 1,
    subject: 'r0',
    story: [0, 1],
    mended: true,
  },
  {
    name: 'an endless loop',
    text: 'r0 = 0\nagain:\nr0 &= 1\nif r0 == 0 goto again\nexit',
    class: 'complexity',
    insn: 1,
    subject: '',
    story: [1],
    mended: true,
  },
  {
    name: 'a record that is not given back',
    text: '.map rb ringbuf 0 0 4096\nr1 = map[rb]\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nr6 = r0\nr0 = 2\nexit',
    class: 'reference',
    insn: 7,
    subject: 'r6',
    story: [4, 5, 7],
    mended: true,
  },
  {
    name: 'a product of a pointer',
    text: 'r2 = *(u32 *)(r1 +0)\nr2 *= 2\nr0 = 0\nexit',
    class: 'pointer-arithmetic',
    insn: 1,
    subject: 'r2',
    story: [0, 1],
    mended: false,
  },
  {
    name: 'a number where a map is expected',
    text: 'r1 = 5\nr2 = r10\ncall bpf_map_lookup_elem\nr0 = 0\nexit',
    class: 'wrong-type',
    insn: 2,
    subject: 'r1',
    story: [0, 2],
    mended: false,
  },
  {
    name: 'a context field that does not exist',
    text: 'r0 = *(u32 *)(r1 +64)\nexit',
    class: 'context',
    insn: 0,
    subject: 'r1',
    story: [0, 0],
    mended: false,
  },
  {
    name: 'code that cannot be reached',
    text: 'r0 = 0\nexit\nr0 = 1\nexit',
    class: 'control-flow',
    insn: 2,
    subject: '',
    story: [2],
    mended: false,
  },
];

/** The program of a case; a mistake in it is an error of the test. */
export function programOf(text: string): Program {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(diagnostics.map((d) => `${d.line}: ${d.message}`).join('; '));
  return program;
}
