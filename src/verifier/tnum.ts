import { MASK_HI, MASK_LO, type Regs, VALUE_HI, VALUE_LO } from './reg.ts';
import { fls64, H, mul64, shl64, shr64, ult } from './w64.ts';

/**
 * Tristate numbers (known bits in `value`, unknown ones in `mask`) in the tnum fields of a register. Each operation reads
 * two registers and writes the first. Definitions: Vishwanathan et al., "Sound, precise, and fast abstract interpretation
 * with tristate numbers" (CGO 2022); multiplication as Linux 6.18 has it.
 */
export function setTnum(r: Regs, b: number, vl: number, vh: number, ml: number, mh: number): void {
  r[b + VALUE_LO] = vl;
  r[b + VALUE_HI] = vh;
  r[b + MASK_LO] = ml;
  r[b + MASK_HI] = mh;
}

export function tnumCopy(d: Regs, db: number, s: Regs, sb: number): void {
  d[db + VALUE_LO] = s[sb + VALUE_LO]!;
  d[db + VALUE_HI] = s[sb + VALUE_HI]!;
  d[db + MASK_LO] = s[sb + MASK_LO]!;
  d[db + MASK_HI] = s[sb + MASK_HI]!;
}

/** The smallest tnum that holds all of [min, max] (unsigned). */
export function tnumRange(d: Regs, db: number, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  const bits = fls64(minLo ^ maxLo, minHi ^ maxHi);
  if (bits > 63) {
    setTnum(d, db, 0, 0, -1, -1);
    return;
  }
  const ml = bits >= 32 ? -1 : (1 << bits) - 1;
  const mh = bits > 32 ? (1 << (bits - 32)) - 1 : 0;
  setTnum(d, db, minLo & ~ml, minHi & ~mh, ml, mh);
}

export function tnumAdd(d: Regs, db: number, s: Regs, sb: number): void {
  const aml = d[db + MASK_LO]!;
  const amh = d[db + MASK_HI]!;
  const bml = s[sb + MASK_LO]!;
  const bmh = s[sb + MASK_HI]!;
  const svl = (d[db + VALUE_LO]! + s[sb + VALUE_LO]!) | 0;
  const svh = (d[db + VALUE_HI]! + s[sb + VALUE_HI]! + (svl >>> 0 < d[db + VALUE_LO]! >>> 0 ? 1 : 0)) | 0;
  const sml = (aml + bml) | 0;
  const smh = (amh + bmh + (sml >>> 0 < aml >>> 0 ? 1 : 0)) | 0;
  const sgl = (sml + svl) | 0;
  const sgh = (smh + svh + (sgl >>> 0 < sml >>> 0 ? 1 : 0)) | 0;
  const ml = (sgl ^ svl) | aml | bml;
  const mh = (sgh ^ svh) | amh | bmh;
  setTnum(d, db, svl & ~ml, svh & ~mh, ml, mh);
}

export function tnumSub(d: Regs, db: number, s: Regs, sb: number): void {
  const avl = d[db + VALUE_LO]!;
  const aml = d[db + MASK_LO]!;
  const amh = d[db + MASK_HI]!;
  const bvl = s[sb + VALUE_LO]!;
  const bml = s[sb + MASK_LO]!;
  const bmh = s[sb + MASK_HI]!;
  const dvl = (avl - bvl) | 0;
  const dvh = (d[db + VALUE_HI]! - s[sb + VALUE_HI]! - (avl >>> 0 < bvl >>> 0 ? 1 : 0)) | 0;
  const al = (dvl + aml) | 0;
  const ah = (dvh + amh + (al >>> 0 < dvl >>> 0 ? 1 : 0)) | 0;
  const bl = (dvl - bml) | 0;
  const bh = (dvh - bmh - (dvl >>> 0 < bml >>> 0 ? 1 : 0)) | 0;
  const ml = (al ^ bl) | aml | bml;
  const mh = (ah ^ bh) | amh | bmh;
  setTnum(d, db, dvl & ~ml, dvh & ~mh, ml, mh);
}

export function tnumAnd(d: Regs, db: number, s: Regs, sb: number): void {
  const avl = d[db + VALUE_LO]!;
  const avh = d[db + VALUE_HI]!;
  const bvl = s[sb + VALUE_LO]!;
  const bvh = s[sb + VALUE_HI]!;
  const vl = avl & bvl;
  const vh = avh & bvh;
  const ml = (avl | d[db + MASK_LO]!) & (bvl | s[sb + MASK_LO]!) & ~vl;
  const mh = (avh | d[db + MASK_HI]!) & (bvh | s[sb + MASK_HI]!) & ~vh;
  setTnum(d, db, vl, vh, ml, mh);
}

