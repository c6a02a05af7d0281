import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { randomProgram, randomSource } from '../testing/random-program.ts';
import { Vm } from '../vm.ts';
import { Debugger, type DebuggerOptions } from './debugger.ts';
import { parseExpression } from './expression.ts';

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => i * 37);

function program(text: string): Program {
  const { program: assembled, diagnostics } = assemble(`.section xdp\n.license GPL\n${text}`);
  expect(diagnostics).toEqual([]);
  return assembled!;
}

const machine = (subject: Program): Vm => new Vm(subject, { randomSeed: 7 });

function debug(subject: Program, options: DebuggerOptions = {}): Debugger {
  return new Debugger(machine(subject), ({ prepareXdp }) => prepareXdp(PACKET), options);
}

/** All that a program can see or leave: place, registers, every byte of memory, maps, packet, clock. */
function picture(d: Debugger): string {
  const { space, events, packet } = d.parts;
  const maps = [...d.vm.maps].map((map) => map.entries().map(({ key, value }) => [...key, -1, ...value]));
  const registers = Array.from({ length: 11 }, (_, i) => String(d.register(i)));
  const frames = d.frames.map(({ insnIdx, callee }) => [insnIdx, ...callee]);
  let hash = 0;
  for (let i = 65_536; i < space.extraBase; i++) hash = (Math.imul(hash, 31) + space.bytes[i]!) | 0;
  return JSON.stringify([d.step, d.insnIdx, d.depth, registers, frames, hash, maps, events.length, packet!.length, d.vm.clockNs]);
}

/** What an ordinary traced run executes: instruction, depth and registers at every step. */
function traced(subject: Program): string[] {
  const seen: string[] = [];
  machine(subject).runTraced(PACKET, (stepper) => {
    seen.push(JSON.stringify([stepper.insnIdx, stepper.frame, Array.from({ length: 11 }, (_, i) => String(stepper.register(i)))]));
  });
  return seen;
}

const here = (d: Debugger): string => JSON.stringify([d.insnIdx, d.depth, Array.from({ length: 11 }, (_, i) => String(d.register(i)))]);

/** Checkpoints so close and so few that thinning and restoring happen all the time. */
const TIGHT: DebuggerOptions = { budget: { bytes: 150_000, spacing: 1 } };

/** Callbacks in callbacks, randomness, the clock, a hash whose keys come and go, a ring buffer, a moving packet. */
const BUSY = program(`
.map table lru_hash 4 8 3
.map ring ringbuf 0 0 4096
.func main
r9 = r1
*(u64 *)(r10 -8) = 0
r1 = 6
r2 = func[outer]
r3 = r10
r3 += -8
r4 = 0
call bpf_loop
r1 = r9
r2 = 4
call bpf_xdp_adjust_head
r6 = *(u64 *)(r10 -8)
call bpf_ktime_get_ns
r0 += r6
exit
.func outer static
r7 = r2
r8 = r1
call bpf_get_prandom_u32
r0 &= 3
*(u32 *)(r10 -4) = r0
*(u64 *)(r10 -16) = r8
r1 = map[table]
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call bpf_map_update_elem
r1 = 3
r2 = func[inner]
r3 = r7
r4 = 0
call bpf_loop
r1 = map[ring]
r2 = r10
r2 += -16
r3 = 8
r4 = 0
call bpf_ringbuf_output
r0 = 0
exit
.func inner static
r6 = *(u64 *)(r2 +0)
r6 += r1
r6 *= 3
*(u64 *)(r2 +0) = r6
r0 = 0
exit`);

const LOOP = program(`
.map counts array 4 8 1
r1 = 0
r0 = 0
again:
r0 += r1
*(u64 *)(r10 -8) = r0
r1 += 1
if r1 < 40000 goto again
r2 = map_value[counts]
*(u64 *)(r2 +0) = r0
r0 = 2
exit`);

