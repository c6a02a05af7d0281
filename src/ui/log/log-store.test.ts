import { afterEach, expect, it } from 'vitest';
import { type BlobRef, EMPTY_PROJECT, type ProjectDoc } from '../../workbench/document.ts';
import { stageKeys } from '../../workbench/keys.ts';
import { forgetLeft } from '../../workbench/leaving.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useLogs } from './log-store.ts';

const ref = (name: string): BlobRef => ({ hash: name.padEnd(64, '0'), name, size: 1 });
const assembly = (name: string): ProjectDoc => ({ ...EMPTY_PROJECT, source: { kind: 'assembly', blob: ref(name) } });
const open = (doc: ProjectDoc) => useWorkbench.setState({ history: { past: [], doc, future: [] } });

/** The log of `doc`'s program as if it had been made, and something searched for in it. */
function fill(doc: ProjectDoc, status: 'done' | 'running' = 'done') {
  const value = { key: 'own log' } as never;
  useLogs.setState({
    own: { of: JSON.stringify([stageKeys(doc).program, '6.18', 1]), status, value, progress: null, error: null },
    search: { ...useLogs.getInitialState().search, of: JSON.stringify(['own log', 'r0', false]), status: 'done' },
  });
}

const kept = () => {
  const { own, search } = useLogs.getState();
  return { log: own.value !== null, search: search.of !== '' };
};

afterEach(() => {
  open(EMPTY_PROJECT);
  useLogs.setState(useLogs.getInitialState());
});

it('lets our log and what was found in it go with their project', () => {
  open(assembly('first'));
  fill(assembly('first'));
  forgetLeft();
  expect(kept()).toEqual({ log: true, search: true });
  open(assembly('second'));
  forgetLeft();
  expect(kept()).toEqual({ log: false, search: false });
});

it('keeps a log that is being made', () => {
  fill(assembly('first'), 'running');
  open(assembly('second'));
  forgetLeft();
  expect(kept()).toEqual({ log: true, search: true });
});

it('keeps what was found in an open log file', () => {
  const { stages } = useWorkbench.getState();
  useWorkbench.setState({ stages: { ...stages, log: { ...stages.log, value: { key: 'file' } as never } } });
  useLogs.setState({ search: { ...useLogs.getInitialState().search, of: JSON.stringify(['file', 'r0', false]), status: 'done' } });
  forgetLeft();
  expect(kept()).toEqual({ log: false, search: true });
  useWorkbench.setState({ stages });
  forgetLeft();
  expect(kept().search).toBe(false);
});