export function tnumOr(d: Regs, db: number, s: Regs, sb: number): void {
  const vl = d[db + VALUE_LO]! | s[sb + VALUE_LO]!;
  const vh = d[db + VALUE_HI]! | s[sb + VALUE_HI]!;
  setTnum(d, db, vl, vh, (d[db + MASK_LO]! | s[sb + MASK_LO]!) & ~vl, (d[db + MASK_HI]! | s[sb + MASK_HI]!) & ~vh);
}

export function tnumXor(d: Regs, db: number, s: Regs, sb: number): void {
  const ml = d[db + MASK_LO]! | s[sb + MASK_LO]!;
  const mh = d[db + MASK_HI]! | s[sb + MASK_HI]!;
  setTnum(d, db, (d[db + VALUE_LO]! ^ s[sb + VALUE_LO]!) & ~ml, (d[db + VALUE_HI]! ^ s[sb + VALUE_HI]!) & ~mh, ml, mh);
}

export function tnumIntersect(d: Regs, db: number, s: Regs, sb: number): void {
  const ml = d[db + MASK_LO]! & s[sb + MASK_LO]!;
  const mh = d[db + MASK_HI]! & s[sb + MASK_HI]!;
  setTnum(d, db, (d[db + VALUE_LO]! | s[sb + VALUE_LO]!) & ~ml, (d[db + VALUE_HI]! | s[sb + VALUE_HI]!) & ~mh, ml, mh);
}

/** Long multiplication over the bits of the first operand; an unknown bit joins the sum with and without it. */
export function tnumMul(d: Regs, db: number, s: Regs, sb: number): void {
  let avl = d[db + VALUE_LO]!;
  let avh = d[db + VALUE_HI]!;
  let aml = d[db + MASK_LO]!;
  let amh = d[db + MASK_HI]!;
  let bvl = s[sb + VALUE_LO]!;
  let bvh = s[sb + VALUE_HI]!;
  let bml = s[sb + MASK_LO]!;
  let bmh = s[sb + MASK_HI]!;
  if ((aml | amh | bml | bmh) === 0) {
    d[db + VALUE_LO] = mul64(avl, avh, bvl, bvh);
    d[db + VALUE_HI] = H.hi;
    return;
  }
  let vl = 0;
  let vh = 0;
  let ml = 0;
  let mh = 0;
  while ((avl | avh | aml | amh) !== 0) {
    if ((avl | aml) & 1) {
      let sl = (vl + bvl) | 0;
      let sh = (vh + bvh + (sl >>> 0 < vl >>> 0 ? 1 : 0)) | 0;
      const tl = (ml + bml) | 0;
      const th = (mh + bmh + (tl >>> 0 < ml >>> 0 ? 1 : 0)) | 0;
      const ul = (tl + sl) | 0;
      const uh = (th + sh + (ul >>> 0 < tl >>> 0 ? 1 : 0)) | 0;
      let nl = (ul ^ sl) | ml | bml;
      let nh = (uh ^ sh) | mh | bmh;
      sl &= ~nl;
      sh &= ~nh;
      if ((avl & 1) === 0) {
        nl |= (vl ^ sl) | ml;
        nh |= (vh ^ sh) | mh;
        sl &= vl & ~nl;
        sh &= vh & ~nh;
      }
      vl = sl;
      vh = sh;
      ml = nl;
      mh = nh;
      // Nothing known is left: further sums and joins cannot change that.
      if ((ml & mh) === -1) break;
    }
    avl = (avl >>> 1) | (avh << 31);
    avh >>>= 1;
    aml = (aml >>> 1) | (amh << 31);
    amh >>>= 1;
    bvh = (bvh << 1) | (bvl >>> 31);
    bvl <<= 1;
    bmh = (bmh << 1) | (bml >>> 31);
    bml <<= 1;
  }
  setTnum(d, db, vl, vh, ml, mh);
}

export function tnumLsh(d: Regs, db: number, n: number): void {
  const vl = shl64(d[db + VALUE_LO]!, d[db + VALUE_HI]!, n);
  const vh = H.hi;
  const ml = shl64(d[db + MASK_LO]!, d[db + MASK_HI]!, n);
  setTnum(d, db, vl, vh, ml, H.hi);
}

