import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { randomProgram } from './testing/random-programs.ts';
import { verify } from './verify.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const RANDOM = Number(process.env.BPFORMER_RANDOM_PROGRAMS ?? 400);

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

/** The kernel prints addresses where we print map names: both become one word, and the column behind it one blank. */
function normal(log: string): string {
  return log
    .replace(/(r\d+ = )(?:0xffff[0-9a-f]+|map\[[^\]]*\])( *;)?/g, (_, head: string, tail?: string) => `${head}MAP${tail ? ' ;' : ''}`)
    .replace(/verification time \d+ usec/, 'verification time');
}

const PACKET = `r6 = *(u32 *)(r1 +0)
r7 = *(u32 *)(r1 +4)
r2 = r6
r2 += 34
if r2 > r7 goto drop`;

const PROGRAMS: readonly (readonly [string, string])[] = [
  ['arithmetic', '.section xdp\ncall bpf_get_prandom_u32\nr0 &= 0xff\nr1 = r0\nr1 *= 3\nw1 += -7\nr1 s>>= 2\nr0 = r1\nexit'],
  [
    'packet parsing',
    `.section xdp\n${PACKET}\nr3 = *(u16 *)(r6 +12)\nif r3 != 8 goto drop\nr4 = *(u8 *)(r6 +14)\nr4 &= 15\nr4 <<= 2\nr5 = r6\nr5 += r4\nr5 += 14\nr8 = r5\nr8 += 8\nif r8 > r7 goto drop\nr0 = *(u16 *)(r5 +2)\nexit\ndrop: r0 = 1\nexit`,
  ],
  [
    'map values',
    '.section xdp\n.map h hash 8 16 4\n*(u64 *)(r10 -8) = 5\nr2 = r10\nr2 += -8\nr1 = map[h]\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 +8)\nr1 &= 15\nr0 += r1\nr2 = *(u8 *)(r0 +0)\n*(u8 *)(r0 +0) = r2\nout: r0 = 2\nexit',
  ],
  [
    'a value over the edge',
    '.section xdp\n.map a array 4 16 1\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[a]\ncall bpf_map_lookup_elem\nr0 = *(u64 *)(r0 +12)\nexit',
  ],
  [
    'loops',
    '.section xdp\nr6 = 0\nr7 = 0\nouter: r8 = 0\ninner: r7 += r8\nr8 += 1\nif r8 < 9 goto inner\nr6 += 1\nif r6 < 7 goto outer\nr7 &= 3\nr0 = r7\nexit',
  ],
  ['may_goto', '.section xdp\nr6 = 0\ntop: may_goto out\nr6 += 1\nr6 &= 1023\ngoto top\nout: r0 = r6\nexit'],
  [
    'spills of every width',
    '.section xdp\ncall bpf_get_prandom_u32\n*(u64 *)(r10 -8) = r0\n*(u32 *)(r10 -16) = r0\n*(u8 *)(r10 -24) = r0\nr1 = *(u32 *)(r10 -8)\nr2 = *(u32 *)(r10 -16)\nr3 = *(u8 *)(r10 -24)\nr4 = *(u16 *)(r10 -6)\nr3 &= 7\nr5 = r10\nr5 += -16\nr5 += r3\n*(u8 *)(r5 +0) = 0\nr0 = *(u8 *)(r10 -16)\nexit',
  ],
  ['a sign mask', '.section xdp\ncall bpf_get_prandom_u32\nr1 = r0\nr1 -= 5\nr1 s>>= 63\nr1 &= 12\nr0 = r1\nexit'],
  ['too many jumps', `.section xdp\ncall bpf_get_prandom_u32\n${'if r0 == 0 goto pc+0\n'.repeat(20)}r0 = 0\nexit`],
  ['an endless loop', '.section xdp\nr0 = 0\nif r0 == 0 goto pc-1\nexit'],
  [
    'atomics',
    '.section xdp\nr1 = 3\n*(u64 *)(r10 -8) = 1\nr1 = atomic64_fetch_add((u64 *)(r10 -8), r1)\nlock *(u64 *)(r10 -8) |= r1\nr0 = *(u64 *)(r10 -8)\nr0 = 2\nexit',
  ],
];