describe('stepping', () => {
  const subjects: readonly (readonly [name: string, make: () => Program])[] = [
    ['callbacks, clock, randomness, maps, packet', () => BUSY],
    ...[1, 2, 3].map((seed) => [`random program ${seed}`, () => randomProgram(seed)] as const),
  ];
  it.each(subjects)('%s: one step is one instruction of an ordinary run, and back is exactly where it was', async (_, make) => {
    const subject = make();
    const expected = traced(subject);
    const d = debug(subject, TIGHT);
    const forward: string[] = [];
    while (!d.ended) {
      expect(here(d)).toBe(expected[d.step]);
      forward.push(picture(d));
      await d.stepInto();
    }
    expect(forward.length).toBe(expected.length);
    expect(d.returnValue! & 0xffff_ffffn).toBe(BigInt(machine(subject).runXdp(PACKET).returnValue));
    const end = picture(d);
    while (d.step > 0) {
      await d.stepBack();
      expect(picture(d)).toBe(forward[d.step]);
    }
    await d.continue();
    expect(picture(d)).toBe(end);
  });

  it('any way of moving on random programs ends where the same step was before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), fc.infiniteStream(fc.nat()), fc.boolean(), async (seed, numbers, tight) => {
        const subject = seed % 5 === 0 ? BUSY : randomProgram(seed);
        const expected = traced(subject);
        const d = debug(subject, tight ? TIGHT : {});
        const known = new Map<number, string>();
        const draw = (n: number): number => numbers.next().value! % n;
        for (let move = 0; move < 25; move++) {
          const before = d.step;
          const kind = draw(8);
          if (kind === 0) await d.goTo(draw(expected.length + 2));
          else if (kind === 1) await d.stepInto();
          else if (kind === 2) await d.stepBack();
          else if (kind === 3) await d.stepOver();
          else if (kind === 4) await d.stepOut();
          else if (kind === 5) await d.stepBackOver();
          else if (kind === 6) await d.runTo([draw(subject.insns.length)]);
          else await d.reverseTo([draw(subject.insns.length)]);
          if (kind === 3 || kind === 4 || kind === 6) expect(d.step).toBeGreaterThanOrEqual(before);
          if (kind === 2 || kind === 5 || kind === 7) expect(d.step).toBeLessThanOrEqual(before);
          if (!d.ended) expect(here(d)).toBe(expected[d.step]);
          else expect(d.step).toBe(expected.length);
          const now = picture(d);
          expect(now).toBe(known.get(d.step) ?? now);
          known.set(d.step, now);
        }
      }),
      { seed: 5, numRuns: 25 },
    );
  });

  it('steps over what a call calls, out of a callback, and back over both', async () => {
    const d = debug(BUSY, TIGHT);
    const call = BUSY.insns.findIndex(({ opcode, imm }) => opcode === 0x85 && imm === 181);
    await d.runTo([call]);
    const before = picture(d);
    await d.stepOver();
    expect([d.insnIdx, d.depth]).toEqual([call + 1, 0]);
    await d.stepBackOver();
    expect(picture(d)).toBe(before);
    await d.stepInto();
    expect(d.depth).toBe(1);
    expect(d.frames.map(({ insnIdx }) => insnIdx)).toEqual([call, BUSY.subprogs[1]!.start]);
    await d.stepOut();
    expect([d.insnIdx, d.depth]).toEqual([call + 1, 0]);
  });

  it('holds no more memory than its budget, and thins checkpoints instead', async () => {
    const budget = { bytes: 400_000, spacing: 500 };
    const d = debug(LOOP, { budget });
    await d.continue();
    expect(d.ended).toBe(true);
    const expected = traced(LOOP);
    expect(d.length).toBe(expected.length);
    expect(d.recording.bytes).toBeLessThan(budget.bytes);
    expect(d.recording.count).toBeGreaterThan(4);
    expect(d.recording.spacing).toBeGreaterThan(budget.spacing);
    await d.goTo(123_457);
    expect(here(d)).toBe(expected[123_457]);
  });
});

