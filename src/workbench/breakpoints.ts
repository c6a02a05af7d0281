import { create } from 'zustand';
import { remapSelection } from './remap.ts';
import { useWorkbench } from './store.ts';

/** A place where the debugger stops: before an instruction, or where the code of an operator is entered. */
export interface Breakpoint {
  readonly id: number;
  readonly insn: number | null;
  readonly node: number | null;
  /** Source of a condition; '' for none. */
  readonly condition: string;
  readonly enabled: boolean;
}

interface BreakpointState {
  readonly list: readonly Breakpoint[];
  /** The instruction that the paused machine runs next; -1 without one. */
  readonly current: number;
  /** Where breakpoints at operators stop; told by the debugger once it has loaded. */
  readonly nodePlaces: readonly number[];
}

/** What the listing's gutter shows; the debugger itself loads with its panel. */
export const useBreakpoints = create<BreakpointState>()(() => ({ list: [], current: -1, nodePlaces: [] }));

const { getState, setState } = useBreakpoints;
let lastId = 0;

export function addBreakpoint(place: { readonly insn: number } | { readonly node: number }): void {
  const breakpoint = { insn: null, node: null, ...place, id: ++lastId, condition: '', enabled: true };
  setState({ list: [...getState().list, breakpoint] });
}

export function changeBreakpoint(id: number, change: Partial<Pick<Breakpoint, 'condition' | 'enabled'>>): void {
  setState({ list: getState().list.map((one) => (one.id === id ? { ...one, ...change } : one)) });
}

export function removeBreakpoint(id: number): void {
  setState({ list: getState().list.filter((one) => one.id !== id) });
}

/** Sets a breakpoint before an instruction, or takes away the one that stands there. */
export function toggleBreakpoint(insn: number): void {
  const known = getState().list.find((one) => one.insn === insn);
  if (known) removeBreakpoint(known.id);
  else addBreakpoint({ insn });
}

// In a new program a breakpoint stands where a selection of the same thing would land, or is gone.
useWorkbench.subscribe(({ stages }, before) => {
  const [program, old] = [stages.program.value, before.stages.program.value];
  if (!program || program === old || program.key === old?.key) return;
  const held = { model: before.stages.model.value, program: old };
  const present = { model: stages.model.value, program, modelKey: stages.model.key };
  const list = getState().list.flatMap((one): Breakpoint[] => {
    const kind = one.insn === null ? 'node' : 'insn';
    const artifact = kind === 'node' ? before.stages.model.key : (old?.key ?? '');
    const found = remapSelection({ kind, id: one.insn ?? one.node!, artifact }, held, present);
    return found ? [{ ...one, [kind]: Number(found.id) }] : [];
  });
  setState({ list, current: -1 });
});
