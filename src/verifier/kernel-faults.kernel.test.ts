import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { verify } from './verify.ts';

/**
 * Mistakes of 6.18 that are ours too, because we say what it says. Each program reads beyond a map value on one of two paths; it is
 * accepted where the harmless path is walked first and its state wrongly covers the other one, and refused the other way round. They
 * are loaded, never run.
 */
const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** The value of a map of 64 bytes in r6. */
const VALUE = `*(u32 *)(r10 -16) = 0
r1 = map[big]
r2 = r10
r2 += -16
call bpf_map_lookup_elem
if r0 != 0 goto have
r0 = 0
exit
have:
r6 = r0`;

/** Instructions and a jump, as many as it takes for a state to be kept. */
const FILLER = 'r5 = 1\nr5 = 1\nr5 = 1\nif r0 == 3 goto filled\nfilled:';

/** Either of two instructions, the first one on the path that is walked first. */
const either = (first: string, second: string): string => `call bpf_get_prandom_u32
if r0 > 5 goto some
${first}
goto join
some:
${second}
join:`;

const program = (code: string): Program => assemble(`.section xdp\n.map big array 4 64 1\n.func main\n${code}`).program!;

/** The walk back passes over the atomic, as if r2 had come from before it: that the slot must be precise is lost. */
const fetched = (first: number, second: number): Program =>
  program(`${VALUE}
${either(`*(u64 *)(r10 -40) = ${first}`, `*(u64 *)(r10 -40) = ${second}`)}
${FILLER}
r2 = 0
r2 = atomic64_fetch_or((u64 *)(r10 -40), r2)
r6 += r2
r0 = *(u8 *)(r6 +0)
r0 = 0
exit`);

/** Behind the first round the count need not be precise: one round stands for three, and the second one is never looked at. */
const counted = (first: number, second: number): Program =>
  program(`*(u64 *)(r10 -8) = 0
${VALUE}
*(u64 *)(r10 -24) = r6
${either(`r6 = ${first}`, `r6 = ${second}`)}
r1 = r6
r2 = func[round]
r3 = r10
r3 += -24
r4 = 0
call bpf_loop
${FILLER}
r0 = 0
exit
.func round static
r1 = *(u64 *)(r2 +0)
r3 = *(u64 *)(r2 +16)
r1 += r3
r0 = *(u8 *)(r1 +0)
*(u64 *)(r2 +16) = 1000
r0 = 0
exit`);

const CASES = [
  ['a number that an atomic fetches from the stack', fetched(5, 1000), fetched(1000, 5)],
  ['the count of bpf_loop', counted(1, 3), counted(3, 1)],
] as const;

describe('precision that 6.18 loses', () => {
  it.each(CASES)('of %s: a wrong path is covered, here as in the kernel', async (_, covered, refused) => {
    for (const [made, accepted] of [
      [covered, true],
      [refused, false],
    ] as const) {
      expect(verify(made, { kernel: '6.18', privilege: 'root', logLevel: 0 }).accepted).toBe(accepted);
      if (!kernel) continue;
      const loaded = await kernel.load(made, { logLevel: 4, btf: programBtf(made) });
      await loaded.program?.closeAll();
      expect(loaded.accepted).toBe(accepted);
    }
  });
});
