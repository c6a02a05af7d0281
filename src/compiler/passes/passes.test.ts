import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Model } from '../../onnx/model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import type { Compiled, CompileOptions } from '../api.ts';
import { compile } from '../compile.ts';
import { familiesFor } from '../families.ts';
import { FIXTURES, loadModel, modelBytes, tensors } from '../testing/fixtures.ts';
import { plainHook } from '../testing/tensor-hook.ts';
import { ADDED, CHANGED, diffPasses, REMOVED, SAME } from './diff.ts';
import { GRAPH_PASSES } from './note.ts';
import type { Pass } from './pass.ts';
import { functionPasses, graphPass, nodePasses, planPass } from './rows.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

function recorded(options: CompileOptions): { readonly compiled: Compiled; readonly passes: readonly Pass[] } {
  const passes: Pass[] = nodePasses(options.model);
  const compiled = compile({
    ...options,
    onPass: (note) => {
      passes.push(note.pass === 'plan' ? planPass(note) : graphPass(note));
    },
  });
  return { compiled, passes: [...passes, ...functionPasses(compiled)] };
}

describe.each(FIXTURES)('%s', (fixture) => {
  let model: Model;
  let options: CompileOptions;
  let made: ReturnType<typeof recorded>;
  beforeAll(async () => {
    model = loadModel(read, fixture);
    const calibration = await calibrate(modelBytes(read, fixture), tensors(read, fixture, 'calibration.npy', model).slice(0, 4), {
      source: 'trace',
    });
    options = {
      model,
      modelFile: `${fixture}.onnx`,
      calibration,
      hook: plainHook,
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      families: await familiesFor(model),
    };
    made = recorded(options);
  }, 60_000);

  test('tells of every pass in order and compiles the same program as unwatched', () => {
    expect(made.passes.map(({ id }) => id)).toEqual([
      'file',
      'folded',
      ...GRAPH_PASSES.filter((id) => id !== 'specialised'),
      'plan',
      'ir',
      'bytecode',
    ]);
    expect(compile(options).program.insns).toEqual(made.compiled.program.insns);
  });

  test('rows have ids of their own, and differences lead from every pass to the next and back', () => {
    made.passes.forEach((after, at) => {
      expect(new Set(after.rows.map(({ id }) => id)).size).toBe(after.rows.length);
      const before = made.passes[at - 1] ?? null;
      const rows = diffPasses(before, after);
      expect(rows.filter(({ state }) => state !== REMOVED).map(({ row }) => row)).toEqual(after.rows);
      if (!before || after.id === 'ir') return;
      const old = rows.flatMap(({ state, row, was }) => (state === REMOVED ? [row] : state === ADDED ? [] : [was!]));
      expect(new Set(old)).toEqual(new Set(before.rows));
    });
  });

  test('what is gone went into something that serves the same node, became a view, or has a reason', () => {
    const [file, folded, recognisedPass] = made.passes;
    for (const { state, row, fate } of diffPasses(file!, folded!))
      if (state === REMOVED) expect(fate!.kind).toBe(model.folded.get(row.node));
    const kinds = new Set<string>();
    for (const { state, row, fate } of diffPasses(folded!, recognisedPass!)) {
      if (state !== REMOVED) continue;
      kinds.add(fate!.kind);
      if (fate!.kind !== 'into') continue;
      const into = recognisedPass!.rows.find(({ name }) => name === (fate as { name: string }).name)!;
      expect(into.nodes).toContain(row.node);
    }
    expect(kinds).toContain('into');
  });

  test('another precision changes the rows of products and of what they scale, and nothing of the graph', () => {
    const other = recorded({ ...options, quant: 'w4a16' });
    const of = (id: Pass['id']) => diffPasses(made.passes.find((pass) => pass.id === id)!, other.passes.find((pass) => pass.id === id)!);
    expect(of('recognised').every(({ state }) => state === SAME)).toBe(true);
    const precise = of('precision').filter(({ state }) => state === CHANGED);
    expect(precise.length).toBeGreaterThan(0);
    for (const { row, was } of precise)
      expect(row.facts.filter(([key, text]) => was!.facts.some(([own, before]) => own === key && before !== text))).toEqual([
        ['precision', 'w4a16'],
      ]);
    expect(of('plan').some(({ state }) => state === CHANGED)).toBe(true);
    expect(of('bytecode').some(({ state }) => state !== SAME)).toBe(true);
  });

  test('steps of the plan and functions of the code are those of the program', () => {
    const plan = made.passes.find(({ id }) => id === 'plan')!;
    const names = new Set(made.compiled.program.subprogs.map(({ name }) => name));
    for (const { facts } of plan.rows) {
      const kernel = facts.find(([key]) => key === 'kernel')![1];
      for (const name of kernel.replace(/ × \d+$| … \(\d+\)$/, '').split(', ')) expect(names).toContain(name);
    }
    const code = made.passes.find(({ id }) => id === 'bytecode')!;
    const insns = code.rows.map(({ facts }) => Number(facts.find(([key]) => key === 'insns')![1].replaceAll(',', '')));
    expect(insns.reduce((sum, one) => sum + one, 0)).toBe(made.compiled.program.insns.length);
  });
});
