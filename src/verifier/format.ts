import { dynptrName, dynptrText } from './dynptr-text.ts';
import { iteratorText } from './iterators.ts';
import { rangeRules } from './range-rules.ts';
import {
  ADD_CONST,
  ARENA,
  AUX,
  BTF_ID,
  baseType,
  DYNPTR,
  FRAMENO,
  ID,
  INT_MAX,
  INT_MIN,
  isConst,
  isPacket,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MASK_HI,
  MASK_LO,
  MEMORY,
  NON_OWN,
  NOT_INIT,
  OFF,
  PRECISE,
  REF,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TYPE,
  typeName,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { type Frame, MAX_REG, MAX_STACK, SLOT_DYNPTR, SLOT_INVALID, SLOT_ITER, SLOT_SPILL, type State } from './state.ts';
import { toBigSigned, toBigUnsigned } from './w64.ts';

/** What the text of a pointer needs to know about maps and BTF types. */
export interface Names {
  map(mapIdx: number): { readonly name: string; readonly keySize: number; readonly valueSize: number };
  btfType(nameIdx: number): string;
}

/** Small numbers are decimal, others hexadecimal (kernel `verbose_unum`, `verbose_snum`). */
function unum(value: bigint): string {
  return value <= 0xffffn ? String(value) : `0x${value.toString(16)}`;
}

function snum(value: bigint): string {
  return value >= -32768n && value <= 32767n ? String(value) : `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** A tnum as the kernel's messages show it. */
export function tnumText(r: Regs, b: number): string {
  const value = toBigUnsigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!);
  const mask = toBigUnsigned(r[b + MASK_LO]!, r[b + MASK_HI]!);
  if (mask === 0n && !rangeRules.signs) return unum(value);
  return `(0x${value.toString(16)}; 0x${mask.toString(16)})`;
}

function rangesText(r: Regs, b: number): string[] {
  const s32 = (x: number): bigint => (x >= -32768 && x <= 32767 ? BigInt(x) : BigInt(x >>> 0));
  const rows = [
    { name: 'smin', value: toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!), skip: r[b + SMIN_HI] === INT_MIN && r[b + SMIN_LO] === 0 },
    { name: 'smax', value: toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!), skip: r[b + SMAX_HI] === INT_MAX && r[b + SMAX_LO] === -1 },
    { name: 'umin', value: toBigUnsigned(r[b + UMIN_LO]!, r[b + UMIN_HI]!), skip: (r[b + UMIN_LO]! | r[b + UMIN_HI]!) === 0 },
    { name: 'umax', value: toBigUnsigned(r[b + UMAX_LO]!, r[b + UMAX_HI]!), skip: (r[b + UMAX_LO]! & r[b + UMAX_HI]!) === -1 },
    { name: 'smin32', value: s32(r[b + S32_MIN]!), skip: r[b + S32_MIN] === INT_MIN },
    { name: 'smax32', value: s32(r[b + S32_MAX]!), skip: r[b + S32_MAX] === INT_MAX },
    { name: 'umin32', value: BigInt(r[b + U32_MIN]! >>> 0), skip: r[b + U32_MIN] === 0 },
    { name: 'umax32', value: BigInt(r[b + U32_MAX]! >>> 0), skip: r[b + U32_MAX] === -1 },
  ];
  const parts: string[] = [];
  rows.forEach((row, i) => {
    if (row.skip) return;
    const bits = BigInt.asUintN(64, row.value);
    const negative = row.name[0] === 's' && BigInt.asIntN(64, bits) < 0n;
    let text = `${row.name}=`;
    // Equal minima (or maxima) share one number, unless a sign tells them apart.
    for (let j = i + 2; j < rows.length; j += 2) {
      const other = rows[j]!;
      const otherBits = BigInt.asUintN(64, other.value);
      if (other.skip || otherBits !== bits) continue;
      if ((other.name[0] === 's' && BigInt.asIntN(64, otherBits) < 0n) !== negative) continue;
      other.skip = true;
      text += `${other.name}=`;
    }
    parts.push(text + (row.name[0] === 's' ? snum(BigInt.asIntN(64, bits)) : unum(bits)));
  });
  return parts;
}

/** One register as the log shows it (kernel `print_reg_state`). */
export function regText(names: Names, frameno: number, r: Regs, b: number): string {
  const type = r[b + TYPE]!;
  const off = r[b + OFF]!;
  const known = isConst(r, b);
  const prefix = type === SCALAR && r[b + PRECISE] ? 'P' : '';
  if (type === SCALAR && known) return prefix + snum(toBigSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!));
  let text = prefix + typeName(type);
  if (type === ARENA) return text;
  if (type === STACK) {
    if (frameno !== r[b + FRAMENO]) text += `[${r[b + FRAMENO]}]`;
    if (known) return text + snum(BigInt.asIntN(64, toBigSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!) + BigInt(off)));
  }
  const base = baseType(type);
  if (base === BTF_ID) text += names.btfType(r[b + AUX]!);
  const parts: string[] = [];
  const id = r[b + ID]!;
  const delta = id & ADD_CONST ? (off >= 0 ? `+${off}` : String(off)) : '';
  if (id) parts.push(`id=${id & ~ADD_CONST}${delta}`);
  if (r[b + REF]) parts.push(`ref_obj_id=${r[b + REF]}`);
  if (type & NON_OWN) parts.push('non_own_ref');
  if (base === MAP_PTR || base === MAP_VALUE || base === MAP_KEY) {
    const map = names.map(r[b + AUX]!);
    if (map.name) parts.push(`map=${map.name}`);
    parts.push(`ks=${map.keySize},vs=${map.valueSize}`);
  }
  if (type !== SCALAR && off !== 0) parts.push(`off=${snum(BigInt(off))}`);
  if (isPacket(type)) parts.push(`r=${unum(BigInt.asUintN(64, BigInt(r[b + AUX]!)))}`);
  if (base === MEMORY) parts.push(`sz=${unum(BigInt(r[b + AUX]! >>> 0))}`);
  if (type === DYNPTR) parts.push(`type=${dynptrName(r[b + AUX]!)}`);
  if (known) {
    if ((r[b + VALUE_LO]! | r[b + VALUE_HI]!) !== 0) parts.push(`imm=${snum(toBigSigned(r[b + VALUE_LO]!, r[b + VALUE_HI]!))}`);
  } else {
    parts.push(...rangesText(r, b));
    if ((r[b + MASK_LO]! & r[b + MASK_HI]!) !== -1) parts.push(`var_off=${tnumText(r, b)}`);
  }
  return `${text}(${parts.join(',')})`;
}

const SLOT_CHARS = '?rm0dif';

export interface Row {
  readonly name: string;
  readonly text: string;
  readonly regs: Regs | null;
  readonly base: number;
}

/** A stack slot as the log shows it, or null for one that holds nothing. */
function slotRow(names: Names, frame: Frame, spi: number): Row | null {
  let kinds = '';
  let valid = false;
  for (let i = 0; i < 8; i++) {
    const type = frame.types[spi * 8 + i]!;
    if (type !== SLOT_INVALID) valid = true;
    kinds += SLOT_CHARS[type];
  }
  if (!valid) return null;
  const name = `fp${-(spi + 1) * 8}`;
  if (frame.types[spi * 8 + 7] === SLOT_ITER) {
    const text = iteratorText(frame, spi);
    return text === null ? null : { name, text, regs: null, base: 0 };
  }
  if (frame.types[spi * 8 + 7] !== SLOT_SPILL) return { name, text: kinds, regs: null, base: 0 };
  const before = kinds.slice(0, kinds.indexOf('r'));
  return { name, text: before + regText(names, frame.frameno, frame.spills, spi * REG), regs: frame.spills, base: spi * REG };
}

/** Registers and slots of a frame; `wants` limits them to those that changed. */
export function frameRows(names: Names, frame: Frame, wantsReg: (i: number) => boolean, wantsSlot: (i: number) => boolean): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < MAX_REG; i++) {
    if (frame.regs[i * REG + TYPE] === NOT_INIT || !wantsReg(i)) continue;
    rows.push({ name: `R${i}`, text: regText(names, frame.frameno, frame.regs, i * REG), regs: frame.regs, base: i * REG });
  }
  for (let spi = 0; spi < frame.slots; spi++) {
    if (!wantsSlot(spi)) continue;
    // A dynptr is shown once, at its first slot.
    if (frame.types[spi * 8 + 7] === SLOT_DYNPTR) {
      spi++;
      rows.push({ name: `fp${-(spi + 1) * 8}`, text: dynptrText(frame, spi), regs: null, base: 0 });
      continue;
    }
    const row = slotRow(names, frame, spi);
    if (row) rows.push(row);
  }
  if (wantsSlot(MAX_STACK / 8))
    for (const { off, reg } of frame.deep) rows.push({ name: `fp${off}`, text: regText(names, frame.frameno, reg, 0), regs: reg, base: 0 });
  return rows;
}

/** The line of a state (kernel `print_verifier_state`), with its line end. */
export function stateText(
  names: Names,
  state: State,
  frameIdx: number,
  wantsReg: (i: number) => boolean,
  wantsSlot: (i: number) => boolean,
): string {
  const frame = state.frames[frameIdx]!;
  let text = frame.frameno ? ` frame${frame.frameno}:` : '';
  for (const row of frameRows(names, frame, wantsReg, wantsSlot)) text += ` ${row.name}=${row.text}`;
  const refs = state.refs.filter((r) => r.id);
  if (state.refs[0]?.id) text += ` refs=${refs.map((r) => r.id).join(',')}`;
  if (frame.isCallback) text += ' cb';
  if (frame.isAsyncCallback) text += ' async_cb';
  return `${text}\n`;
}

/** Comma-separated registers of a mask: `r0,r6`. */
export function regMaskText(mask: number): string {
  const parts: string[] = [];
  for (let i = 0; i < 32; i++) if (mask & (1 << i)) parts.push(`r${i}`);
  return parts.join(',');
}

/** Comma-separated stack offsets of a 64-slot mask: `-8,-16`. */
export function slotMaskText(lo: number, hi: number): string {
  const parts: string[] = [];
  for (let i = 0; i < 64; i++) if ((i < 32 ? lo >>> i : hi >>> (i - 32)) & 1) parts.push(String(-(i + 1) * 8));
  return parts.join(',');
}
