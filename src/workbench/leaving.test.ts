import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useAb } from './ab.ts';
import { putBlob } from './blobs.ts';
import { libraryOf } from './c.ts';
import { type BlobRef, type CLink, EMPTY_PROJECT, type ProjectDoc } from './document.ts';
import { effectsKey, useEffects } from './effects.ts';
import { useErrorMap } from './error-map.ts';
import { useFeatures } from './features.ts';
import { stageKeys } from './keys.ts';
import { forgetLeft } from './leaving.ts';
import { useMachine } from './machine.ts';
import { calibrationOf, resume } from './pipeline.ts';
import { useProfile } from './profile.ts';
import { WorkerClient } from './rpc.ts';
import { referenceFor } from './side-run.ts';
import { useWorkbench } from './store.ts';

const ref = (name: string): BlobRef => ({ hash: name.padEnd(64, '0'), name, size: 1 });
const assembly = (name: string): ProjectDoc => ({ ...EMPTY_PROJECT, source: { kind: 'assembly', blob: ref(name) }, trace: ref('trace') });
const model = (name: string): ProjectDoc => ({
  ...EMPTY_PROJECT,
  source: { kind: 'model', blob: ref(name) },
  binding: { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } },
  trace: ref('trace'),
});
const open = (doc: ProjectDoc) => useWorkbench.setState({ history: { past: [], doc, future: [] } });

afterEach(() => {
  open(EMPTY_PROJECT);
  forgetLeft();
  vi.restoreAllMocks();
});

describe('what panels show of a program', () => {
  const stores = [useProfile, useFeatures, useErrorMap, useMachine, useEffects, useAb];
  /** Whether each store holds something. */
  const full = () => ({
    profile: useProfile.getState().value !== null,
    features: useFeatures.getState().view !== null,
    errors: useErrorMap.getState().grid !== null,
    machine: useMachine.getState().view !== null,
    effects: useEffects.getState().effects !== null,
    sides: useAb.getState().a !== null,
  });
  const all = (kept: boolean) => ({ profile: kept, features: kept, errors: kept, machine: kept, effects: kept, sides: kept });

  /** Fills them with something of the program of `doc`: what it holds is of no account here. */
  function fill(doc: ProjectDoc, status: 'done' | 'running' = 'done') {
    const { program } = stageKeys(doc);
    const thing = { programKey: program } as never;
    useProfile.setState({ value: thing, status });
    useFeatures.setState({ program, view: thing });
    useErrorMap.setState({ key: JSON.stringify([program, 'trace', 'reference']), grid: thing, status });
    useMachine.setState({ session: JSON.stringify([program, 'trace', 0, []]), view: thing, status: status === 'done' ? 'paused' : status });
    useEffects.setState({ key: effectsKey(useWorkbench.getState()), effects: thing });
    useAb.setState({ a: { doc } as never, status });
  }

  beforeEach(() => {
    for (const store of stores) (store.setState as (state: object) => void)(store.getInitialState());
  });

  it('goes with its project', () => {
    open(assembly('first'));
    fill(assembly('first'));
    useEffects.setState({ key: 'another' });
    open(assembly('second'));
    forgetLeft();
    expect(full()).toEqual(all(false));
  });

  it('stays while the project is open', () => {
    open(assembly('first'));
    fill(assembly('first'));
    forgetLeft();
    expect(full()).toEqual(all(true));
  });

  it('stays while it is being made', () => {
    open(assembly('first'));
    fill(assembly('first'), 'running');
    open(assembly('second'));
    forgetLeft();
    const { profile, errors, machine, sides } = full();
    expect([profile, errors, machine, sides]).toEqual([true, true, true, true]);
  });
});

describe('what was computed for a project and may be asked for again', () => {
  let asked: string[] = [];
  const times = (method: string) => asked.filter((one) => one === method).length;

  beforeEach(() => {
    asked = [];
    vi.spyOn(WorkerClient.prototype, 'hold').mockReturnValue();
    vi.spyOn(WorkerClient.prototype, 'call').mockImplementation(async (method) => {
      asked.push(method);
      return {} as never;
    });
  });

  it('libraries that C is linked with stay as long as the open C names them', async () => {
    const link: CLink = { kind: 'object', blob: await putBlob('a.o', Uint8Array.of(1)) };
    open({ ...EMPTY_PROJECT, source: { kind: 'c', blob: ref('a.c'), links: [link] } });
    await libraryOf(link);
    forgetLeft();
    await libraryOf(link);
    expect(times('cLibrary')).toBe(1);
    open(assembly('second'));
    forgetLeft();
    await libraryOf(link);
    expect(times('cLibrary')).toBe(2);
  });

  it('scores of ONNX Runtime stay as long as model and trace are open', async () => {
    const [blob, trace] = [await putBlob('a.onnx', Uint8Array.of(2)), await putBlob('a.npy', Uint8Array.of(3))];
    const doc: ProjectDoc = { ...model('a'), source: { kind: 'model', blob }, trace };
    open(doc);
    await referenceFor(doc, 1, {});
    forgetLeft();
    await referenceFor(doc, 1, {});
    expect(times('score')).toBe(1);
    open(assembly('second'));
    forgetLeft();
    await referenceFor(doc, 1, {});
    expect(times('score')).toBe(2);
  });

  it('so does a calibration', async () => {
    const blob = await putBlob('a.onnx', Uint8Array.of(4));
    const calibration = await putBlob('calibration.json', new TextEncoder().encode('{"ranges":{}}'));
    const doc: ProjectDoc = {
      ...model('a'),
      source: { kind: 'model', blob },
      calibration: { kind: 'precomputed', blob: calibration },
      trace: null,
    };
    const { calibration: key } = stageKeys(doc);
    open(doc);
    resume();
    await vi.waitFor(() => expect(calibrationOf(key)).toBeDefined());
    forgetLeft();
    expect(calibrationOf(key)).toBeDefined();
    open(assembly('second'));
    forgetLeft();
    expect(calibrationOf(key)).toBeUndefined();
  });
});
