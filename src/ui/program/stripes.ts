import type { ProgramView } from '../../workbench/views.ts';
import { type Family, familyColour, familyOf } from '../model/families.ts';

/** Stripes that fit the gutter; an instruction that serves more families shows that it does. */
export const MOST_STRIPES = 4;

/** The families that each instruction serves, in the order of its origins, as colours. */
export class Stripes {
  readonly #program: ProgramView;
  readonly #opOfNode: ReadonlyMap<number, string>;
  /** By the list of origins, which neighbours share. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(program: ProgramView, opOfNode: ReadonlyMap<number, string>) {
    this.#program = program;
    this.#opOfNode = opOfNode;
  }

  of(insn: number): readonly string[] {
    const { originStart, originIdx, origins } = this.#program;
    const own = originIdx.subarray(originStart[insn]!, originStart[insn + 1]!);
    if (own.length === 0) return [];
    const key = own.join();
    const known = this.#known.get(key);
    if (known) return known;
    const families = new Set<Family>();
    for (const at of own) {
      const origin = origins[at];
      if (!origin) continue;
      if (origin.kind === 'node') families.add(familyOf(this.#opOfNode.get(origin.nodeIdx) ?? ''));
      else families.add(origin.kind === 'runtime' ? 'runtime' : 'binding');
    }
    const colours = [...families].map(familyColour);
    this.#known.set(key, colours);
    return colours;
  }
}
