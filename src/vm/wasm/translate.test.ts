import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { rawProgram } from '../conformance.ts';
import { randomProgram, randomSource } from '../testing/random-program.ts';
import { Vm } from '../vm.ts';

const insn = (opcode: number, dst: number, src: number, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });

/** BPFORMER_FUZZ programs of each kind; 120 in a test run. */
const COUNT = Number(process.env.BPFORMER_FUZZ ?? 120);

/** Code whose branches lead anywhere, backwards and into the middle of loops: most control flow is irreducible, some runs fault or never end. */
function randomJumps(seed: number): Insn[] {
  const random = randomSource(seed);
  const below = (n: number) => random() % n;
  const length = 8 + below(40);
  const insns: Insn[] = Array.from({ length: 5 }, (_, reg) => insn(0xb7, reg, 0, 0, below(64)));
  while (insns.length < length) {
    const at = insns.length;
    const anywhere = () => 5 + below(length - 5) - at - 1;
    const dst = below(5);
    switch (below(8)) {
      case 0:
        insns.push(insn(0x05, 0, 0, anywhere()));
        break;
      case 1:
      case 2:
        insns.push(insn(below(2) ? 0xa5 : 0x2e, dst, below(5), anywhere(), below(64)));
        break;
      case 3:
        insns.push(insn(0x73, below(2) ? 10 : dst, dst, -1 - below(520)));
        insns.push(insn(0x71, dst, below(2) ? 10 : dst, -1 - below(520)));
        break;
      case 4:
        insns.push(below(3) ? insn(0x07, dst, 0, 0, 1) : insn(0x95, 0, 0));
        break;
      default:
        insns.push(insn([0x0f, 0x1f, 0xaf, 0x57, 0x2f][below(5)], dst, below(5), 0, below(64)));
    }
  }
  insns.push(insn(0x95, 0, 0));
  return insns;
}

/** What a run comes to: r0 and the number of instructions, or the fault. */
function outcome(insns: readonly Insn[], engine: 'interp' | 'wasm', maxInsns = 2000): string {
  const vm = new Vm({ ...rawProgram(new Uint8Array(0)), insns }, { engine, maxInsns });
  expect(vm.engine).toBe(engine);
  try {
    const { returnValue, insnsExecuted } = vm.runXdp(new Uint8Array(64));
    return `${returnValue} after ${insnsExecuted}`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // The engines look at the budget at different branches of an endless loop.
    return error.message.includes('stopped after') ? 'endless' : error.message;
  }
}

/** A run's result or fault, and everything that it left behind. */
function fullOutcome(vm: Vm, packet: Uint8Array): unknown {
  const maps = () => [...vm.maps].map((map) => map.entries());
  try {
    const { returnValue, insnsExecuted, packet: left } = vm.runXdp(packet);
    return { returnValue, insnsExecuted, left, maps: maps() };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { fault: error.message, maps: maps() };
  }
}

/** Both engines on the same program; what the interpreter says. */
function compareEngines(program: Program, seed: number): { fault?: string }[] {
  const random = randomSource(seed);
  const packets = Array.from({ length: 3 }, () => Uint8Array.from({ length: 60 + (random() % 40) }, () => random()));
  const [interpreted, translated] = (['interp', 'wasm'] as const).map((engine) => {
    const vm = new Vm(program, { engine, maxInsns: 100_000 });
    expect(vm.engine).toBe(engine);
    return packets.map((packet) => fullOutcome(vm, packet));
  });
  expect({ seed, outcomes: translated }).toEqual({ seed, outcomes: interpreted });
  return interpreted as { fault?: string }[];
}

/** Some offsets of memory instructions changed, so that accesses overrun, overlap or lie in another element. */
function spoil(program: Program, seed: number): Program {
  const random = randomSource(seed);
  const isAccess = ({ opcode, dst, src }: Insn) => [1, 2, 3].includes(opcode & 7) && (dst < 10 || src < 10);
  const insns = program.insns.map((each) => (isAccess(each) && random() % 12 === 0 ? { ...each, off: (random() % 400) - 200 } : each));
  return { ...program, insns };
}

