import { collectJumps } from '../../bpf/jumps.ts';
import { lineColumns, rowColumns } from '../columns.ts';
import type { ModelNodeView, ModelView, ProgramView } from '../views.ts';

/** A program whose instruction i serves the nodes `origins[i]`. */
export function programWith(key: string, origins: readonly (readonly number[])[]): ProgramView {
  const originStart = new Uint32Array(origins.length + 1);
  origins.forEach((list, at) => {
    originStart[at + 1] = originStart[at]! + list.length;
  });
  const nodes = Math.max(...origins.flat(), 0) + 1;
  const code = new Uint8Array(origins.length * 8);
  return {
    key,
    modelKey: '',
    name: 'main',
    section: 'xdp',
    license: 'GPL',
    siblings: [],
    progType: 6,
    code,
    subprogs: [],
    maps: [],
    origins: [...Array.from({ length: nodes }, (_, nodeIdx) => ({ kind: 'node' as const, nodeIdx, label: `n${nodeIdx}` }))],
    originStart,
    originIdx: Uint16Array.from(origins.flat()),
    nodes: [],
    lines: lineColumns([]),
    jumps: collectJumps(code),
    rows: rowColumns(code, [], []),
    changes: 0,
    fork: false,
    hunks: [],
  };
}

/** A chain of additions: `x` → names[0]_out → names[1]_out → … */
export function chain(names: readonly string[]): ModelView {
  const nodes = names.map(
    (name, index): ModelNodeView => ({
      index,
      name,
      op: 'Add',
      domain: '',
      inputs: index === 0 ? ['x'] : [`${names[index - 1]}_out`],
      outputs: [`${name}_out`],
      attrs: [],
      output: null,
      weights: [],
    }),
  );
  return { file: '', name: '', producer: '', opset: 17, parameterCount: 0, inputs: [], outputs: [], nodes };
}
