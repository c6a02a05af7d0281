import { ATOMIC, classOf, LD, LDX, modeOf, OP_CALL, ST, STX, sizeOf } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { returnRange } from '../exits.ts';
import { regText } from '../format.ts';
import {
  AUX,
  baseType,
  isPacket,
  MAP_KEY,
  MAP_VALUE,
  MEMORY,
  NOT_INIT,
  OFF,
  REG,
  type Regs,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TYPE,
} from '../reg.ts';
import { toBigSigned } from '../w64.ts';
import type { ExplanationClass } from './classes.ts';
import type { Trace } from './trace.ts';

/** A range in numbers, with the words that a person reads. */
export interface Fact {
  readonly text: string;
  readonly min?: bigint;
  readonly max?: bigint;
}

const BYTES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };

/** Bytes that a load or store touches; 0 for other instructions. */
export function accessSize(insn: Insn): number {
  const cls = classOf(insn);
  return cls === LDX || cls === ST || cls === STX || cls === LD ? BYTES[sizeOf(insn)]! : 0;
}

/** The register whose address a load or store uses, or -1. */
export function addressReg(insn: Insn): number {
  const cls = classOf(insn);
  if (cls === LDX) return insn.src;
  if (cls === ST) return insn.dst;
  if (cls !== STX) return -1;
  return modeOf(insn) === ATOMIC && insn.imm === 0x100 ? insn.src : insn.dst;
}

/** What the access at the failing instruction needs: bytes from the pointer's own position, without its variable part. */
export interface Access {
  readonly reg: number;
  /** Offset and size relative to the register, its variable part left out. */
  readonly off: number;
  readonly size: number;
}

/** The failed access, from the instruction or, for a helper's argument, from what was said. */
export function failedAccess(trace: Trace, reg: number): Access | null {
  if (trace.insnIdx === null || !trace.state || reg < 0 || reg > 10) return null;
  const insn = trace.program.insns[trace.insnIdx]!;
  const base = trace.state.frame.regs;
  if (addressReg(insn) === reg) return { reg, off: insn.off, size: accessSize(insn) };
  if (insn.opcode !== OP_CALL) return null;
  const said = /off=-?\d+ size=(\d+)/.exec(trace.said);
  return { reg, off: 0, size: said ? Number(said[1]) : argumentSize(base, reg) };
}

/** Bytes that a helper touches behind argument `reg` when the message does not say: the size argument that follows. */
function argumentSize(regs: Regs, reg: number): number {
  const b = (reg + 1) * REG;
  if (reg >= 5 || regs[b + TYPE] !== SCALAR) return 1;
  const most = smax(regs, b);
  return most > 0n && most <= 65536n ? Number(most) : 1;
}

export const smin = (r: Regs, b: number): bigint => toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
export const smax = (r: Regs, b: number): bigint => toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!);

/** Bytes of the object behind a pointer, counted from its start; null where the type has no single size. */
export function objectSize(trace: Trace, reg: number): { readonly from: number; readonly to: number } | null {
  const r = trace.state?.frame.regs;
  if (!r) return null;
  const b = reg * REG;
  const type = baseType(r[b + TYPE]!);
  if (type === MAP_VALUE) return { from: 0, to: trace.env.mapAt(r[b + AUX]!).valueSize };
  if (type === MAP_KEY) return { from: 0, to: trace.env.mapAt(r[b + AUX]!).keySize };
  if (type === MEMORY) return { from: 0, to: r[b + AUX]! };
  if (type === STACK) return { from: -512, to: 0 };
  return null;
}

const rangeText = (min: bigint, max: bigint): string => (min === max ? String(min) : `[${min}, ${max}]`);

/** What was known about the register when the program failed. */
export function knownFact(trace: Trace, reg: number): Fact | null {
  const frame = trace.state?.frame;
  if (!frame || reg < 0 || reg > 10) return null;
  const b = reg * REG;
  const type = frame.regs[b + TYPE]!;
  if (type === NOT_INIT) return { text: 'nothing was written to it' };
  const text = regText(trace.env.names, frame.frameno, frame.regs, b).replace(/^P/, '');
  if (type === SCALAR) return { text, min: smin(frame.regs, b), max: smax(frame.regs, b) };
  const access = failedAccess(trace, reg);
  if (!access || !objectSize(trace, reg)) return { text };
  const at = BigInt(access.off + frame.regs[b + OFF]!);
  return { text, min: at + smin(frame.regs, b), max: at + smax(frame.regs, b) };
}

/** What the rule permits, in numbers where it has numbers. */
export function allowedFact(trace: Trace, cls: ExplanationClass, message: string, reg: number): Fact | null {
  const range = /should have been in \[(-?\d+), (-?\d+)\]/.exec(message);
  if (range) {
    const [min, max] = [BigInt(range[1]!), BigInt(range[2]!)];
    return { text: `a return value in ${rangeText(min, max)}`, min, max };
  }
  if (cls === 'return-range') {
    const legal = returnRange(trace.program.progType, trace.env.attachType);
    if (!legal) return { text: 'a number' };
    return { text: `a number in ${rangeText(BigInt(legal[0]), BigInt(legal[1]))}`, min: BigInt(legal[0]), max: BigInt(legal[1]) };
  }
  const expected = /expected=(.*)$/.exec(message);
  if (expected) return { text: `one of: ${expected[1]}` };
  const frame = trace.state?.frame;
  if (!frame || reg < 0 || reg > 10) return null;
  const b = reg * REG;
  const type = frame.regs[b + TYPE]!;
  const access = failedAccess(trace, reg);
  if (isPacket(type) && access) {
    const proven = frame.regs[b + AUX]!;
    const max = BigInt(Math.max(proven, 0) - access.size);
    const needs = `the access needs ${frame.regs[b + OFF]! + access.off + access.size} bytes after the checked pointer`;
    return { text: `${needs}; ${proven > 0 ? `${proven} are` : 'none is'} proved on this path`, min: 0n, max };
  }
  const object = objectSize(trace, reg);
  if (object && access && access.size > 0) {
    const min = BigInt(object.from);
    const max = BigInt(object.to - access.size);
    if (cls === 'index' || cls === 'sign' || cls === 'stack')
      return { text: `an offset in ${rangeText(min, max)} (${object.to - object.from} bytes, access of ${access.size})`, min, max };
  }
  if (cls === 'null-check') return { text: 'a pointer that was compared with 0 on this path' };
  if (cls === 'provenance') return { text: 'a pointer whose origin is known' };
  if (type === SCALAR && cls === 'sign') return { text: 'a value of at least 0', min: 0n };
  return null;
}
