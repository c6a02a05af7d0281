import { assemble } from '../../../bpf/asm.ts';
import type { Program } from '../../../bpf/program.ts';

export function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

/** Programs whose explorations have every shape that a recording knows. */
export const PROGRAMS: readonly (readonly [string, string])[] = [
  ['a straight path', '.section xdp\nr1 = 3\n*(u64 *)(r10 -8) = r1\nr0 = *(u64 *)(r10 -8)\nexit'],
  [
    'branches that meet again',
    '.section xdp\ncall bpf_get_prandom_u32\nr6 = r0\nr7 = 1\nif r6 == 5 goto one\nr7 = 2\none: if r6 > 100 goto two\nr7 += 3\ntwo: r0 = r7\nexit',
  ],
  [
    'nested loops',
    '.section xdp\nr6 = 0\nr7 = 0\nouter: r8 = 0\ninner: r7 += r8\nr8 += 1\nif r8 < 9 goto inner\nr6 += 1\nif r6 < 7 goto outer\nr7 &= 3\nr0 = r7\nexit',
  ],
  [
    'a loop whose end is not known',
    '.section xdp\ncall bpf_get_prandom_u32\nr6 = r0\nr6 &= 31\nr7 = 0\nagain: r7 += 1\nif r7 < r6 goto again\nr0 = 0\nexit',
  ],
  ['may_goto', '.section xdp\nr6 = 0\ntop: may_goto out\nr6 += 1\nr6 &= 1023\ngoto top\nout: r0 = r6\nexit'],
  [
    'functions',
    '.section xdp\nr6 = 4\nr1 = 1\ncall twice\nr6 += r0\nr1 = r6\ncall twice\nexit\n.func twice static\nr0 = r1\nr0 *= 2\n*(u64 *)(r10 -16) = r0\nif r0 > 6 goto pc+1\nr0 += 1\nexit',
  ],
  [
    'a callback',
    '.section xdp\n*(u64 *)(r10 -8) = 0\nr1 = 10\nr2 = func[body]\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\n.func body static\nr0 = *(u64 *)(r2 +0)\nr0 += r1\n*(u64 *)(r2 +0) = r0\nr0 = 0\nexit',
  ],
  ['an endless loop', '.section xdp\nr0 = 0\nif r0 == 0 goto pc-1\nexit'],
  [
    'map values',
    '.section xdp\n.map h hash 8 16 4\n*(u64 *)(r10 -8) = 5\nr2 = r10\nr2 += -8\nr1 = map[h]\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 +8)\nr1 &= 15\nr0 += r1\nr2 = *(u8 *)(r0 +0)\n*(u8 *)(r0 +0) = r2\nout: r0 = 2\nexit',
  ],
];
