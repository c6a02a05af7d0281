import type { Program } from '../../bpf/program.ts';
import type { KernelVersion } from '../api.ts';
import { CfgWalk, computePostorder, findSubprogs, noteFlow } from '../cfg.ts';
import { Env, Rejection } from '../env.ts';
import { computeLiveRegs } from '../liveness.ts';

const ALL = 0x3ff;

/** An environment that knows the program's flow and the registers that are live before each instruction, and has explored nothing. */
export function environmentOf(program: Program, kernel: KernelVersion): Env {
  const env = new Env(program, { kernel, privilege: 'root', logLevel: 0 });
  try {
    findSubprogs(env);
    new CfgWalk(env).run();
    noteFlow(env);
    computePostorder(env);
    computeLiveRegs(env);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    // Of a program that is refused before it is explored, every register counts as live.
    env.liveRegs.fill(ALL);
  }
  return env;
}

/** Registers that are live before each instruction, as bits. */
export const liveRegisters = (program: Program, kernel: KernelVersion): Uint16Array => environmentOf(program, kernel).liveRegs;
