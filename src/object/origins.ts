import type { Origin, OriginIdx } from '../bpf/program.ts';

/** Run-length form of `Program.insnOrigins`, as `.debug_bpformer` stores it. */
export type OriginRuns = readonly (readonly [count: number, origins: readonly number[]])[];

/** Equal neighbours become one run. */
export function toOriginRuns(insnOrigins: readonly (readonly OriginIdx[])[]): OriginRuns {
  const runs: [number, readonly number[]][] = [];
  for (const origins of insnOrigins) {
    const last = runs.at(-1);
    if (last && last[1].length === origins.length && last[1].every((origin, at) => origin === origins[at])) last[0]++;
    else runs.push([1, origins]);
  }
  return runs;
}

const KINDS = new Set(['node', 'source', 'binding', 'runtime']);

const isOrigin = (value: unknown): value is Origin => {
  const origin = value as Partial<Origin> | null;
  return (
    typeof origin === 'object' &&
    origin !== null &&
    KINDS.has(origin.kind!) &&
    Number.isInteger(origin.nodeIdx) &&
    typeof origin.label === 'string'
  );
};

/**
 * Origins that the metadata of an object carries (`origins`, `originRuns`), for a program of `insnCount` slots; null when there
 * are none or they do not fit it.
 */
export function originsOf(
  meta: unknown,
  insnCount: number,
): { origins: readonly Origin[]; insnOrigins: readonly (readonly OriginIdx[])[] } | null {
  const { origins, originRuns } = (meta ?? {}) as { origins?: unknown; originRuns?: unknown };
  if (!Array.isArray(origins) || !Array.isArray(originRuns) || !origins.every(isOrigin)) return null;
  const insnOrigins: (readonly OriginIdx[])[] = [];
  for (const run of originRuns as unknown[]) {
    if (!Array.isArray(run) || !Array.isArray(run[1])) return null;
    const [count, indices] = run as [unknown, unknown[]];
    if (!Number.isInteger(count) || insnOrigins.length + (count as number) > insnCount || (count as number) < 0) return null;
    if (!indices.every((index) => Number.isInteger(index) && (index as number) >= 0 && (index as number) < origins.length)) return null;
    for (let i = 0; i < (count as number); i++) insnOrigins.push(indices as number[]);
  }
  return insnOrigins.length === insnCount ? { origins, insnOrigins } : null;
}
