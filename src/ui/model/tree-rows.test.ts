import { expect, it } from 'vitest';
import { buildGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { chainModel } from './testing/models.ts';
import { treeRows } from './tree-rows.ts';
import { allGroups, visibleGraph } from './visible.ts';

const graph = buildGraph(chainModel(['/enc/a/Relu', '/enc/a/Tanh', '/enc/b/Relu', '/enc/b/Tanh', '/Relu']));
const tree = buildGroups(graph);

it('tells folded groups as one line, and open ones with what they hold', () => {
  const folded = treeRows(visibleGraph(graph, tree, new Set()));
  expect(folded.rows.map(({ level, expanded }) => [level, expanded])).toEqual([
    [1, null],
    [1, false],
    [1, null],
    [1, null],
  ]);
  const all = allGroups(tree);
  const visible = visibleGraph(graph, tree, all);
  const { rows, rowOf } = treeRows(visible);
  expect(rows).toHaveLength(visible.nodes.length + all.size);
  expect(rows.filter(({ expanded }) => expanded === true)).toHaveLength(all.size);
  visible.nodes.forEach((node, at) => {
    expect(rows[rowOf[at]]).toMatchObject({ id: node.id, at });
  });
});

it('says the place of each line among its siblings', () => {
  const { rows } = treeRows(visibleGraph(graph, tree, allGroups(tree)));
  const stack: number[] = [];
  for (const row of rows) {
    stack.length = row.level;
    stack[row.level - 1] = (stack[row.level - 1] ?? 0) + 1;
    expect(row.place).toBe(stack[row.level - 1]);
    expect(row.place).toBeLessThanOrEqual(row.siblings);
  }
});
