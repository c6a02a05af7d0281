import { beforeEach, describe, expect, it } from 'vitest';
import { select, selectionBack, selectionForward, setStage, useWorkbench } from './store.ts';
import { chain, programWith } from './testing/views.ts';

const state = () => useWorkbench.getState();

beforeEach(() => {
  useWorkbench.setState(useWorkbench.getInitialState(), true);
  setStage('model', { value: chain(['a', 'b']), key: 'm' });
  setStage('program', { value: programWith('p', [[0], [1], []]), key: 'p' });
});

describe('selections of every kind', () => {
  it('go back and forth, and take the cursors along that panels show', () => {
    select('packet', 3);
    select('byte', '5#7');
    select('element', 'a_out#2');
    select('state', '1#4');
    select('insn', 0);
    expect(state().cursors).toMatchObject({ packet: 5, byte: '5#7', tensor: 'a_out', element: 'a_out#2', state: '1#4', insn: 0 });
    selectionBack();
    expect(state()).toMatchObject({ selection: { kind: 'state', id: '1#4' }, cursors: { insn: 1 } });
    selectionBack();
    selectionBack();
    selectionBack();
    expect(state()).toMatchObject({ selection: { kind: 'packet', id: 3 }, cursors: { packet: 3 } });
    selectionForward();
    expect(state()).toMatchObject({ selection: { kind: 'byte' }, cursors: { packet: 5 } });
  });

  it('are carried over with their cursors, or dropped and said to be', () => {
    select('tensor', 'b_out');
    select('insn', 1);
    setStage('program', { value: programWith('q', [[0], [0], [1]]), key: 'q' });
    expect(state()).toMatchObject({ selection: { id: 2, artifact: 'q' }, cursors: { insn: 2, tensor: 'b_out' }, dropped: null });
    select('insn', 2);
    setStage('program', { value: programWith('r', [[0]]), key: 'r' });
    expect(state()).toMatchObject({ selection: null, dropped: { kind: 'insn' }, announcement: 'The selected insn is gone' });
    expect(state().cursors).not.toHaveProperty('insn');
    setStage('model', { value: chain(['a']), key: 'n' });
    expect(state().cursors).not.toHaveProperty('tensor');
    select('node', 0);
    expect(state().dropped).toBeNull();
  });
});
