import type { Model, Node } from '../../onnx/model.ts';
import type { Compiled, Precision } from '../api.ts';
import { type HGraph, type HOp, isView, opViews } from '../graph/hops.ts';
import { mapDims } from '../graph/view.ts';
import type { IrFunc } from '../ir/ir.ts';
import { OWN, opCount, SPILL } from '../ir/numbered.ts';
import { DEFAULT_PRECISION } from '../precision.ts';
import type { PassNote } from './note.ts';
import type { Fact, Pass, PassRow, Reason } from './pass.ts';

const REASONS: readonly string[] = ['constant', 'shape', 'identity', 'dead', 'function'] satisfies Reason[];

/** Ids of rows are unique within a pass: later ones of the same name are numbered. */
class Ids {
  readonly #seen = new Map<string, number>();
  of(name: string): string {
    const before = this.#seen.get(name) ?? 0;
    this.#seen.set(name, before + 1);
    return before === 0 ? name : `${name} #${before + 1}`;
  }
}

const nodeRow = (node: Node, model: Model, ids: Ids): PassRow => {
  const read = node.inputs.filter((name) => name !== '');
  return {
    id: ids.of(node.outputs.find((name) => name !== '') ?? node.name),
    op: node.op,
    name: node.name,
    dims: model.values.get(node.outputs[0] ?? '')?.dims ?? null,
    facts: read.length > 0 ? [['reads', list(read)]] : [],
    nodes: [node.index],
    node: node.index,
  };
};

/** The nodes of the file, and those that constant folding leaves. */
export function nodePasses(model: Model): Pass[] {
  const rows = (nodes: readonly Node[]): PassRow[] => {
    const ids = new Ids();
    return nodes.map((node) => nodeRow(node, model, ids));
  };
  const reasons = new Map([...model.folded].flatMap(([node, why]) => (REASONS.includes(why) ? [[node, why as Reason] as const] : [])));
  return [
    { id: 'file', kind: 'nodes', rows: rows(model.allNodes) },
    { id: 'folded', kind: 'nodes', rows: rows(model.nodes), reasons },
  ];
}

const MOST_NAMES = 8;