describe.skipIf(!kernel)('an address of a function that no path enters', () => {
  const dead = '.func cb static\nr0 = 0\nexit';
  it.each([
    ['alone with main: the program has one function left', `.section xdp\nr2 = func[cb]\nr0 = 2\nexit\n${dead}`, true],
    ['beside a function that is called', `.section xdp\nr2 = func[cb]\ncall two\nexit\n.func two static\nr0 = 2\nexit\n${dead}`, false],
  ] as const)('%s', async (_, text, accepted) => {
    const made = program(text);
    const theirs = await kernel!.load(made, { btf: programBtf(made), logLevel: 1 });
    await theirs.program?.close();
    const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: kernel!.cpus });
    expect([theirs.accepted, ours.accepted]).toEqual([accepted, accepted]);
  });
});

describe.skipIf(!kernel)('the log', () => {
  it.each(PROGRAMS)('of %s is the kernel’s at levels 1 and 2', async (_, text) => {
    const made = program(text);
    for (const logLevel of [1, 2, 6]) {
      const theirs = await kernel!.load(made, { logLevel });
      await theirs.program?.close();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus });
      expect(normal(ours.log)).toBe(normal(theirs.log));
      expect(ours.accepted).toBe(theirs.accepted);
    }
  });

  it('of nested loops over the kernel’s iterator is the kernel’s', async () => {
    const loop = (slot: number, counter: string, body: string): string =>
      `r1 = r10\nr1 += ${slot}\nr2 = 0\nr3 = 100\ncall kfunc bpf_iter_num_new\n${counter}: r1 = r10\nr1 += ${slot}\ncall kfunc bpf_iter_num_next\nif r0 == 0 goto ${counter}_done\n${body}\ngoto ${counter}\n${counter}_done: r1 = r10\nr1 += ${slot}\ncall kfunc bpf_iter_num_destroy`;
    const made = program(
      `.section xdp\nr7 = 0\n${loop(-8, 'outer', `r6 = *(u32 *)(r0 +0)\n${loop(-16, 'inner', 'r7 += r6\nr7 &= 63')}`)}\nr0 = 2\nexit`,
    );
    for (const logLevel of [1, 2, 6]) {
      const theirs = await kernel!.load(made, { logLevel });
      await theirs.program?.close();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus });
      // The number behind a kernel function's name is its BTF id on this machine.
      const nameless = (log: string): string =>
        normal(log)
          .replace(/(call bpf_iter_num_\w+)#\d+( *;)?/g, '$1$2')
          .replace(/ +;/g, ' ;');
      expect(nameless(ours.log)).toBe(nameless(theirs.log));
      expect(ours.accepted).toBe(true);
    }
  });

  it('of functions, static and global, with their source lines, is the kernel’s', async () => {
    const text = `.section xdp
.name main
; first(5) @ model.c:3
r1 = 5
call helper
; checked(x) @ model.c:4
r1 = r0
call checked
r0 &= 3
exit
.func helper static
; helper @ model.c:10
r0 = r1
if r0 > 4 goto pc+1
r0 = 9
exit
.func checked global (scalar) -> scalar
; checked @ model.c:20
r1 &= 15
r0 = 0
more: r0 += r1
r1 += -1
if r1 s> 0 goto more
exit`;
    const made = program(text);
    expect(made.subprogs.map((s) => s.linkage)).toEqual(['global', 'static', 'global']);
    for (const logLevel of [1, 2, 6]) {
      const theirs = await kernel!.load(made, { logLevel, btf: programBtf(made) });
      await theirs.program?.close();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus });
      expect(normal(ours.log)).toBe(normal(theirs.log));
      expect(ours.accepted).toBe(true);
    }
  });
});

describe.skipIf(!kernel)('random programs', () => {
  it(`get the kernel’s verdict and counters (${RANDOM})`, async () => {
    const maps = new Map(await Promise.all(randomProgram(1).maps.map(async (def) => [def.name, await kernel!.createMap(def)] as const)));
    const differ: string[] = [];
    let accepted = 0;
    for (let seed = 1; seed <= RANDOM; seed++) {
      const made = randomProgram(seed);
      const theirs = await kernel!.load(made, { logLevel: 4, maps, logSize: 1 << 20 });
      await theirs.program?.close();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel: 4, cpus: kernel!.cpus });
      if (theirs.accepted) accepted++;
      const end = (log: string): string => log.slice(log.indexOf('stack depth'));
      if (ours.accepted !== theirs.accepted || end(ours.log) !== end(theirs.log))
        differ.push(`seed ${seed}: ${ours.accepted} ${end(ours.log)} kernel: ${theirs.accepted} ${end(theirs.log)}`);
    }
    expect(differ).toEqual([]);
    expect(accepted / RANDOM).toBeGreaterThan(0.2);
  }, 600_000);
});
