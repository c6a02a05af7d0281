import { EACCES, type Env } from './env.ts';
import { tnumText } from './format.ts';
import { isConst, OFF, type Regs, TYPE, typeName, VALUE_HI, VALUE_LO } from './reg.ts';

/** A pointer that must be used as it is (kernel `__check_ptr_off_reg`). */
export function checkUnmodified(env: Env, r: Regs, b: number, regno: number, fixedOffOk: boolean): void {
  const name = typeName(r[b + TYPE]!);
  const off = r[b + OFF]!;
  if (off < 0) env.fail(EACCES, `negative offset ${name} ptr R${regno} off=${off} disallowed\n`);
  if (!fixedOffOk && off) env.fail(EACCES, `dereference of modified ${name} ptr R${regno} off=${off} disallowed\n`);
  if (!isConst(r, b) || (r[b + VALUE_LO]! | r[b + VALUE_HI]!) !== 0)
    env.fail(EACCES, `variable ${name} access var_off=${tnumText(r, b)} disallowed\n`);
}