export function tnumRsh(d: Regs, db: number, n: number): void {
  const vl = shr64(d[db + VALUE_LO]!, d[db + VALUE_HI]!, n);
  const vh = H.hi;
  const ml = shr64(d[db + MASK_LO]!, d[db + MASK_HI]!, n);
  setTnum(d, db, vl, vh, ml, H.hi);
}

/** Keeps the low `size` bytes. */
export function tnumCast(d: Regs, db: number, size: number): void {
  if (size >= 8) return;
  d[db + VALUE_HI] = 0;
  d[db + MASK_HI] = 0;
  if (size < 4) {
    const keep = (1 << (size * 8)) - 1;
    d[db + VALUE_LO]! &= keep;
    d[db + MASK_LO]! &= keep;
  }
}

function swap32(x: number): number {
  return ((x & 0xff) << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/** Byte order reversed in the low 16, 32 or 64 bits; the rest becomes 0. */
export function tnumByteSwap(d: Regs, db: number, bits: number): void {
  const vl = d[db + VALUE_LO]!;
  const ml = d[db + MASK_LO]!;
  if (bits === 16) setTnum(d, db, swap32(vl) >>> 16, 0, swap32(ml) >>> 16, 0);
  else if (bits === 32) setTnum(d, db, swap32(vl), 0, swap32(ml), 0);
  else setTnum(d, db, swap32(d[db + VALUE_HI]!), swap32(vl), swap32(d[db + MASK_HI]!), swap32(ml));
}

/** Every value of `inner` is a value of `outer`. */
export function tnumIn(outer: Regs, ob: number, inner: Regs, ib: number): boolean {
  const oml = outer[ob + MASK_LO]!;
  const omh = outer[ob + MASK_HI]!;
  if ((inner[ib + MASK_LO]! & ~oml) !== 0 || (inner[ib + MASK_HI]! & ~omh) !== 0) return false;
  return outer[ob + VALUE_LO] === (inner[ib + VALUE_LO]! & ~oml) && outer[ob + VALUE_HI] === (inner[ib + VALUE_HI]! & ~omh);
}

/** Some value is in both; `subreg` looks at the low 32 bits. */
export function tnumOverlap(a: Regs, ab: number, b: Regs, bb: number, subreg: boolean): boolean {
  const known = ~a[ab + MASK_LO]! & ~b[bb + MASK_LO]!;
  if (((a[ab + VALUE_LO]! ^ b[bb + VALUE_LO]!) & known) !== 0) return false;
  if (subreg) return true;
  const knownHi = ~a[ab + MASK_HI]! & ~b[bb + MASK_HI]!;
  return ((a[ab + VALUE_HI]! ^ b[bb + VALUE_HI]!) & knownHi) === 0;
}

/** The smallest value of the tnum above `z`; its largest or smallest one when `z` lies outside. High half in `H.hi`. */
export function tnumStep(r: Regs, b: number, zl: number, zh: number): number {
  const vl = r[b + VALUE_LO]!;
  const vh = r[b + VALUE_HI]!;
  const ml = r[b + MASK_LO]!;
  const mh = r[b + MASK_HI]!;
  const maxLo = vl | ml;
  const maxHi = vh | mh;
  if (!ult(zl, zh, maxLo, maxHi)) {
    H.hi = maxHi;
    return maxLo;
  }
  if (ult(zl, zh, vl, vh)) {
    H.hi = vh;
    return vl;
  }
  const jl = vl | (zl & ml);
  const jh = vh | (zh & mh);
  const up = ult(zl, zh, jl, jh);
  // The highest known bit in which z and its nearest member differ decides which higher unknown bits are kept from z.
  const pl = up ? ~zl & vl & ~ml : zl & ~vl & ~ml;
  const ph = up ? ~zh & vh & ~mh : zh & ~vh & ~mh;
  const k = fls64(pl, ph);
  const keepLo = shl64(-1, -1, k);
  const keepHi = H.hi;
  if (up) {
    H.hi = (keepHi & zh) | (~keepHi & vh);
    return (keepLo & zl) | (~keepLo & vl);
  }
  // Known bits above are all ones so that the carry of + 2^k runs through them to the next unknown bit.
  const wl = (keepLo & ml & zl) | (keepLo & ~ml);
  const wh = (keepHi & mh & zh) | (keepHi & ~mh);
  const oneLo = shl64(1, 0, k);
  const oneHi = H.hi;
  const sumLo = (wl + oneLo) | 0;
  const sumHi = (wh + oneHi + (sumLo >>> 0 < wl >>> 0 ? 1 : 0)) | 0;
  H.hi = (sumHi & mh) | vh;
  return (sumLo & ml) | vl;
}
