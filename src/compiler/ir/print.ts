import type { AluOp, Cmp, IrInst, Operand, Terminator } from './ir.ts';

const ALU: Readonly<Record<AluOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  sdiv: 's/',
  mod: '%',
  smod: 's%',
  and: '&',
  or: '|',
  xor: '^',
  lsh: '<<',
  rsh: '>>',
  arsh: 's>>',
};
const CMP: Readonly<Record<Cmp, string>> = {
  eq: '==',
  ne: '!=',
  ugt: '>',
  uge: '>=',
  ult: '<',
  ule: '<=',
  sgt: 's>',
  sge: 's>=',
  slt: 's<',
  sle: 's<=',
  set: '&',
};

const operand = (value: Operand): string => ('reg' in value ? `v${value.reg}` : `${value.imm}`);
const place = (base: number, off: number): string => `[v${base}${off === 0 ? '' : off < 0 ? ` - ${-off}` : ` + ${off}`}]`;
const result = (dst: number | null): string => (dst === null ? '' : `v${dst} = `);
/** 32-bit operations are marked, as 64 is the width of everything else. */
const width = (bits: 32 | 64): string => (bits === 32 ? ' (32)' : '');

/** An operation in words: `v3 = v1 + v2`. */
export function formatInst(inst: IrInst): string {
  switch (inst.op) {
    case 'const':
      return `v${inst.dst} = ${inst.value}`;
    case 'mov':
      return `v${inst.dst} = ${operand(inst.src)}${width(inst.width)}`;
    case 'alu':
      return `v${inst.dst} = ${operand(inst.a)} ${ALU[inst.alu]} ${operand(inst.b)}${width(inst.width)}`;
    case 'sext':
      return `v${inst.dst} = s${inst.bits} v${inst.src}${width(inst.width ?? 64)}`;
    case 'bswap':
      return `v${inst.dst} = ${inst.to}${inst.bits} v${inst.src}`;
    case 'load':
      return `v${inst.dst} = load ${inst.signed ? 's' : 'u'}${inst.size * 8} ${place(inst.base, inst.off)}`;
    case 'store':
      return `store u${inst.size * 8} ${place(inst.base, inst.off)}, ${operand(inst.src)}`;
    case 'atomic': {
      const expected = inst.expected ? `, if ${operand(inst.expected)}` : '';
      return `${result(inst.dst)}atomic ${inst.atomic} u${inst.size * 8} ${place(inst.base, inst.off)}, v${inst.src}${expected}`;
    }
    case 'symbolAddr':
      return `v${inst.dst} = &${inst.symbol}${inst.off === 0 ? '' : ` + ${inst.off}`}`;
    case 'mapPtr':
      return `v${inst.dst} = map[${inst.map}]`;
    case 'mapValue':
      return `v${inst.dst} = map[${inst.map}][${inst.off}]`;
    case 'stackAddr':
      return `v${inst.dst} = stack slot ${inst.slot}${inst.off ? ` + ${inst.off}` : ''}`;
    case 'funcAddr':
      return `v${inst.dst} = &${inst.func}`;
    case 'asm':
      return `${result(inst.dst)}asm "${inst.text}" (${inst.uses.map((reg) => `v${reg}`).join(', ')})`;
    case 'callHelper':
      return `${result(inst.dst)}call ${inst.helper}(${inst.args.map(operand).join(', ')})`;
    case 'call':
      return `${result(inst.dst)}call ${inst.func}(${inst.args.map(operand).join(', ')})`;
  }
}

export function formatTerm(term: Terminator): string {
  if (term.op === 'jump') return `goto b${term.to}`;
  if (term.op === 'mayGoto') return `may goto b${term.exit} else b${term.next}`;
  if (term.op === 'ret') return `exit ${term.value ? operand(term.value) : '0'}`;
  return `if ${operand(term.a)} ${CMP[term.cmp]} ${operand(term.b)}${width(term.width)} goto b${term.ifTrue} else b${term.ifFalse}`;
}
