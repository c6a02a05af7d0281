import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type BudgetItem, type BudgetTree, budgetTree } from './budget-tree.ts';
import { lineColumns } from './columns.ts';
import { programWith } from './testing/views.ts';
import type { ProgramView, VerifiedView } from './views.ts';

const WORDS = { hand: 'hand', noLine: 'none', pruned: 'pruned' };

function verifiedWith(visits: readonly number[], states: readonly number[], pruned: number): VerifiedView {
  const processed = visits.reduce((sum, n) => sum + n, pruned);
  const totalStates = states.reduce((sum, n) => sum + n, 0);
  return { processed, totalStates, visits: Uint32Array.from(visits), states: Uint32Array.from(states) } as unknown as VerifiedView;
}

const insns = fc.array(
  fc.record({ nodes: fc.uniqueArray(fc.nat(3), { maxLength: 3 }), visits: fc.nat(50), states: fc.nat(3), starts: fc.nat(5) }),
  {
    minLength: 1,
    maxLength: 90,
  },
);

function everyItem(tree: BudgetTree, visit: (item: BudgetItem, children: readonly BudgetItem[]) => void): void {
  const waiting = [tree.root];
  for (let item = waiting.pop(); item; item = waiting.pop()) {
    const children = tree.childrenOf(item, 'insns');
    const all =
      item === tree.root ? [...children, ...tree.childrenOf(item, 'processed').filter(({ kind }) => kind === 'pruned')] : children;
    visit(item, all);
    waiting.push(...children);
  }
}

it('adds up at every level, however it is grouped', () => {
  fc.assert(
    fc.property(insns, fc.nat(20), fc.constantFrom('node' as const, 'function' as const, 'line' as const), (list, pruned, grouping) => {
      const starts = list.flatMap(({ starts: s }, at) => (s === 0 || at === 0 ? [at] : []));
      const program: ProgramView = {
        ...programWith(
          'p',
          list.map(({ nodes }) => nodes),
        ),
        subprogs: starts.map((start, i) => ({ name: `f${i}`, start, linkage: 'static' })),
        lines: lineColumns(starts.map((insnIdx, i) => ({ insnIdx, file: 'a/b.c', line: 1 + (i % 3), text: 'x;' }))),
      };
      const tree = budgetTree(
        program,
        verifiedWith(
          list.map(({ visits }) => visits),
          list.map(({ states }) => states),
          pruned,
        ),
        grouping,
        WORDS,
      );
      let leaves = 0;
      everyItem(tree, (item, children) => {
        if (children.length === 0) {
          leaves += item.insns;
          return;
        }
        for (const figure of ['processed', 'states', 'insns'] as const)
          expect(children.reduce((sum, child) => sum + child[figure], 0)).toBeCloseTo(item[figure], 6);
        for (const child of children) expect(child.id.startsWith(`${item.id}/`)).toBe(true);
      });
      expect(leaves).toBeCloseTo(list.length, 6);
    }),
    { seed: 4, numRuns: 60 },
  );
});

it('divides what serves two nodes between them and names lines of C', () => {
  const program: ProgramView = {
    ...programWith('p', [[0], [0, 1], []]),
    lines: lineColumns([{ insnIdx: 0, file: 'src/x.c', line: 7, text: '  x += 1;' }]),
  };
  const verified = verifiedWith([10, 4, 3], [1, 0, 0], 2);
  const parts = (grouping: 'node' | 'line') => {
    const tree = budgetTree(program, verified, grouping, WORDS);
    return tree.childrenOf(tree.root, 'processed').map(({ label, processed }) => [label, processed]);
  };
  expect(parts('node')).toEqual([
    ['n0', 12],
    ['hand', 3],
    ['n1', 2],
    ['pruned', 2],
  ]);
  expect(parts('line')).toEqual([
    ['x.c:7  x += 1;', 17],
    ['pruned', 2],
  ]);
});

it('finds in a new tree what was open in the one before, or the nearest part around it', () => {
  const treeOf = (nodes: readonly (readonly number[])[], visits: readonly number[]) =>
    budgetTree(programWith('p', nodes), verifiedWith(visits, [0, 0, 0, 0], 0), 'node', WORDS);
  const before = treeOf([[0], [0], [1], [0]], [1, 2, 3, 4]);
  const open = before.childrenOf(before.root, 'insns').find(({ origin }) => origin === 0)!;
  const run = before.childrenOf(open, 'insns')[0]!;
  const again = treeOf([[0], [0], [1], [0]], [5, 6, 7, 8]);
  expect(again.counterpart(before.root)).toBe(again.root);
  expect(again.counterpart(open)).toMatchObject({ id: open.id, processed: 19 });
  expect(again.counterpart(run)).toMatchObject({ id: run.id, parent: again.counterpart(open) });
  expect(treeOf([[1], [0], [1], [0]], [1, 1, 1, 1]).counterpart(run)).toMatchObject({ id: open.id });
  const without = treeOf([[1], [1], [1], [1]], [1, 1, 1, 1]);
  expect(without.counterpart(run)).toBe(without.root);
});