/** Names, the first of them where they are many. */
const list = (names: readonly string[], by = ', '): string =>
  names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(by)} … (${names.length})` : names.join(by);

/** The node among those that an op serves that makes its value, else the last. */
const mainNode = (op: { readonly out: { readonly name: string }; readonly nodes: readonly Node[] }): number =>
  (op.nodes.find(({ outputs }) => outputs.includes(op.out.name)) ?? op.nodes.at(-1))?.index ?? -1;

/** An op that one family brings is called as it says, else after the operator that it stands for. */
const opName = (op: HOp): string => (op.kind === 'own' ? (op.passes.label ?? op.nodes.at(-1)?.op ?? 'own') : op.kind);

/** Products of two activations know two precisions: 16 bits by 16, and what fits a lane. */
const ofActivations = (precision: Precision | undefined): Fact[] => (precision === 'w16a16' ? [['precision', precision]] : []);

function factsOf(op: HOp): Fact[] {
  const facts: Fact[] = [];
  if (op.kind === 'linear') {
    const [n, k] = op.weights.dims;
    facts.push(['sum', `${k} → ${n}`], ['precision', op.precision ?? DEFAULT_PRECISION]);
    if (op.bias) facts.push(['bias', `${n}`]);
    if (op.relu) facts.push(['relu', '≥ 0']);
    if (op.residual) facts.push(['residual', op.residual.buf.name]);
  } else if (op.kind === 'matmul') {
    facts.push(['sum', `${mapDims(op.a.map).at(-1)} → ${mapDims(op.b.map).at(-1)}`], ...ofActivations(op.precision));
  } else if (op.kind === 'norm') {
    const bare = op.gamma.every((factor) => factor === 1) && op.beta.every((offset) => offset === 0);
    facts.push(['detail', `${op.center ? 'mean and deviation' : 'root mean square'}${bare ? '' : ', factor and offset'}`]);
  } else if (op.kind === 'unary') facts.push(['detail', 'table of a function']);
  else if (op.kind === 'embed') facts.push(['detail', `table ${op.table.dims.join(' × ')}`]);
  else if (op.kind === 'reduce') facts.push(['detail', `${op.mode} over axes ${op.axes.join(', ')}`]);
  else if (op.kind === 'concat') facts.push(['detail', `${op.parts.length} parts along axis ${op.axis}`]);
  else if (op.kind === 'add' && op.relu) facts.push(['relu', '≥ 0']);
  else if (op.kind === 'affine') facts.push(['detail', [op.mul && 'factor', op.add && 'offset'].filter(Boolean).join(' and ')]);
  const constants = op.kind === 'concat' ? op.parts.filter((part) => !isView(part)).length : 0;
  const read = opViews(op).map(({ buf }) => buf.name);
  facts.push(['reads', list(constants > 0 ? [...read, `${constants} constant`] : read)]);
  facts.push([
    'serves',
    list(
      op.nodes.map((node) => node.op),
      ' + ',
    ),
  ]);
  return facts;
}

/** The ops of a graph in integer kernels' terms. */
export function graphPass({ pass, graph }: PassNote & { readonly pass: Exclude<PassNote['pass'], 'plan'> }): Pass {
  const ids = new Ids();
  const made = new Map<unknown, string>();
  const rows = graph.ops.map((op): PassRow => {
    const id = ids.of(op.out.name);
    made.set(op.out, id);
    return {
      id,
      op: opName(op),
      name: op.out.name,
      dims: op.out.dims,
      facts: factsOf(op),
      nodes: op.nodes.map(({ index }) => index),
      node: mainNode(op),
    };
  });
  return { id: pass, kind: 'ops', rows, views: viewsOf(graph, made) };
}

function viewsOf(graph: HGraph, made: ReadonlyMap<unknown, string>): Map<string, string> {
  const views = new Map<string, string>();
  const inputs = new Map(graph.inputs.map((buf) => [buf, buf.name]));
  for (const { name, view } of [...graph.values, ...graph.outputs]) {
    const of = made.get(view.buf) ?? inputs.get(view.buf);
    if (of !== undefined && of !== name) views.set(name, of);
  }
  return views;
}

const significant = (value: number): string => (value === 0 ? '0' : Number(value.toPrecision(4)).toString());

/** Every step of the plan: its stage, kernel, loops, and what its integers mean and where they lie. */
export function planPass({ graph, scales, lowered }: PassNote & { readonly pass: 'plan' }): Pass {
  const { planned, callees, tensors } = lowered;
  const ids = new Ids();
  const buffers = new Map(tensors.buffers.map((buffer) => [buffer.name, buffer]));
  const rows: PassRow[] = [];
  planned.forEach(({ group, lastCall }, stage) => {
    let from = 0;
    for (const step of group.steps) {
      const to = lastCall.get(step)! + 1;
      const kernels = callees[stage]!.slice(from, to);
      from = to;
      const { op } = step;
      const output = op ? null : graph.outputs[step.part]!;
      const name = op ? op.out.name : output!.name;
      const facts: Fact[] = [
        ['stage', String(stage)],
        ['kernel', kernels.length > 1 && new Set(kernels).size === 1 ? `${kernels[0]} × ${kernels.length}` : list(kernels)],
        ['loops', [...step.outer.map(String), ...(step.lanes > 1 ? [`${step.lanes} at once`] : [])].join(' × ') || '1'],
      ];
      if (op) {
        const { scale, max } = scales.of(op.out);
        const buffer = buffers.get(op.out.name);
        if (!op.out.float) facts.push(['scale', significant(scale)]);
        facts.push(['width', op.out.float ? 'float32' : `int${8 * scales.bytes(op.out)} ≤ ${max.toLocaleString('en')}`]);
        if (buffer) facts.push(['place', `${buffer.map} + ${buffer.byteOff}${buffer.rows ? ', rows at hand only' : ''}`]);
        if (op.kind === 'linear') facts.push(['precision', op.precision ?? DEFAULT_PRECISION]);
        if (op.kind === 'matmul') facts.push(...ofActivations(op.precision));
        facts.push([
          'serves',
          list(
            op.nodes.map((node) => node.op),
            ' + ',
          ),
        ]);
      } else facts.push(['width', 'int32'], ['scale', significant(scales.unit(output!.view))], ['place', 'output']);
      rows.push({
        // Later steps of an op write other parts of its value.
        id: ids.of(op ? name : `output ${name}`),
        op: op ? opName(op) : 'output',
        name,
        dims: op ? op.out.dims : mapDims(output!.view.map),
        facts,
        nodes: step.nodes.map(({ index }) => index),
        node: op ? mainNode(op) : (step.nodes.at(-1)?.index ?? -1),
      });
    }
  });
  return { id: 'plan', kind: 'steps', rows };
}

/** Functions of the IR, in the program's order, and what became of each. */
export function functionPasses({ ir, program }: Compiled): Pass[] {
  const nodesOf = (start: number, end: number): number[] => {
    const origins = new Set<number>();
    for (let insn = start; insn < end; insn++) for (const at of program.insnOrigins[insn] ?? []) origins.add(at);
    const nodes = [...origins].flatMap((at) => (program.origins[at]?.kind === 'node' ? [program.origins[at]!.nodeIdx] : []));
    return nodes.sort((a, b) => a - b);
  };
  const placed = program.subprogs.map(({ name, start }, at) => {
    const end = program.subprogs[at + 1]?.start ?? program.insns.length;
    return { name, start, end, nodes: nodesOf(start, end) };
  });
  const base = (at: number, func: IrFunc) => ({
    id: at === 0 ? program.name : func.name,
    op: at === 0 ? 'main' : func.name.startsWith('stage_') ? 'stage' : func.linkage,
    name: at === 0 ? program.name : func.name,
    dims: null,
    nodes: placed[at]?.nodes ?? [],
    node: placed[at]?.nodes.at(-1) ?? -1,
  });
  const functions = ir.funcs.map((func, at): PassRow => {
    const { cost, blocks, stackSlots } = func;
    return {
      ...base(at, func),
      facts: [
        ['ops', opCount(func).toLocaleString('en')],
        ['blocks', String(blocks.length)],
        ...(cost
          ? ([
              ['walked', Math.round(cost.walked).toLocaleString('en')],
              ['executed', Math.round(cost.executed).toLocaleString('en')],
            ] satisfies Fact[])
          : []),
        ['stack', String(stackSlots.reduce((sum, bytes) => sum + ((bytes + 7) & ~7), 0))],
      ],
    };
  });
  const code = placed.map(({ start, end }, at): PassRow => {
    let [own, spills] = [0, 0];
    for (let insn = start; insn < end; insn++) {
      if (ir.how[insn] === OWN) own++;
      else if (ir.how[insn] === SPILL) spills++;
    }
    return {
      ...base(at, ir.funcs[at]!),
      facts: [
        ['insns', (end - start).toLocaleString('en')],
        ['own', own.toLocaleString('en')],
        ['spills', spills.toLocaleString('en')],
      ],
    };
  });
  return [
    { id: 'ir', kind: 'functions', rows: functions },
    { id: 'bytecode', kind: 'code', rows: code },
  ];
}
