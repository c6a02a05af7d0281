import { isRefcounted, markDynptr, NO_SLOT, slotOf } from './dynptr-slots.ts';
import { dynptrName } from './dynptr-text.ts';
import { EINVAL, type Env } from './env.ts';
import { checkMemAccess } from './memory.ts';
import { acquireReference } from './refs.ts';
import { AUX, AUX2, DYNPTR, FRAMENO, ID, REF, REG, STACK, TYPE } from './reg.ts';
import { SLOT_DYNPTR } from './state.ts';

/** Dynptrs as arguments of helpers and kernel functions: pointers to the stack, or, in a callback, the kernel's own. */
const SLOTS = 2;

export interface DynptrArg {
  /** The call makes the dynptr. */
  readonly uninit: boolean;
  /** The call does not change the dynptr itself. */
  readonly readOnly: boolean;
  /** Kind that is made or expected; 0 for any. */
  readonly kind: number;
  /** Reference that a clone shares with its parent. */
  readonly cloneRef: number;
}

/** Kernel `process_dynptr_func`. */
export function checkDynptrArg(env: Env, regno: number, arg: DynptrArg): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  if (type !== STACK && type !== DYNPTR) env.fail(EINVAL, `arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr\n`);
  if (arg.uninit) {
    if (type === DYNPTR || slotOf(env, r, b, 'dynptr', SLOTS) === NO_SLOT) env.fail(EINVAL, 'Dynptr has to be an uninitialized dynptr\n');
    for (let i = 0; i < SLOTS * 8; i += 8) checkMemAccess(env, env.insnIdx, regno, i, 8, 'write', -1, false, false);
    const spi = slotOf(env, r, b, 'dynptr', SLOTS);
    const frame = env.frameOf(r, b);
    markDynptr(env, frame, spi, arg.kind, 0);
    if (!isRefcounted(arg.kind)) return;
    const ref = arg.cloneRef || acquireReference(env, env.insnIdx);
    frame.spills[spi * REG + REF] = ref;
    frame.spills[(spi - 1) * REG + REF] = ref;
    return;
  }
  if (type === DYNPTR && !arg.readOnly) env.fail(EINVAL, 'cannot pass pointer to const bpf_dynptr, the helper mutates it\n');
  if (!isInitialised(env, regno)) env.fail(EINVAL, `Expected an initialized dynptr as arg #${regno - 1}\n`);
  if (arg.kind !== 0 && dynptrAt(env, regno).kind !== arg.kind)
    env.fail(EINVAL, `Expected a dynptr of type ${dynptrName(arg.kind)} as arg #${regno - 1}\n`);
  if (type === DYNPTR) return;
  const spi = slotOf(env, r, b, 'dynptr', SLOTS);
  for (const at of [spi, spi - 1]) {
    env.stackLive.markRead(r[b + FRAMENO]!, env.insnIdx, at);
    env.scratchSlot(at);
  }
}

function isInitialised(env: Env, regno: number): boolean {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + TYPE] === DYNPTR) return true;
  const spi = slotOf(env, r, b, 'dynptr', SLOTS);
  if (spi < 0) return false;
  const { types, spills } = env.frameOf(r, b);
  if (!spills[spi * REG + AUX2]) return false;
  for (let i = 0; i < 8; i++) if (types[spi * 8 + i] !== SLOT_DYNPTR || types[(spi - 1) * 8 + i] !== SLOT_DYNPTR) return false;
  return true;
}

/** The initialised dynptr that a register points to. */
export function dynptrAt(env: Env, regno: number): { readonly id: number; readonly ref: number; readonly kind: number } {
  const r = env.regs;
  const b = regno * REG;
  if (r[b + TYPE] === DYNPTR) return { id: r[b + ID]!, ref: r[b + REF]!, kind: r[b + AUX]! };
  const spi = slotOf(env, r, b, 'dynptr', SLOTS);
  const { spills } = env.frameOf(r, b);
  return { id: spills[spi * REG + ID]!, ref: spills[spi * REG + REF]!, kind: spills[spi * REG + AUX]! };
}
