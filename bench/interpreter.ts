// Millions of instructions a second that the interpreter executes, best of several rounds: `npm run long interpreter`.
import type { Insn, MapDef, Program } from '../src/bpf/program.ts';
import { rawProgram } from '../src/vm/conformance.ts';
import { Vm } from '../src/vm/vm.ts';

const insn = (opcode: number, dst: number, src: number, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const movImm = (dst: number, imm: number) => insn(0xb7, dst, 0, 0, imm);
const exit = insn(0x95, 0, 0);

function program(insns: readonly Insn[], maps: readonly MapDef[] = []): Program {
  return { ...rawProgram(new Uint8Array(0)), insns, maps };
}

/** Additions, shifts, multiplications and exclusive-ors in a loop. */
function arithmetic(rounds: number): Program {
  return program([
    movImm(0, 1),
    movImm(1, 0x1234567),
    movImm(2, 0),
    insn(0x2f, 0, 1), // r0 *= r1
    insn(0x0f, 0, 2), // r0 += r2
    insn(0xbf, 3, 0),
    insn(0x77, 3, 0, 0, 17), // r3 >>= 17
    insn(0xaf, 0, 3), // r0 ^= r3
    insn(0x07, 2, 0, 0, 1), // r2 += 1
    insn(0xa5, 2, 0, -7, rounds), // if r2 < rounds goto -7
    exit,
  ]);
}

/** The inner loop of a compiled model: a pair of activations, four weights, four accumulators. */
function dot(rounds: number): Program {
  const data: MapDef = {
    name: 'data',
    type: 2,
    keySize: 4,
    valueSize: 4096,
    maxEntries: 1,
    flags: 0,
    data: Uint8Array.from({ length: 4096 }, (_, i) => i * 7),
  };
  const body: Insn[] = [];
  for (let k = 0; k < 16; k++) {
    body.push(insn(0x79, 3, 1, k * 8));
    for (let row = 0; row < 4; row++) {
      body.push(insn(row % 2 ? 0x71 : 0x91, 4, 1, 1024 + row * 64 + k), insn(0x2f, 4, 3), insn(0x0f, 6 + row, 4));
    }
  }
  const setup = [insn(0x18, 1, 2), insn(0, 0, 0), ...[0, 2, 5, 6, 7, 8, 9].map((r) => movImm(r, 0))];
  return program([...setup, ...body, insn(0x07, 2, 0, 0, 1), insn(0xa5, 2, 0, -body.length - 2, rounds), exit], [data]);
}

/** Loads and stores of all widths on the stack, with a branch that is taken every other time. */
function mixed(rounds: number): Program {
  return program([
    movImm(2, 0),
    movImm(0, 0),
    insn(0x7b, 10, 2, -8),
    insn(0x61, 3, 10, -8),
    insn(0x69, 4, 10, -6),
    insn(0x73, 10, 3, -16),
    insn(0x0c, 3, 4),
    insn(0x45, 3, 0, 2, 1), // if r3 & 1 goto +2
    insn(0x07, 0, 0, 0, 3),
    insn(0x05, 0, 0, 1),
    insn(0x1f, 0, 3),
    insn(0x07, 2, 0, 0, 1),
    insn(0xa5, 2, 0, -11, rounds),
    exit,
  ]);
}

/** Millions of instructions a second, by engine and loop. */
export default function measure(): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const engine of ['interp', 'wasm'] as const) {
    for (const [name, build] of Object.entries({ arithmetic, dot, mixed })) {
      let best = 0;
      // Short runs, many of them: on a busy machine the best one had a processor to itself.
      const vm = new Vm(build(name === 'dot' ? 3000 : 50_000), { engine });
      for (let round = 0; round < 200; round++) {
        const before = performance.now();
        const { insnsExecuted } = vm.runXdp(new Uint8Array(64));
        best = Math.max(best, insnsExecuted / (performance.now() - before) / 1000);
      }
      figures[`${engine} ${name}`] = Math.round(best);
    }
  }
  return figures;
}
