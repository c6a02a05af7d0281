import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Binding } from '../hooks/binding.ts';
import { type Artifacts, inRanges, nodeRanges, rangeCount, relate } from './relations.ts';
import { remapSelection } from './remap.ts';
import type { SelectionKind } from './selection.ts';
import { chain as model, programWith as program } from './testing/views.ts';
import type { ModelView, PacketTraceView, ProgramView } from './views.ts';
import { weightRole } from './weight-rows.ts';

describe('relations between nodes and instructions', () => {
  const shared = program('p', [[0], [0, 1], [1], [], [0]]);

  it('gathers the instructions of a node as sorted ranges, shared ones under each of their nodes', () => {
    expect(nodeRanges(shared).get(0)).toEqual([
      [0, 2],
      [4, 5],
    ]);
    expect(nodeRanges(shared).get(1)).toEqual([[1, 3]]);
    expect(rangeCount(nodeRanges(shared).get(0)!)).toBe(3);
  });

  it('answers whether an instruction lies in ranges', () => {
    const ranges = nodeRanges(shared).get(0)!;
    expect([0, 1, 2, 3, 4, 5].map((insn) => inRanges(ranges, insn))).toEqual([true, true, false, false, true, false]);
    expect(inRanges([], 0)).toBe(false);
  });

  it('relates a tensor to the instructions of the node that makes it, and to the nodes that make and read it', () => {
    const artifacts = { model: model(['a', 'b']), program: shared, trace: null, binding: null, packet: -1 };
    const { insns, nodes } = relate({ kind: 'tensor', id: 'a_out', artifact: 'm' }, artifacts);
    expect(insns).toEqual(nodeRanges(shared).get(0));
    expect(nodes).toEqual([[0, 2]]);
  });

  it('relates an instruction to all nodes that it serves', () => {
    const artifacts = { model: null, program: shared, trace: null, binding: null, packet: -1 };
    expect(relate({ kind: 'insn', id: 1, artifact: 'p' }, artifacts).nodes).toEqual([[0, 2]]);
  });
});

describe('relations of every kind', () => {
  const packet = new Uint8Array(60);
  // Ethernet with IPv4 and UDP, 18 bytes of payload.
  packet.set([8, 0, 0x45, 0, 0, 46], 12);
  packet.set([64, 17], 22);
  packet.set([0, 26], 38);
  const trace: PacketTraceView = {
    kind: 'packets',
    key: 't',
    file: '',
    count: 2,
    bytes: new Uint8Array([...packet, ...packet]),
    start: Uint32Array.of(0, 60, 120),
    time: new Float64Array(2),
    warning: null,
    labels: null,
  };
  const binding: Binding = {
    hook: 'xdp',
    input: { kind: 'payload', layer: 'l4_payload', length: 16, pad: 256 },
    output: { kind: 'tensor' },
  };
  const chained = model(['a', 'b', 'c']);
  const named: ModelView = {
    ...chained,
    inputs: [{ name: 'x', dtype: 'int64', dims: [1, 16] }],
    nodes: chained.nodes.map((node) => ({
      ...node,
      inputs: [...node.inputs, `w${node.index}`],
      weights: [{ name: `w${node.index}`, dtype: 'float32', dims: [4, 2] }],
    })),
  };
  const shared = program('p', [[0], [0, 1], [1], [2], [2], []]);
  const full: ProgramView = { ...shared, irOf: Int32Array.of(5, 5, 6, -1, 7, 7) };
  const artifacts: Artifacts = { model: named, program: full, trace, binding, packet: 1 };
  const of = (kind: SelectionKind, id: number | string) => relate({ kind, id, artifact: '' }, artifacts);

  it('go both ways between nodes, instructions, states and IR operations', () => {
    const insns = fc.nat(5);
    fc.assert(
      fc.property(insns, fc.nat(2), fc.integer({ min: 5, max: 7 }), (insn, node, ir) => {
        expect(inRanges(of('node', node).insns, insn)).toBe(inRanges(of('insn', insn).nodes, node));
        expect(inRanges(of('node', node).states, insn)).toBe(inRanges(of('state', `${insn}#3`).nodes, node));
        expect(inRanges(of('ir', ir).insns, insn)).toBe(inRanges(of('insn', insn).ir, ir));
        expect(inRanges(of('ir', ir).nodes, node)).toBe(inRanges(of('node', node).ir, ir));
        expect(of('state', `${insn}#0`).insns).toEqual([[insn, insn + 1]]);
      }),
      { seed: 1 },
    );
  });

  it('go both ways between nodes, tensors and weights', () => {
    for (const node of named.nodes) {
      expect(of('node', node.index).weights).toEqual([{ name: `w${node.index}`, rows: [[0, 4]] }]);
      expect(of('weight', `w${node.index}#2`).nodes).toEqual([[node.index, node.index + 1]]);
      expect(of('weight', `w${node.index}#2`).insns).toEqual(of('node', node.index).insns);
      for (const tensor of of('node', node.index).tensors) expect(inRanges(of('tensor', tensor).nodes, node.index)).toBe(true);
    }
    expect(of('weight', 'w0#1').shared).toBe(true);
    expect(of('node', 2).shared).toBe(false);
    expect(of('node', 0).shared).toBe(true);
  });

  it('go both ways between bytes of the packet at the cursor and elements of the input', () => {
    for (let byte = 0; byte < 60; byte++) {
      const { elements, bytes } = { ...of('byte', `1#${byte}`), bytes: null };
      expect(bytes).toBeNull();
      expect(elements.length).toBe(byte >= 42 && byte < 58 ? 1 : 0);
      for (const { tensor, ranges } of elements) {
        expect(of('element', `${tensor}#${ranges[0]![0]}`).bytes).toEqual({ packet: 1, bytes: [[byte, byte + 1]] });
      }
    }
    expect(of('packet', 0).bytes).toEqual({ packet: 0, bytes: [[42, 58]] });
  });

  it('are remembered for a selection until an artifact changes', () => {
    const selection = { kind: 'node', id: 1, artifact: '' } as const;
    expect(relate(selection, artifacts)).toBe(relate(selection, { ...artifacts }));
    expect(relate(selection, { ...artifacts, program: null })).toMatchObject({ insns: [] });
  });
});

