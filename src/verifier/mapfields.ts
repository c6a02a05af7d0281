import { EINVAL, type Env } from './env.ts';
import { fieldOf } from './fields.ts';
import { AUX, isConst, OFF, REG, VALUE_LO } from './reg.ts';

/** A timer or work queue of a map value, at its one place (kernel `check_map_field_pointer`). */
export function checkMapField(env: Env, regno: number, name: string): void {
  const r = env.regs;
  const b = regno * REG;
  if (!isConst(r, b)) env.fail(EINVAL, `R${regno} doesn't have constant offset. ${name} has to be at the constant offset\n`);
  const map = env.mapAt(r[b + AUX]!);
  const field = fieldOf(map, name);
  if (!field) env.fail(EINVAL, `map '${map.name}' has no valid ${name}\n`);
  const off = r[b + OFF]! + r[b + VALUE_LO]!;
  if (off !== field.byteOff) env.fail(EINVAL, `off ${off} doesn't point to 'struct ${name}' that is at ${field.byteOff}\n`);
}
