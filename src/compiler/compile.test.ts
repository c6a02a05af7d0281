import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { Cancelled } from '../base/progress.ts';
import { isJump, OP_CALL, OP_EXIT } from '../bpf/insn.ts';
import type { Model, Node } from '../onnx/model.ts';
import { calibrate } from '../reference/calibrate.ts';
import { createReference } from '../reference/reference.ts';
import { Vm } from '../vm/vm.ts';
import type { Calibration, Compiled } from './api.ts';
import { compile } from './compile.ts';
import { SELECTION } from './families/select.ts';
import { OWN } from './ir/numbered.ts';
import { compileFixture, FIXTURES, loadModel, loadOutput, modelBytes, storeInput, tensors } from './testing/fixtures.ts';
import { plainHook } from './testing/tensor-hook.ts';

const KEY = new Uint8Array(4);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const argmax = (v: ArrayLike<number>): number => Array.from(v).indexOf(Math.max(...Array.from(v)));

describe.each(FIXTURES)('%s', (fixture) => {
  let model: Model;
  let calibration: Calibration;
  let compiled: Compiled;
  beforeAll(async () => {
    model = loadModel(read, fixture);
    calibration = await calibrate(modelBytes(read, fixture), tensors(read, fixture, 'calibration.npy', model).slice(0, 24), {
      source: 'trace',
    });
    compiled = compileFixture(fixture, model, calibration);
  }, 60_000);

  test('knows the operation behind every instruction, and says which are prologue or spill', () => {
    const { program, ir } = compiled;
    const ops = ir.funcs.flatMap((func) => func.blocks.flatMap((block) => [...block.insts, block.term]));
    expect(ir.firstOp.length).toBe(ir.funcs.length);
    program.insns.forEach((insn, at) => {
      const op = ops[ir.opOf[at]]!;
      const func = program.subprogs.findLastIndex(({ start }) => start <= at);
      expect(ir.opOf[at]).toBeGreaterThanOrEqual(ir.firstOp[func]);
      expect(ir.opOf[at]).toBeLessThan(ir.firstOp[func + 1] ?? ops.length);
      if (ir.how[at] !== OWN) return;
      if (insn.opcode === OP_EXIT) expect(op.op).toBe('ret');
      if (insn.opcode === OP_CALL) expect(op.op).toBe(insn.src === 0 ? 'callHelper' : 'call');
      if (isJump(insn)) expect(['jump', 'branch']).toContain(op.op);
    });
  });

  test('agrees with ONNX Runtime on every class, and closely on every score', async () => {
    const reference = await createReference(modelBytes(read, fixture));
    const vm = new Vm(compiled.program);
    let worst = 0;
    let range = 0;
    for (const sample of tensors(read, fixture, 'inputs.npy', model).slice(0, 10)) {
      vm.maps.get('input').update(KEY, storeInput(compiled, sample));
      vm.runXdp(new Uint8Array(64));
      const got = loadOutput(compiled, vm.maps.get('output').lookup(KEY) as Uint8Array);
      const want = (await reference.run(sample))[compiled.meta.outputs[0].name].data as Float32Array;
      expect(argmax(got)).toBe(argmax(want));
      for (const [i, x] of want.entries()) {
        worst = Math.max(worst, Math.abs(x - got[i]));
        range = Math.max(range, Math.abs(x));
      }
    }
    expect(worst).toBeLessThan(0.03 * range);
    await reference.release();
  });

  test('every compiled node has instructions, every instruction has an origin and every function a line', () => {
    const { program, nodes, meta } = compiled;
    expect(nodes.filter((n) => n.insns === 0)).toEqual([]);
    expect(nodes.map((n) => n.index)).toEqual(model.nodes.map((n) => n.index));
    expect(program.insnOrigins.every((ids) => ids.length > 0 && ids.every((id) => id < program.origins.length))).toBe(true);
    const lines = new Set(program.lineInfo.map((l) => l.insnIdx));
    expect(program.subprogs.every((s) => lines.has(s.start))).toBe(true);
    for (const { index, insns } of nodes) {
      const mine = program.insnOrigins.filter((ids) => ids.some((id) => program.origins[id].nodeIdx === index)).length;
      expect(mine).toBe(insns);
    }
    expect(meta.originRuns.reduce((n, [count]) => n + count, 0)).toBe(program.insns.length);
  });

  test('weights change data, never code', () => {
    const initializers = new Map(
      [...model.initializers].map(([name, t]) => [
        name,
        t.data instanceof Float32Array && t.data.length > 8 ? { ...t, data: t.data.map((x) => x * 0.9 + 0.001) } : t,
      ]),
    );
    const other = compileFixture(fixture, { ...model, initializers }, calibration);
    expect(other.program.insns).toEqual(compiled.program.insns);
    expect(other.program.maps[0].data).not.toEqual(compiled.program.maps[0].data);
  });
});

describe('refusals', () => {
  const model = loadModel(read, 'gpt-small');
  const options = {
    modelFile: 'm.onnx',
    hook: plainHook,
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    calibration: { source: 'trace', samples: 1, ranges: {} },
  } as const;
  const withNode = (change: Partial<Node>, pick = (n: Node): boolean => n.op === 'Softmax'): Model => {
    const at = model.nodes.findIndex(pick);
    return { ...model, nodes: model.nodes.map((n, i) => (i === at ? { ...n, ...change } : n)) };
  };

  test('names an unsupported operator, its node and what to do', () => {
    const broken = withNode({ op: 'QAttention', name: 'memory' });
    expect(() => compile({ ...options, model: broken })).toThrow(
      /node memory \(QAttention, #\d+\): operator QAttention is not supported\. Nearest rewrite: quantise the matrices only/,
    );
    expect(() => compile({ ...options, model: broken })).toThrow(InputError);
    expect(() => compile({ ...options, model: withNode({ op: 'constructor' }) })).toThrow(
      /constructor is not supported\. docs\/ops\.md lists/,
    );
  });
  test('names a foreign domain', () => {
    expect(() => compile({ ...options, model: withNode({ domain: 'my.ops' }) })).toThrow(/operator my\.ops\.Softmax is not supported/);
  });
  test("names a node that breaks its operator's rules", () => {
    const broken = withNode({ inputs: [] }, (n) => n.op === 'Transpose');
    expect(() => compile({ ...options, model: broken })).toThrow(InputError);
    expect(() => compile({ ...options, model: broken })).toThrow(/\(Transpose, #\d+\)/);
  });
  test('stops when asked to', () => {
    const progress = { report: () => undefined, cancelled: true };
    expect(() => compile({ ...options, model, progress })).toThrow(Cancelled);
  });
  test('says which value the calibration lacks', () => {
    expect(() => compile({ ...options, model })).toThrow(/calibration has no range for value/);
  });
});
