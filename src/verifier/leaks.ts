import { EACCES, type Env } from './env.ts';
import { REG, SCALAR, TYPE } from './reg.ts';

/** Registers that hold an address which a program without CAP_PERFMON may not learn (kernel `is_pointer_value`). */
export function wouldLeak(env: Env, regno: number): boolean {
  return !env.rules.leaksPointers && env.regs[regno * REG + TYPE] !== SCALAR;
}

/** A register whose value goes where the program, or somebody else, could read it as a number. */
export function keepSecret(env: Env, regno: number, where: string): void {
  if (regno >= 0 && wouldLeak(env, regno)) env.fail(EACCES, `R${regno} leaks addr ${where}\n`);
}
