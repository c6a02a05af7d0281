import { LDX, MEM, modeOf, ST, STX } from '../bpf/insn.ts';
import type { MapDef, ValueField } from '../bpf/program.ts';
import { EACCES, type Env } from './env.ts';
import { checkKptrType, kptrIndex, loadedFlags } from './kptrs.ts';
import {
  AUX,
  BTF_ID,
  ID,
  isConst,
  isNull,
  MAYBE_NULL,
  MEMORY,
  markPointer,
  REG,
  type Regs,
  SMIN_HI,
  SMIN_LO,
  UMAX_HI,
  UMAX_LO,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { toBigUnsigned, toSigned, toUnsigned } from './w64.ts';

/** Kernel objects inside map values: locks, timers, pointers to kernel objects (kernel `btf_record`). */

const SPIN_LOCK_SIZE = 4;

/** Fields of a map's values; most maps have none. */
export function fieldsOf(map: MapDef): readonly ValueField[] {
  if (map.spinLockOff === undefined) return map.fields ?? NONE;
  return [{ kind: 'bpf_spin_lock', byteOff: map.spinLockOff, size: SPIN_LOCK_SIZE }, ...(map.fields ?? NONE)];
}

const NONE: readonly ValueField[] = [];

/** The one field of a kind in a map's values. */
export const fieldOf = (map: MapDef, kind: string): ValueField | undefined => map.fields?.find((field) => field.kind === kind);

/** A spin lock that can fail. */
export const RES_LOCK = 'bpf_res_spin_lock';

export const isKptr = ({ kind }: ValueField): boolean =>
  kind === 'kptr_untrusted' || kind === 'kptr' || kind === 'percpu_kptr' || kind === 'uptr';

/** No access may touch a field, but a load or store of a pointer that hits it exactly (the end of kernel `check_map_access`). */
export function checkFields(env: Env, map: MapDef, r: Regs, b: number, off: number, size: number, isDirect: boolean): void {
  const fields = fieldsOf(map);
  if (fields.length === 0) return;
  const min = toSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!) + off;
  const max = toUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!) + off + size;
  for (const field of fields) {
    const at = field.byteOff;
    if (min >= at + field.size || at >= max) continue;
    if (!isKptr(field)) env.fail(EACCES, `${field.kind} cannot be accessed directly by load/store\n`);
    const name = field.kind === 'uptr' ? 'uptr' : 'kptr';
    if (!isDirect) env.fail(EACCES, `${name} cannot be accessed indirectly by helper\n`);
    if (!isConst(r, b)) env.fail(EACCES, `${name} access cannot have variable offset\n`);
    const to = BigInt.asUintN(64, BigInt(off) + toBigUnsigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!));
    if (to !== BigInt(at)) env.fail(EACCES, `${name} access misaligned expected=${at} off=${to}\n`);
    if (size !== 8) env.fail(EACCES, `${name} access size must be BPF_DW\n`);
  }
}

/** The pointer that an access at a constant offset meets. */
export function kptrAt(map: MapDef, r: Regs, b: number, off: number): ValueField | undefined {
  if (!map.fields || !isConst(r, b)) return undefined;
  const at = off + toSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!);
  return map.fields.find((field) => isKptr(field) && field.byteOff === at);
}

/**
 * A load or store of a whole kernel pointer (kernel `check_map_kptr_access`). What is loaded may be null and is not trusted; of
 * stores only those of null to untrusted fields are accepted, for the types of kernel objects are not known here.
 */
export function accessKptr(env: Env, field: ValueField, value: number): void {
  const insn = env.insns[env.insnIdx]!;
  const cls = insn.opcode & 7;
  const r = env.regs;
  if (modeOf(insn) !== MEM) env.fail(EACCES, 'kptr in map can only be accessed using BPF_MEM instruction mode\n');
  if (cls !== LDX && (field.kind === 'kptr' || field.kind === 'percpu_kptr')) env.fail(EACCES, 'store to referenced kptr disallowed\n');
  if (cls !== LDX && field.kind === 'uptr') env.fail(EACCES, 'store to uptr disallowed\n');
  if (cls === LDX) {
    if (field.kind === 'uptr') {
      markPointer(r, value * REG, MEMORY | MAYBE_NULL);
      r[value * REG + AUX] = field.targetSize ?? 0;
      r[value * REG + ID] = env.newId();
      return;
    }
    markPointer(r, value * REG, BTF_ID | loadedFlags(env, field));
    const target = kptrIndex(env, field);
    if (field.targetSize !== undefined) env.btfSizes.set(target, field.targetSize);
    r[value * REG + AUX] = target;
    r[value * REG + ID] = env.newId();
  } else if (cls === STX && !isNull(r, value * REG)) {
    checkKptrType(env, field, value);
  } else if (cls === ST && insn.imm !== 0) {
    env.fail(EACCES, `BPF_ST imm must be 0 when storing to kptr at off=${field.byteOff}\n`);
  }
}
