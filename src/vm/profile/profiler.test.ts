import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { VmFault } from '../fault.ts';
import { randomProgram } from '../testing/random-program.ts';
import { Vm } from '../vm.ts';
import { isConditional } from './blocks.ts';
import { CompiledProfiler } from './compiled.ts';
import { Counters } from './counters.ts';
import { hotLoops } from './loops.ts';
import { type Profile, Profiler } from './profiler.ts';

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => i * 37);

function program(text: string): Program {
  const { program: assembled, diagnostics } = assemble(`.section xdp\n${text}`);
  expect(diagnostics).toEqual([]);
  return assembled!;
}

function profile(subject: Program, events = 1): Profile {
  const profiler = new Profiler(new Vm(subject));
  const compiled = CompiledProfiler.of(new Vm(subject, { engine: 'wasm', counters: Counters.of }))!;
  for (let event = 0; event < events; event++) {
    profiler.run(({ prepareXdp }) => prepareXdp(PACKET));
    compiled.run({ packet: PACKET });
  }
  const found = profiler.result();
  expect(compiled.result()).toEqual(found);
  return found;
}

describe('profiler', () => {
  it('counts each instruction and both ways of each branch as a run that looks at every instruction', () => {
    for (let seed = 1; seed <= 60; seed++) {
      let subject = randomProgram(seed);
      if (seed % 3 === 0) {
        // Spoiled offsets: most such programs fault somewhere.
        const insns = subject.insns.map((insn, idx) =>
          (insn.opcode & 0x60) === 0x60 && (insn.opcode & 7) < 4 && idx % 5 === seed % 5 ? { ...insn, off: insn.off + 4096 } : insn,
        );
        subject = { ...subject, insns };
      }
      const counts = new Float64Array(subject.insns.length);
      const taken = new Float64Array(subject.insns.length);
      let faults = 0;
      let before = -1;
      const vm = new Vm(subject);
      try {
        vm.runTraced(PACKET, ({ insnIdx }) => {
          counts[insnIdx]!++;
          if (before >= 0 && isConditional(subject.insns[before]!) && insnIdx !== before + 1) taken[before]!++;
          before = insnIdx;
        });
      } catch (error) {
        if (!(error instanceof VmFault)) throw error;
        faults++;
        counts[error.insnIdx]!--;
      }
      const found = profile(subject);
      expect([...found.counts]).toEqual([...counts]);
      expect([...found.taken]).toEqual([...taken]);
      expect(found.faults).toBe(faults);
      expect(found.executed).toBe(counts.reduce((a, b) => a + b, 0));
      expect(found.unclaimed).toBe(found.executed);
    }
  });

  it('gives what a shared function executes to whoever called it, and divides only what is left', () => {
    const base = program(`
    .func main
    r1 = 10
    call shared
    r1 = 4
    call shared
    exit
    .func shared static
    r0 = 0
    l: r0 += r1
    r1 -= 1
    if r1 != 0 goto l
    exit`);
    const origins = ['a', 'b', 'both'].map((label, nodeIdx) => ({ kind: 'node' as const, nodeIdx, label }));
    const serves = [[0], [0], [1], [1], [0, 1], ...Array.from({ length: 5 }, () => [0, 1])];
    const found = profile({ ...base, origins, insnOrigins: serves }, 3);
    // Each event: 1 + 10 · 3 + 1 in the first call, 1 + 4 · 3 + 1 in the second, two each in main, and the shared exit.
    expect([...found.byOrigin]).toEqual([3 * (2 + 32 + 0.5), 3 * (2 + 14 + 0.5), 0]);
    expect([found.divided, found.unclaimed, found.executed]).toEqual([3, 0, 3 * 51]);
    expect(found.events).toBe(3);
  });

  it('tells whom callbacks and what they call serve, alike in the interpreter and in WebAssembly', () => {
    const base = program(`
    .map values array 4 8 3
    .func main
    r1 = 4
    r2 = func[round]
    r3 = 0
    r4 = 0
    call bpf_loop
    r1 = map[values]
    r2 = func[element]
    r3 = 0
    r4 = 0
    call bpf_for_each_map_elem
    r1 = 3
    r2 = func[round]
    *(u64 *)(r10 -8) = r2
    r2 = *(u64 *)(r10 -8)
    r3 = 0
    r4 = 0
    call bpf_loop
    exit
    .func round static
    call shared
    r0 = 0
    exit
    .func element static
    r1 = *(u32 *)(r2 +0)
    call shared
    r0 = 0
    exit
    .func shared static
    r0 = r1
    if r1 > 1 goto more
    r0 += 1
    more: exit`);
    const origins = ['a', 'b', 'both'].map((label, nodeIdx) => ({ kind: 'node' as const, nodeIdx, label }));
    const at = (name: string): number => base.subprogs.find((sub) => sub.name === name)!.start;
    const serves = base.insns.map((_, idx) => (idx >= at('round') ? [0, 1] : idx < 6 ? [0] : idx < 13 ? [1] : [2]));
    const found = profile({ ...base, origins, insnOrigins: serves }, 2);
    expect(found.divided).toBe(2 * (3 * 3 + 4 + 4 + 3));
    expect(found.executed).toBe([...found.byOrigin].reduce((a, b) => a + b, 0));
  });

  it('counts what ran before a fault that the interpreter takes over, and whom it served', () => {
    const base = program(`
    r6 = 1
    r1 = r10
    r1 += -8
    call touch
    r1 = r10
    r1 += -3
    call touch
    exit
    .func touch static
    r0 = *(u8 *)(r1 +0)
    if r0 != 0 goto out
    r0 += 1
    out:
    r2 = *(u32 *)(r1 +2)
    exit`);
    const origins = ['a', 'b'].map((label, nodeIdx) => ({ kind: 'node' as const, nodeIdx, label }));
    const serves = base.insns.map((_, idx) => (idx < 4 ? [0] : idx < 8 ? [1] : [0, 1]));
    const found = profile({ ...base, origins, insnOrigins: serves });
    expect([found.faults, [...found.byOrigin], found.executed]).toEqual([1, [4 + 5, 3 + 3], 15]);
  });

  it('finds loops with their iterations and what they execute, the inner one first', () => {
    const subject = program(`
    r6 = 5
    outer: r7 = 7
    inner: r0 += r7
    r7 -= 1
    if r7 != 0 goto inner
    r6 -= 1
    if r6 != 0 goto outer
    if r6 != 0 goto never
    exit
    never: r0 = 1
    goto never`);
    const found = profile(subject, 2);
    const loops = hotLoops(encodeInsns(subject.insns), [0], found);
    expect(loops).toEqual([
      { head: 1, from: 1, to: 6, entries: 2, iterations: 8, executed: 2 * (5 + 105 + 10), depth: 0 },
      { head: 2, from: 2, to: 4, entries: 10, iterations: 60, executed: 210, depth: 1 },
    ]);
  });
});
