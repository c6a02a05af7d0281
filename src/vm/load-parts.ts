import { OP_CALL, PSEUDO_KFUNC_CALL } from '../bpf/insn.ts';
import type { Program } from '../bpf/program.ts';
import { contextKind } from './context.ts';
import { TAIL_CALL } from './helpers.ts';
import { HELPERS, MAP_KINDS } from './parts.ts';
import './maps.ts';

/** Whether a program needs parts that are not there yet. */
function needsMore({ progType, maps, insns }: Pick<Program, 'progType' | 'maps' | 'insns'>): boolean {
  return (
    contextKind(progType) !== 'xdp' ||
    maps.some(({ type }) => !MAP_KINDS.has(type)) ||
    insns.some(
      ({ opcode, src, imm }) => opcode === OP_CALL && ((src === 0 && imm !== TAIL_CALL && !HELPERS.has(imm)) || src === PSEUDO_KFUNC_CALL),
    )
  );
}

/** Loads what a machine of `core.ts` for this program needs beyond the common parts, if anything. */
export async function loadParts(program: Pick<Program, 'progType' | 'maps' | 'insns'>): Promise<void> {
  if (needsMore(program)) await import('./rare.ts');
}
