import { OP_LDDW, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../bpf/insn.ts';
import type { Insn, MapDef, Program } from '../bpf/program.ts';

export interface Linked {
  /** The main program, the others' instructions behind its own. */
  readonly program: Program;
  /** Instruction where each program begins, the main one first. */
  readonly starts: readonly number[];
}

/** Puts programs that call each other through program arrays into one, with the maps that they share by name. */
export function linkPrograms(main: Program, others: readonly Program[], extraMaps: readonly MapDef[] = []): Linked {
  if (others.length === 0 && extraMaps.length === 0) return { program: main, starts: [0] };
  const insns: Insn[] = [...main.insns];
  const maps: MapDef[] = [...main.maps];
  const kfuncCalls = new Map(main.kfuncCalls);
  const starts = [0];
  for (const other of others) {
    const start = insns.length;
    const numbers = other.maps.map((def) => {
      const known = maps.findIndex((map) => map === def || (def.name !== '' && map.name === def.name));
      return known >= 0 ? known : maps.push(def) - 1;
    });
    for (const insn of other.insns) {
      const namesMap = insn.opcode === OP_LDDW && (insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE);
      insns.push(namesMap ? { ...insn, imm: numbers[insn.imm] } : insn);
    }
    for (const [insnIdx, name] of other.kfuncCalls) kfuncCalls.set(start + insnIdx, name);
    starts.push(start);
  }
  return { program: { ...main, insns, maps: [...maps, ...extraMaps], kfuncCalls }, starts };
}