describe('faults and endless programs', () => {
  it('stops before the instruction that faults, at its step, in callbacks too', async () => {
    const wild = program(`
    .func main
    r1 = 1000
    r2 = func[step]
    r3 = r10
    r4 = 0
    call bpf_loop
    r0 = 0
    exit
    .func step static
    r0 = 0
    if r1 < 700 goto out
    r0 = *(u64 *)(r2 +64)
    out: exit`);
    for (const options of [{}, TIGHT]) {
      const d = debug(wild, options);
      const reason = await d.continue();
      expect(reason).toMatchObject({ kind: 'fault', insnIdx: d.insnIdx });
      expect(d.register(1)).toBe(700n);
      expect(wild.insns[d.insnIdx]!.opcode).toBe(0x79);
      const place = d.step;
      await d.stepBack();
      expect(d.step).toBe(place - 1);
      expect(await d.stepInto()).toBe(reason);
      // What faults can be mended: the run then goes on.
      d.edit({ kind: 'register', index: 2, value: d.register(10) - 72n });
      expect((await d.stepInto()).kind).toBe('step');
      expect(d.step).toBe(place + 1);
    }
  });

  it('can be stopped in an endless loop, and in one of callbacks', async () => {
    for (const text of [
      'l: r0 += 1\nif r10 != 0 goto l\nexit',
      '.func main\nr1 = 8000000\nr2 = func[a]\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit\n.func a static\nr1 = 8000000\nr2 = func[b]\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\n.func b static\nr0 = 0\nexit',
    ]) {
      let rests = 0;
      const d = debug(program(text), { rest: async () => ++rests < 2 });
      expect((await d.continue()).kind).toBe('stopped');
      const place = d.step;
      expect(place).toBeGreaterThan(100_000);
      await d.stepInto();
      expect(d.step).toBe(place + 1);
    }
  });
});

describe('exceptions', () => {
  const thrower = program(`
  .func main
  r6 = 3
  r1 = 1
  call deeper
  r0 = 9
  exit
  .func deeper static
  r1 = 77
  call bpf_ktime_get_ns
  exit
  .func handler static
  r0 = r1
  r0 += 1
  exit`);
  const call = thrower.insns.findLastIndex(({ opcode }) => opcode === 0x85);
  const handler = thrower.subprogs.find(({ name }) => name === 'handler')!;

  it.each([
    ['lead to the exception callback', { exceptionCallbacks: ['handler'] }, 78n],
    ['end the program', {}, 77n],
  ])('%s, in both directions', async (_, more, result) => {
    const insns = thrower.insns.map((insn, idx) => (idx === call ? { ...insn, src: 2, imm: 1 } : insn));
    const subject = { ...thrower, ...more, insns, kfuncCalls: new Map([[call, 'bpf_throw']]) };
    const d = debug(subject, TIGHT);
    await d.continue();
    expect([d.ended, d.returnValue]).toEqual([true, result]);
    const end = picture(d);
    const { step } = d;
    await d.stepBack();
    const before = picture(d);
    expect(d.insnIdx).toBe(result === 78n ? handler.start + 2 : call);
    await d.goTo(1);
    await d.goTo(step);
    expect(picture(d)).toBe(end);
    await d.stepBack();
    expect(picture(d)).toBe(before);
  });
});

describe('breakpoints', () => {
  const at = (id: number, insn: number, text: string | null = null) => ({
    id,
    insns: [insn],
    condition: text === null ? null : parseExpression(text),
  });

  it('stop before their instruction, forwards and backwards, where their condition holds', async () => {
    const add = 2;
    const d = debug(LOOP, { budget: { bytes: 1 << 20, spacing: 300 } });
    d.breakpoints = [at(1, add, 'r1 % 10000 == 1')];
    const steps: number[] = [];
    while ((await d.continue()).kind === 'breakpoint') {
      expect([d.insnIdx, d.register(1) % 10_000n]).toEqual([add, 1n]);
      steps.push(d.step);
    }
    expect(steps.length).toBe(4);
    expect(d.ended).toBe(true);
    for (const step of steps.reverse()) {
      expect(await d.reverse()).toEqual({ kind: 'breakpoint', ids: [1] });
      expect(d.step).toBe(step);
    }
    expect((await d.reverse()).kind).toBe('begin');
  });

  it('count hits from the beginning of the run, whichever way one comes', async () => {
    const d = debug(LOOP);
    await d.goTo(1000);
    d.breakpoints = [at(1, 2, 'hits == 100 || hits == 400')];
    await d.continue();
    expect(d.register(1)).toBe(399n);
    await d.reverse();
    expect(d.register(1)).toBe(99n);
    await d.continue();
    expect(d.register(1)).toBe(399n);
  });

  it('in callbacks stop at each call, and say which stopped', async () => {
    const d = debug(BUSY, TIGHT);
    const inner = BUSY.subprogs.find(({ name }) => name === 'inner')!.start;
    d.breakpoints = [at(4, inner), at(5, inner, 'depth == 2 && r1 == 2'), at(6, inner, '*(u64 *)(r10 + 100) == 0')];
    const found: unknown[] = [];
    d.breakpoints = d.breakpoints.slice(0, 2);
    for (let i = 0; i < 18; i++) {
      const reason = await d.continue();
      if (reason.kind === 'breakpoint') found.push(reason.ids.length);
    }
    expect(found).toEqual([1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2]);
    expect((await d.continue()).kind).toBe('ended');
    d.breakpoints = [at(6, inner, '*(u64 *)(r10 + 100) == 0')];
    expect(await d.reverse()).toMatchObject({ kind: 'condition', id: 6 });
  });

  it('watch memory: stop behind the instruction that changed it', async () => {
    const d = debug(LOOP);
    await d.goTo(5);
    const address = Number(d.register(10)) - 8;
    d.watchpoints = [{ id: 9, address, size: 8 }];
    // The first rounds store 0, 1, 3: the store of 0 changes nothing.
    expect(await d.continue()).toMatchObject({ kind: 'watchpoint', id: 9, after: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) });
    expect(await d.continue()).toMatchObject({ kind: 'watchpoint', before: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) });
    expect(d.insnIdx).toBe(4);
    expect(d.register(0)).toBe(3n);
    await d.reverse();
    expect(d.register(0)).toBe(1n);
  });
});

