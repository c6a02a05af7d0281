/** Whether a test run of a mended program still gets to the instruction that had been refused. */
import { DW, LDX, MEM, OP_LDDW, PSEUDO_MAP_VALUE, ST, STX, W } from '../../src/bpf/insn.ts';
import { MAP_TYPE_ARRAY } from '../../src/bpf/maps.ts';
import type { Insn, Program } from '../../src/bpf/program.ts';
import type { Kernel } from '../../src/companion/kernel.ts';
import type { VerifyOptions } from '../../src/verifier/api.ts';
import { Env } from '../../src/verifier/env.ts';
import { applyEdit } from '../../src/verifier/explain/edit.ts';
import { runPasses } from '../../src/verifier/verify.ts';
import { type Input, run, runnableAs, steered } from './inputs.ts';
import { fill, keysOf, load } from './load.ts';

const insn = (opcode: number, dst: number, src = 0, off = 0, imm = 0): { insn: Insn } => ({ insn: { opcode, dst, src, off, imm } });

/**
 * The program with a probe before instruction `at`: it writes 1 into an array of its own, through a register that nothing reads later, or
 * through one that is kept on the stack meanwhile. Everything else runs as before.
 */
function probed(program: Program, at: number, live: number): Program {
  const dead = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => !(live & (1 << r)));
  const reg = dead ?? 9;
  const mark = [insn(OP_LDDW, reg, PSEUDO_MAP_VALUE, 0, program.maps.length), insn(0, 0), insn(ST | MEM | W, reg, 0, 0, 1)];
  const insert = dead === undefined ? [insn(STX | MEM | DW, 10, reg, -512), ...mark, insn(LDX | MEM | DW, reg, 10, -512)] : mark;
  const edited = applyEdit(program, { changes: [{ at, remove: 0, insert }] });
  return { ...edited, maps: [...program.maps, { name: 'probe', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 }] };
}

/** `reached` and `missed` say what the runs did, `steered` that only runs with chosen clock and random numbers get there; the others why there was none. */
export type Reach = 'reached' | 'steered' | 'missed' | 'cannot probe' | 'cannot run';

/** Runs the probed program as each type that it can be run as, until a run gets to the instruction. */
export async function reach(
  kernel: Kernel,
  program: Program,
  at: number,
  inputs: readonly Input[],
  options: VerifyOptions,
  needsBtf: boolean,
): Promise<Reach> {
  const plain = await gets(kernel, program, at, inputs, options, needsBtf, false);
  if (plain !== 'missed') return plain;
  const other = steered(program, at);
  if (!other.isSteered) return plain;
  return (await gets(kernel, other.program, other.at, inputs, options, needsBtf, true)) === 'reached' ? 'steered' : plain;
}

async function gets(
  kernel: Kernel,
  program: Program,
  at: number,
  inputs: readonly Input[],
  options: VerifyOptions,
  needsBtf: boolean,
  isSteered: boolean,
): Promise<Reach> {
  const env = new Env(program, options);
  runPasses(env);
  const live = env.liveRegs[at]!;
  const own = await load(kernel, probed(program, at, live), needsBtf);
  if (!own.program) return 'cannot probe';
  await own.program.closeAll();
  const keys = keysOf(program);
  let result: Reach = 'cannot run';
  for (const as of runnableAs(program)) {
    const loaded = await load(kernel, probed(as, at, live), needsBtf);
    if (!loaded.program) continue;
    const { maps } = loaded.program;
    const probe = maps.at(-1)!;
    for (const [i, input] of inputs.entries()) {
      await fill(kernel, maps.slice(0, -1), input.bytes, keys[i % keys.length]);
      if (isSteered) await maps.at(-2)!.update(new Uint8Array(4), new Uint8Array(new BigUint64Array([input.chosen]).buffer));
      if (!(await run(loaded.program, as, input))) continue;
      result = 'missed';
      if ((await probe.lookupIndex(0))[0] === 1) {
        result = 'reached';
        break;
      }
    }
    await loaded.program.closeAll();
    if (result === 'reached') return result;
  }
  return result;
}