describe('rows of a weight', () => {
  const node = (op: string, inputs: string[], dims: number[], transB = '0') => ({
    ...model(['a']).nodes[0]!,
    op,
    inputs,
    attrs: [{ name: 'transB', text: transB }],
    output: { name: 'y', dtype: 'float32', dims: [1, 8] },
    weights: [{ name: 'w', dtype: 'float32', dims }],
  });
  it('make a column of the output, weigh one of the input, or are what a token looks up', () => {
    expect(weightRole(node('Gemm', ['x', 'w'], [8, 4], '1'), 'w')).toBe('output');
    expect(weightRole(node('Gemm', ['x', 'w'], [4, 8]), 'w')).toBe('input');
    expect(weightRole(node('MatMul', ['x', 'w'], [4, 8]), 'w')).toBe('input');
    expect(weightRole(node('Gather', ['w', 'x'], [256, 8]), 'w')).toBe('token');
    expect(weightRole(node('Add', ['x', 'w'], [8]), 'w')).toBe('output');
    expect(weightRole(node('Conv', ['x', 'w'], [8, 4]), 'w')).toBeNull();
  });
});

describe('a stale selection', () => {
  it('keeps a node that the new model has by name, and drops one that it lacks', () => {
    const before = { model: model(['a', 'b']), program: null };
    const after = { model: model(['b', 'c']), modelKey: 'new', program: null };
    expect(remapSelection({ kind: 'node', id: 1, artifact: 'old' }, before, after)).toEqual({ kind: 'node', id: 0, artifact: 'new' });
    expect(remapSelection({ kind: 'node', id: 0, artifact: 'old' }, before, after)).toBeNull();
  });

  it('keeps the place of an instruction among those of its node', () => {
    const before = { model: null, program: program('old', [[0], [1], [1], [1]]) };
    const after = { model: null, modelKey: '', program: program('new', [[0], [0], [1], [1], [1]]) };
    expect(remapSelection({ kind: 'insn', id: 2, artifact: 'old' }, before, after)).toEqual({ kind: 'insn', id: 3, artifact: 'new' });
  });

  it('drops an instruction that no node claims', () => {
    const before = { model: null, program: program('old', [[]]) };
    const after = { model: null, modelKey: '', program: program('new', [[0]]) };
    expect(remapSelection({ kind: 'insn', id: 0, artifact: 'old' }, before, after)).toBeNull();
  });

  it('keeps states and IR operations with their instruction, tensors, elements and weights by name, and drops the rest', () => {
    const old = { ...program('old', [[0], [1], [1]]), irOf: Int32Array.of(0, 1, 2) };
    const next = { ...program('new', [[0], [0], [1], [1]]), irOf: Int32Array.of(3, 4, 5, 6) };
    const before = { model: model(['a']), program: old };
    const weighed = model(['a', 'b']);
    const nodes = weighed.nodes.map((node) => ({ ...node, weights: [{ name: 'w', dtype: 'float32', dims: [4, 2] }] }));
    const after = { model: { ...weighed, nodes }, modelKey: 'm', program: next, traceKey: 't' };
    const land = (kind: SelectionKind, id: number | string) => remapSelection({ kind, id, artifact: 'old' }, before, after)?.id ?? null;
    expect(land('state', '2#7')).toBe('3#7');
    expect(land('ir', 1)).toBe(5);
    expect(land('tensor', 'a_out')).toBe('a_out');
    expect(land('element', 'a_out#3')).toBe('a_out#3');
    expect(land('element', 'gone#3')).toBeNull();
    expect(land('weight', 'w#3')).toBe('w#3');
    expect(land('weight', 'w#4')).toBeNull();
    expect(land('byte', '0#3')).toBeNull();
    expect(remapSelection({ kind: 'byte', id: '0#3', artifact: 't' }, before, after)?.id).toBe('0#3');
  });

  it('leaves a selection of the present artifact alone', () => {
    const selection = { kind: 'insn', id: 0, artifact: 'same' } as const;
    const present = program('same', [[0]]);
    expect(remapSelection(selection, { model: null, program: present }, { model: null, modelKey: '', program: present })).toBe(selection);
  });
});
