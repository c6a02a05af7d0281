import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import { randomPackets } from '../hooks/testing/packets.ts';
import '../vm/rare.ts';
import { Scorer } from './runner.ts';
import { whyNotShared } from './sharing.ts';

function program(maps: string, body: string): Program {
  const { program: made, diagnostics } = assemble(`.section xdp\n${maps}\n${body}`);
  if (!made) throw new Error(diagnostics[0]!.message);
  return made;
}

const LENGTH = `r6 = *(u32 *)(r1 +4)
r7 = *(u32 *)(r1 +0)
r6 -= r7`;
const lookup = (map: string) => `*(u32 *)(r10 -4) = 0
r2 = r10
r2 += -4
r1 = map[${map}]
call bpf_map_lookup_elem
if r0 == 0 goto out`;
/** Verdict from the length of the packet. */
const OUT = `out:
r0 = r6
r0 &= 3
exit`;

const SHARED: Readonly<Record<string, Program>> = {
  'no map': program('', `${LENGTH}\n${OUT}`),
  'a counter': program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\nr1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\n${OUT}`),
  'a counter of bytes for each processor': program(
    '.map m percpu_array 4 8 1',
    `${LENGTH}\n${lookup('m')}\nr1 = *(u64 *)(r0 +0)\nr1 += r6\n*(u64 *)(r0 +0) = r1\n${OUT}`,
  ),
  'an atomic counter': program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\nr1 = 1\nlock *(u64 *)(r0 +0) += r1\n${OUT}`),
  'settings that are only read': program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\nr1 = *(u64 *)(r0 +0)\nr6 += r1\n${OUT}`),
  'what is stored and never read': program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\n*(u64 *)(r0 +0) = r6\n${OUT}`),
  messages: program(
    '.map m ringbuf 0 0 4096',
    `${LENGTH}\n*(u64 *)(r10 -8) = r6\nr1 = map[m]\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall bpf_ringbuf_output\n${OUT}`,
  ),
};

const ALONE: Readonly<Record<string, readonly [Program, RegExp]>> = {
  'every second packet': [
    program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\nr1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\nr6 = r1\n${OUT}`),
    /^instruction \d+ reads map `m`, which the program writes/,
  ],
  'a counter that is fetched': [
    program('.map m array 4 8 1', `${LENGTH}\n${lookup('m')}\nr1 = 1\nr1 = atomic_fetch_add((u64 *)(r0 +0), r1)\nr6 = r1\n${OUT}`),
    /reads map `m`/,
  ],
  'a counter behind a pointer on the stack': [
    program(
      '.map m array 4 8 1',
      `${LENGTH}\n${lookup('m')}\n*(u64 *)(r10 -16) = r0\nr1 = 1\nlock *(u64 *)(r0 +0) += r1\nr2 = *(u64 *)(r10 -16)\nr6 = *(u64 *)(r2 +0)\n${OUT}`,
    ),
    /reads map `m`/,
  ],
  'a counter in a function': [
    program(
      '.map m array 4 8 1',
      `${LENGTH}\n${lookup('m')}\nr1 = r0\ncall count\nr6 = r0\n${OUT}\n.func count static\nr2 = *(u64 *)(r1 +0)\nr2 += 1\n*(u64 *)(r1 +0) = r2\nr0 = r2\nexit`,
    ),
    /reads map `m`/,
  ],
  'lengths that were seen before': [
    program(
      '.map m hash 4 4 1024',
      `${LENGTH}\n*(u32 *)(r10 -4) = r6\nr2 = r10\nr2 += -4\nr1 = map[m]\ncall bpf_map_lookup_elem\nr6 = 1\nif r0 != 0 goto out\nr2 = r10\nr2 += -4\nr3 = r2\nr4 = 0\nr1 = map[m]\ncall bpf_map_update_elem\nr6 = 2\n${OUT}`,
    ),
    /changes which entries map `m` \(hash\) has/,
  ],
  'a random number': [program('', `call bpf_get_prandom_u32\nr6 = r0\n${OUT}`), /calls bpf_get_prandom_u32/],
};

interface Told {
  readonly verdict: number;
  readonly executed: number;
}

function told(scorer: Scorer, packet: Uint8Array, at: number): Told {
  scorer.packet(packet, 1e9 + at);
  return { verdict: scorer.verdict, executed: scorer.executed };
}

const inOrder = (of: Program, packets: readonly Uint8Array[]): Told[] => {
  const scorer = new Scorer(of, null);
  return packets.map((packet, at) => told(scorer, packet, at));
};

/** Each packet on the machine that `owner` names. */
const dealt = (of: Program, packets: readonly Uint8Array[], owner: readonly number[]): Told[] => {
  const scorers = [0, 1, 2].map(() => new Scorer(of, null));
  return packets.map((packet, at) => told(scorers[owner[at % owner.length]! % 3]!, packet, at));
};

describe('sharing events among machines', () => {
  const packets = randomPackets(11, 300).filter((packet) => packet.length >= 14);

  it.each(Object.entries(SHARED))('%s: each says the same of its events, however they are dealt', (_, of) => {
    expect(whyNotShared(of, false)).toBe('');
    const whole = inOrder(of, packets);
    fc.assert(
      fc.property(fc.array(fc.nat(2), { minLength: 3, maxLength: 40 }), (owner) => {
        expect(dealt(of, packets, owner)).toEqual(whole);
      }),
      { seed: 8, numRuns: 12 },
    );
  });

  it.each(Object.entries(ALONE))('%s: one machine alone, and why', (_, [of, why]) => {
    expect(whyNotShared(of, false)).toMatch(why);
    expect(dealt(of, packets, [0, 1, 2])).not.toEqual(inOrder(of, packets));
  });

  it('programs put together at random say the same wherever they may be shared', () => {
    const parts = (map: string, at: number): string[] => {
      const found = `*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[${map}]\ncall bpf_map_lookup_elem\nif r0 == 0 goto next${at}`;
      const end = `\nnext${at}:`;
      return [
        `${found}\nr1 = *(u64 *)(r0 +0)\nr1 += r6\n*(u64 *)(r0 +0) = r1${end}`,
        `${found}\nr1 = *(u64 *)(r0 +8)\nr6 += r1${end}`,
        `${found}\nr1 = 3\nlock *(u64 *)(r0 +0) += r1${end}`,
        `${found}\n*(u64 *)(r0 +8) = r6${end}`,
        `${found}\nr8 = *(u64 *)(r0 +0)\nr6 ^= r8${end}`,
        `${found}\nr8 = r0\nr1 = *(u64 *)(r8 +0)\nr1 ^= 5\nif r6 & 1 goto next${at}\n*(u64 *)(r8 +0) = r1${end}`,
      ];
    };
    let [shared, alone] = [0, 0];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(5)), { minLength: 1, maxLength: 4 }), (chosen) => {
        const body = chosen.map(([map, part], at) => parts(['a', 'b', 'c'][map]!, at)[part]).join('\n');
        const of = program('.map a array 4 16 1\n.map b percpu_array 4 16 1\n.map c array 4 16 1', `${LENGTH}\n${body}\n${OUT}`);
        if (whyNotShared(of, false) === '') {
          shared++;
          expect(dealt(of, packets.slice(0, 60), [0, 1, 2, 2, 1])).toEqual(inOrder(of, packets.slice(0, 60)));
        } else alone++;
      }),
      { seed: 9, numRuns: 150 },
    );
    expect(shared).toBeGreaterThan(30);
    expect(alone).toBeGreaterThan(30);
  });
});