describe('edits', () => {
  it('change what follows, stay where they were made, and are made again when the run passes them', async () => {
    const d = debug(LOOP, { budget: { bytes: 1 << 20, spacing: 300 } });
    await d.continue();
    await d.goTo(4002);
    const before = picture(d);
    d.edit({ kind: 'register', index: 0, value: 1_000_000_000_000n });
    expect(d.length).toBeNull();
    const after = picture(d);
    expect(after).not.toBe(before);
    await d.continue();
    const result = d.vm.maps.get('counts').lookup(new Uint8Array(4))!;
    const plain = machine(LOOP);
    plain.runXdp(PACKET);
    const expected = new DataView(plain.maps.get('counts').lookup(new Uint8Array(4))!.buffer).getBigUint64(0, true);
    const sum = new DataView(result.buffer).getBigUint64(0, true);
    expect(sum - expected).toBe(1_000_000_000_000n - BigInt(JSON.parse(before)[3][0]));
    await d.goTo(4002);
    expect(picture(d)).toBe(after);
    await d.goTo(4001);
    await d.goTo(4002);
    expect(picture(d)).toBe(after);
  });

  it('work inside callbacks, on maps and on memory', async () => {
    const d = debug(BUSY, TIGHT);
    const inner = BUSY.subprogs.find(({ name }) => name === 'inner')!.start;
    await d.runTo([inner]);
    await d.runTo([inner]);
    const key = Uint8Array.of(9, 0, 0, 0);
    d.edit({ kind: 'map', map: 'table', key, value: new Uint8Array(8).fill(5) });
    d.edit({ kind: 'memory', address: Number(d.register(2)), bytes: new Uint8Array(8).fill(1) });
    const place = picture(d);
    const { step } = d;
    await d.stepInto();
    expect(d.register(6)).toBe(0x0101_0101_0101_0101n);
    expect(d.vm.maps.get('table').lookup(key)).toEqual(new Uint8Array(8).fill(5));
    await d.goTo(0);
    expect(d.vm.maps.get('table').lookup(key)).toBeNull();
    await d.goTo(step);
    expect(picture(d)).toBe(place);
  });

  it('at random places of random programs leave a run that is the same in both directions', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = randomSource(seed);
      const subject = seed % 4 === 0 ? BUSY : randomProgram(seed);
      const d = debug(subject, TIGHT);
      await d.goTo(random() % 60);
      if (d.ended) continue;
      d.edit({ kind: 'register', index: random() % 6, value: BigInt(random()) });
      const pictures = new Map<number, string>();
      let moves = 0;
      const keep = (): void => {
        const now = picture(d);
        expect(now).toBe(pictures.get(d.step) ?? now);
        pictures.set(d.step, now);
      };
      keep();
      while (!d.ended && d.reason.kind !== 'fault' && moves++ < 80) {
        await d.stepInto();
        keep();
      }
      for (let back = 0; back < 40; back++) {
        await d.goTo(random() % (d.step + 20));
        keep();
      }
    }
  });
});
