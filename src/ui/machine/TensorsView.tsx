import { useEffect, useMemo, useRef, useState } from 'react';
import { scaleAt } from '../../reference/value-error.ts';
import { useEventValues, wantEventValues } from '../../workbench/event-values.ts';
import { readTensor, readTensors, useMachine } from '../../workbench/machine.ts';
import type { MachineTensor, MachineTensorData, MachineTensors, MachineView } from '../../workbench/machine-views.ts';
import { formatDims } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { real } from '../tensors/format.ts';
import { machine as texts } from '../texts/machine.ts';
import { placeText } from './format.ts';

const ROW_HEIGHT = 18;

/** Tensors as far as the run has made them: integers, what they mean, and what ONNX Runtime computes. */
export function TensorsView({ view }: { view: MachineView }) {
  const [loaded, setLoaded] = useState<{ readonly of: MachineView; readonly list: MachineTensors | null } | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  useEffect(() => wantEventValues(), []);
  useEffect(() => {
    let wanted = true;
    readTensors().then(
      (list) => {
        if (wanted) setLoaded({ of: view, list });
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [view]);
  if (!loaded) return null;
  const { list } = loaded;
  if (list === null) return <p className="empty">{texts.noTensors}</p>;
  const made = list.filter((one) => one.made > 0);
  if (made.length === 0) return <p className="machine-note muted">{texts.notRun}</p>;
  const shown = made.find(({ name }) => name === chosen) ?? madeLast(made);
  return (
    <div className="machine-tensors" data-testid="machine-tensors">
      <div className="machine-form small">
        <label className="grow">
          <span className="muted">{texts.tensor}</span>
          <select className="field grow" value={shown.name} onChange={(event) => setChosen(event.target.value)}>
            {made.map(({ name, dims }) => (
              <option key={name} value={name}>
                {`${name} ${formatDims(dims)}`}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p className="machine-note small muted">
        {texts.states[shown.state]}
        {shown.made < shown.parts ? `, ${texts.made(shown.made, shown.parts)}` : ''}
      </p>
      <Elements key={shown.name} view={view} name={shown.name} />
    </div>
  );
}

/** The tensor that was made last; of several that share its integers the last one of the graph. */
const madeLast = (made: readonly MachineTensor[]): MachineTensor => made.reduce((last, one) => (one.order >= last.order ? one : last));

function Elements({ view, name }: { view: MachineView; name: string }) {
  const [loaded, setLoaded] = useState<{ readonly of: MachineView; readonly tensor: MachineTensorData | null } | null>(null);
  const [active, setActive] = useState(-1);
  const list = useRef<VirtualListHandle>(null);
  const values = useEventValues();
  const event = useMachine((state) => state.event);
  const withModel = useWorkbench((state) => state.stages.model.value !== null);
  useEffect(() => {
    let wanted = true;
    readTensor(name).then(
      (tensor) => {
        if (!wanted) return;
        setLoaded({ of: view, tensor });
        if (tensor?.known) setActive(tensor.latest);
      },
      () => {
        if (wanted) setLoaded({ of: view, tensor: null });
      },
    );
    return () => {
      wanted = false;
    };
  }, [view, name]);
  // A list that has just come shows its beginning.
  useEffect(() => {
    if (loaded?.tensor?.known) list.current?.scrollTo(loaded.tensor.latest, 'start');
  }, [loaded]);
  const fresh = values.event === event && !values.stale && values.value !== null;
  const reference = fresh ? (values.value?.reference.get(name)?.data ?? null) : null;
  const tensor = loaded?.tensor ?? null;
  const worst = useMemo(() => (tensor && reference ? largestError(tensor, reference) : null), [tensor, reference]);
  if (!loaded) return null;
  if (!tensor) return <p className="machine-note small muted">{texts.notMade}</p>;
  const { dims, data, known, scale, scales } = tensor;
  return (
    <>
      <div className="machine-note machine-worst small">
        <p data-testid="tensor-error">
          {scales ? texts.shares : texts.scale(real(scale, 4))}
          {worst && worst.at >= 0 ? ` · ${texts.worst(real(worst.error, 3), placeText(worst.at, dims), worst.count)}` : ''}
          {reference || !withModel ? '' : ` · ${values.status === 'running' ? texts.referenceLoading : texts.noReference}`}
        </p>
        {worst && worst.at >= 0 ? (
          <button type="button" className="button small bordered" onClick={() => setActive(worst.at)}>
            {texts.worstButton}
          </button>
        ) : null}
        {known ? (
          <button type="button" className="button small bordered" onClick={() => setActive(tensor.latest)}>
            {texts.latest}
          </button>
        ) : null}
      </div>
      <div className="machine-element machine-element-head small muted" aria-hidden="true">
        <span>{texts.index}</span>
        <span>{texts.integer}</span>
        <span>{texts.real}</span>
        <span>{texts.reference}</span>
        <span>{texts.difference}</span>
      </div>
      <VirtualList
        ref={list}
        label={`${texts.tensor} ${name}: ${texts.index}, ${texts.integer}, ${texts.real}, ${texts.reference}, ${texts.difference}`}
        className="mono machine-elements"
        count={data.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={setActive}
        rowClass={(index) => (index === active ? 'selected' : '')}
      >
        {(index) => {
          const there = !known || known[index] === 1;
          const value = data[index]! * scaleAt(tensor, index);
          const wanted = reference?.[index];
          return (
            <span className="machine-element">
              <span className="muted">{placeText(index, dims)}</span>
              <span>{there ? data[index] : texts.notYet}</span>
              <span>{there ? real(value, 4) : texts.notYet}</span>
              <span>{wanted === undefined ? texts.notYet : real(wanted, 4)}</span>
              <span>{there && wanted !== undefined ? real(value - wanted, 2) : texts.notYet}</span>
            </span>
          );
        }}
      </VirtualList>
    </>
  );
}

/** Below this a reference masks: the program only keeps such values low. */
const MASKED = -1000;

function largestError(tensor: MachineTensorData, reference: Float32Array) {
  const { data, known, masks } = tensor;
  let [error, at, count] = [0, -1, 0];
  for (let i = 0; i < data.length; i++) {
    if (known && known[i] === 0) continue;
    const wanted = reference[i]!;
    if (!Number.isFinite(wanted) || (masks && wanted < MASKED)) continue;
    count++;
    const own = Math.abs(data[i]! * scaleAt(tensor, i) - wanted);
    if (own > error || at < 0) [error, at] = [own, i];
  }
  return { error, at, count };
}