describe('translation', () => {
  it('leaves the same r0, packet, maps and count of instructions on programs of every kind of instruction', () => {
    for (let seed = 1; seed <= COUNT; seed++) {
      const outcomes = compareEngines(randomProgram(seed), seed);
      expect(outcomes.every(({ fault }) => fault === undefined)).toBe(true);
    }
  });

  it('faults at the same instruction, with the same effects before it', () => {
    let faults = 0;
    for (let seed = 1; seed <= COUNT; seed++)
      faults += compareEngines(spoil(randomProgram(seed), seed), seed).filter((o) => o.fault).length;
    // Some of the three runs of each program fault, not all.
    expect(faults).toBeGreaterThan(COUNT);
    expect(faults).toBeLessThan(2.85 * COUNT);
  });

  it('agrees with the interpreter on any control flow, faults included', () => {
    const kinds = { returned: 0, endless: 0, faulted: 0 };
    for (let seed = 1; seed <= 4 * COUNT; seed++) {
      const insns = randomJumps(seed);
      const expected = outcome(insns, 'interp');
      expect({ seed, outcome: outcome(insns, 'wasm') }).toEqual({ seed, outcome: expected });
      kinds[expected === 'endless' ? 'endless' : expected.startsWith('insn') ? 'faulted' : 'returned']++;
    }
    // The comparison means something only if every kind occurs.
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(50);
  });

  it.each(['interp', 'wasm'] as const)('stops an endless loop and names its first instruction: %s', (engine) => {
    const vm = new Vm({ ...rawProgram(new Uint8Array(0)), insns: [insn(0x05, 0, 0, -1)] }, { engine, maxInsns: 1000 });
    expect(() => vm.runXdp(new Uint8Array(64))).toThrow(/^insn 0: stopped after 100\d instructions/);
  });

  it('takes deep nests of branches without running out of stack', () => {
    const depth = 10_000;
    const insns: Insn[] = [insn(0xb7, 0, 0, 0, 0)];
    // Every branch leads to the same exit, some way on, so that each nests in the one before it.
    for (let i = 0; i < depth; i++) insns.push(insn(0x15, 0, 0, Math.min(2 * (depth - i) - 1, 20_001), -1), insn(0x07, 0, 0, 0, 1));
    insns.push(insn(0x95, 0, 0));
    expect(outcome(insns, 'wasm', 1e6)).toBe(`${depth} after ${2 * depth + 2}`);
    expect(outcome(insns, 'interp', 1e6)).toBe(`${depth} after ${2 * depth + 2}`);
  });

  it('takes or leaves hostile programs in little time', () => {
    const many = 100_000;
    const hostile: Record<string, Insn[]> = {
      // Accesses through one pointer without an end, all of which one check serves.
      group: [...Array(many).fill(insn(0x61, 0, 1, 4)), insn(0x95, 0, 0)],
      // Every branch leads out of all those before it.
      ladder: [...Array.from({ length: many }, (_, i) => insn(0x15, 0, 0, Math.min(many - i - 1, 32_767), -1)), insn(0x95, 0, 0)],
      // Every second branch leads back, into the middle of a loop.
      tangle: [
        ...Array.from({ length: many }, (_, i) => insn(0x15, 0, 0, i % 2 ? -Math.min(i, 301) : 3, -1)),
        ...Array(4).fill(insn(0x95, 0, 0)),
      ],
    };
    for (const [name, insns] of Object.entries(hostile)) {
      const run = new Vm({ ...rawProgram(new Uint8Array(0)), insns }, { engine: 'wasm' }).runXdp(new Uint8Array(64));
      expect({ name, executed: run.insnsExecuted }).toEqual({ name, executed: many + 1 });
    }
  });

  it('leaves a program that is too large for one WebAssembly function to the interpreter', () => {
    // Every load is through a pointer of its own, which takes a check of its own; all are jumped over.
    const loads = Array(130_000).fill(insn(0x79, 0, 0, 0));
    const insns = [insn(0x15, 1, 0, 1, 0), insn(0x06, 0, 0, 0, loads.length), ...loads, insn(0x95, 0, 0)];
    const vm = new Vm({ ...rawProgram(new Uint8Array(0)), insns }, { engine: 'wasm' });
    expect(vm.engine).toBe('interp');
    expect(vm.runXdp(new Uint8Array(64))).toMatchObject({ returnValue: 0, insnsExecuted: 3 });
  });
});
