import type { ProgramView, VerifiedView } from '../../workbench/views.ts';

/** Share of the largest number of visits, on a logarithmic scale: a loop that runs a thousand times must not hide one of ten. */
export function heatShare(visits: number, most: number): number {
  return visits === 0 || most === 0 ? 0 : Math.log1p(visits) / Math.log1p(most);
}

export function heatColour(share: number): string {
  return share <= 0.5
    ? `color-mix(in oklab, var(--heat-0), var(--heat-1) ${Math.round(share * 200)}%)`
    : `color-mix(in oklab, var(--heat-1), var(--heat-2) ${Math.round(share * 200 - 100)}%)`;
}

/** `950`, `12.3k`, `1.2M`: five characters at most. */
export function shortCount(value: number): string {
  if (value < 1000) return `${value}`;
  const [scaled, unit] = value < 999_950 ? [value / 1000, 'k'] : [value / 1e6, 'M'];
  return `${scaled < 99.95 ? scaled.toFixed(1) : Math.round(scaled)}${unit}`;
}

/** Visits of the verifier or executions, of each instruction and of each function. */
export interface Visits {
  readonly perInsn: Uint32Array | Float64Array;
  readonly most: number;
  readonly perFunc: Float64Array;
}

const known = new WeakMap<Uint32Array | Float64Array, Visits>();

/** The visits of `program`; null when the verdict is of another one. */
export function visitsOf(program: ProgramView, verified: VerifiedView | null): Visits | null {
  return verified ? countsOf(program, verified.visits) : null;
}

/** Counts by instruction, spread over functions; null when they are of another program. */
export function countsOf(program: ProgramView, perInsn: Uint32Array | Float64Array): Visits | null {
  if (perInsn.length !== program.code.length / 8) return null;
  const before = known.get(perInsn);
  if (before) return before;
  const perFunc = new Float64Array(program.subprogs.length);
  let most = 0;
  let func = -1;
  for (let insn = 0; insn < perInsn.length; insn++) {
    while (func + 1 < program.subprogs.length && program.subprogs[func + 1]!.start <= insn) func++;
    const visits = perInsn[insn]!;
    if (visits > most) most = visits;
    if (func >= 0) perFunc[func]! += visits;
  }
  const visits = { perInsn, most, perFunc };
  known.set(perInsn, visits);
  return visits;
}
