import { ChevronLeft, ChevronRight, Minus, Plus } from 'lucide-react';
import { useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { useRelations } from '../../workbench/current-relations.ts';
import { useRelatedElements } from '../../workbench/element-relations.ts';
import { retryEventValues, stopEventValues, useEventValues, wantEventValues } from '../../workbench/event-values.ts';
import { divergence, nodeErrors } from '../../workbench/node-errors.ts';
import { rangeCount } from '../../workbench/ranges.ts';
import { partId, splitPart } from '../../workbench/selection.ts';
import { formatDims } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { EventValues } from '../../workbench/value-views.ts';
import type { ModelNodeView, ModelView } from '../../workbench/views.ts';
import { weightRole } from '../../workbench/weight-rows.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { PinnedContext } from '../components/pinned.ts';
import { useWidth } from '../components/useWidth.ts';
import { tensors as texts } from '../texts/tensors.ts';
import { tensorsPanel } from '../texts/tensors-panel.ts';
import { real } from './format.ts';
import { HeatMap } from './HeatMap.tsx';
import { planesOf, ZOOMS } from './heat-layout.ts';
import { NodeErrors } from './NodeErrors.tsx';
import { ElementLine, ErrorLine, RelatedLines } from './Readout.tsx';
import { drawn, type Mode, relatedIn, tensorOf } from './shown.ts';
import './tensors.css';

const MODES: readonly Mode[] = ['program', 'reference', 'difference'];

/** Every tensor of the event at the cursor, as the program has it and as ONNX Runtime computes it. */
export function TensorsPanel() {
  // A panel behind another one is there, but has no width.
  const { ref, width } = useWidth();
  const visible = width > 0;
  useEffect(() => (visible ? wantEventValues() : undefined), [visible]);
  const { value, status, stale, progress, error, event } = useEventValues();
  const model = useWorkbench((state) => state.stages.model.value);
  const program = useWorkbench((state) => state.stages.program.value);
  const kind = useWorkbench((state) => state.stages.trace.value?.kind ?? 'packets');
  const rows = useMemo(() => (model && value ? nodeErrors(model, value) : []), [model, value]);
  const held = rows.filter((row) => row.held !== 'folded').length;
  const without = kind === 'calls' ? texts.withoutCall : texts.withoutModel;
  const foreign = program !== null && program.modelKey === '';

  return (
    <Panel
      id="tensors"
      title={tensorsPanel.title}
      summary={
        value?.program.ran ? (
          <span title={texts.summary(held, rows.length)}>
            {texts.summaryOf(texts.event(kind, event), texts.summary(held, rows.length))}
          </span>
        ) : null
      }
    >
      <div ref={ref} />
      {error ? <ErrorNote error={error} /> : null}
      {status === 'running' ? <Progress progress={progress} label={texts.working} onCancel={stopEventValues} /> : null}
      {status === 'cancelled' || status === 'error' ? (
        <p className="tensor-again">
          <button type="button" className="button bordered" onClick={retryEventValues}>
            {texts.again}
          </button>
        </p>
      ) : null}
      {value && model && !foreign ? (
        <div className={stale ? 'stage-body stale' : 'stage-body'} aria-busy={stale} data-testid="tensors" data-ready={!stale}>
          {value.program.unplanned.length > 0 ? (
            <ErrorNote tone="warning" error={{ what: texts.unplanned(value.program.unplanned.join(', ')), where: '', advice: '' }} />
          ) : null}
          {value.program.ran ? (
            <Tensors model={model} values={value} rows={rows} />
          ) : (
            <Empty title={without.title} lines={[without.text]} />
          )}
        </div>
      ) : status === 'running' || error ? null : foreign ? (
        <Empty title={texts.noModel.title} lines={[texts.noModel.text]} />
      ) : (
        <Empty title={texts.emptyTitle} lines={[texts.emptyText, texts.emptyNeeds]} />
      )}
    </Panel>
  );
}

function Empty({ title, lines }: { title: string; lines: readonly string[] }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}

/** The tensor that the selection asks for: it stays while something else is selected, and while the panel is pinned. */
function useShown(model: ModelView, fallback: string): string {
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.tensor);
  const relations = useRelations();
  const pinned = useContext(PinnedContext);
  const wanted = tensorOf(selection, model, relations);
  const [shown, setShown] = useState<{ readonly of: unknown; readonly name: string | null }>({
    of: null,
    name: cursor === undefined ? null : String(cursor),
  });
  if (shown.of !== selection) setShown({ of: selection, name: wanted !== null && !pinned ? wanted : shown.name });
  const name = shown.name;
  const known =
    name !== null && (model.inputs.some((input) => input.name === name) || model.nodes.some((node) => node.outputs.includes(name)));
  return known ? name : fallback;
}

interface TensorsProps {
  readonly model: ModelView;
  readonly values: EventValues;
  readonly rows: ReturnType<typeof nodeErrors>;
}

function Tensors({ model, values, rows }: TensorsProps) {
  const parts = useMemo(() => divergence(rows), [rows]);
  const { first, worst, source } = parts;
  const name = useShown(model, rows[worst]?.tensor ?? model.outputs[0]?.name ?? '');
  const selection = useWorkbench((state) => state.selection);
  const cursorId = useWorkbench((state) => state.cursors.element);
  const { seed, related } = useRelatedElements();
  const [wantedMode, setMode] = useState<Mode>('program');
  const [zoom, setZoom] = useState<number | null>(null);
  const [places, setPlaces] = useState<ReadonlyMap<number, number>>(new Map());

  const program = values.byName.get(name);
  const reference = values.reference.get(name);
  const error = values.errors.get(name);
  const mode: Mode = !program ? 'reference' : !reference ? 'program' : wantedMode;
  const dims = useMemo(() => program?.dims ?? reference?.dims ?? [], [program, reference]);
  const planes = useMemo(() => planesOf(dims, places), [dims, places]);
  const picture = useMemo(() => drawn(mode, program, reference, error), [mode, program, reference, error]);
  const { whole, part } = splitPart(cursorId ?? '');
  const count = program?.data.length ?? reference?.data.length ?? 0;
  const cursor = whole === name && part < count ? part : -1;
  const here = relatedIn(name, seed, related, selection);
  const onSelect = useCallback((element: number) => select('element', partId(name, element)), [name]);

  useCommandHandler(
    'tensors.program',
    useCallback(() => setMode('program'), []),
  );
  useCommandHandler(
    'tensors.reference',
    useCallback(() => setMode('reference'), []),
  );
  useCommandHandler(
    'tensors.difference',
    useCallback(() => setMode('difference'), []),
  );
  const zoomBy = useCallback((step: 1 | -1) => {
    setZoom((present) => {
      const at = present === null ? (step > 0 ? 2 : 0) : ZOOMS.indexOf(present as (typeof ZOOMS)[number]) + step;
      return at < 0 ? null : (ZOOMS[Math.min(ZOOMS.length - 1, at)] ?? null);
    });
  }, []);
  useCommandHandler(
    'tensors.zoomIn',
    useCallback(() => zoomBy(1), [zoomBy]),
  );
  useCommandHandler(
    'tensors.zoomOut',
    useCallback(() => zoomBy(-1), [zoomBy]),
  );
  useCommandHandler(
    'tensors.first',
    useCallback(() => {
      const row = rows[first >= 0 ? first : worst];
      if (row) select('tensor', row.tensor);
    }, [rows, first, worst]),
  );
  useCommandHandler(
    'tensors.source',
    useCallback(() => {
      const row = rows[source];
      if (row) select('tensor', row.tensor);
    }, [rows, source]),
  );
  useCommandHandler(
    'tensors.worst',
    useCallback(() => {
      if (error && error.at >= 0) select('element', partId(name, error.at));
    }, [error, name]),
  );

  const row = rows.find(({ tensor }) => tensor === name);
  return (
    <div className="tensors">
      <div className="tensor-parts">
        <NodeErrors rows={rows} shown={name} divergence={parts} />
        <div className="tensor-main">
          <div className="tensor-head">
            <p className="ellipsis" title={name} data-testid="tensor-name">
              {row ? <strong>{row.node.op} </strong> : null}
              {name}
            </p>
            <p className="small muted ellipsis">
              {formatDims(dims)}
              {program ? ` · ${program.scales ? texts.shares : texts.integer(real(program.scale, 3))} · ${heldText(program)}` : null}
            </p>
          </div>
          <div className="tensor-tools">
            <Modes mode={mode} program={program !== undefined} reference={reference !== undefined} onChange={setMode} />
            <span className="tensor-zoom">
              <button
                type="button"
                className="button square"
                aria-label={texts.zoomOut}
                title={texts.zoomOut}
                disabled={zoom === null}
                onClick={() => zoomBy(-1)}
              >
                <Minus size={14} />
              </button>
              <button
                type="button"
                className="button square"
                aria-label={texts.zoomIn}
                title={texts.zoomIn}
                disabled={zoom === ZOOMS.at(-1)}
                onClick={() => zoomBy(1)}
              >
                <Plus size={14} />
              </button>
            </span>
            {planes.fixed.map(({ axis, count: places_, at }) => (
              <Stepper key={axis} axis={axis} count={places_} at={at} onChange={(to) => setPlaces(new Map([...places, [axis, to]]))} />
            ))}
            {picture ? <Legend low={picture.low} high={picture.high} diverging={mode === 'difference'} /> : null}
          </div>
          {program || !row ? null : <FoldedNote row={row} />}
          {picture ? (
            <HeatMap
              name={name}
              dims={dims}
              planes={planes}
              values={picture.values}
              low={picture.low}
              high={picture.high}
              diverging={mode === 'difference'}
              cursor={cursor}
              related={here.ranges}
              zoom={zoom}
              onSelect={onSelect}
            />
          ) : (
            <p className="empty">{texts.weightless}</p>
          )}
          <div className="tensor-foot">
            <ElementLine name={name} dims={dims} program={program} reference={reference} error={error} cursor={cursor} />
            {selection?.kind === 'element' && whole === name ? <RelatedLines related={related} values={values} model={model} /> : null}
            {row && selection?.kind === 'weight' ? <RowRole node={row.node} id={selection.id} /> : null}
            {selection?.kind === 'element' && whole === name ? null : here.direction ? (
              <p className="tensor-related small muted" data-testid="related-here">
                {texts.relatedHere(rangeCount(here.ranges), here.direction)}
                {here.exact ? '' : ` (${texts.inexact})`}
              </p>
            ) : null}
            <ErrorLine name={name} dims={dims} program={program} reference={reference} error={error} cursor={cursor} />
          </div>
        </div>
      </div>
    </div>
  );
}

interface ModesProps {
  readonly mode: Mode;
  /** Which sides have the tensor. */
  readonly program: boolean;
  readonly reference: boolean;
  readonly onChange: (mode: Mode) => void;
}

function Modes({ mode, program, reference, onChange }: ModesProps) {
  return (
    <div className="segments">
      {MODES.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={mode === one}
          className="segment"
          title={texts.modeAbout[one]}
          disabled={(one !== 'reference' && !program) || (one !== 'program' && !reference)}
          onClick={() => onChange(one)}
        >
          {texts.modes[one]}
        </button>
      ))}
    </div>
  );
}

/** What the selected row of a weight does at the operator on show. */
function RowRole({ node, id }: { node: ModelNodeView; id: number | string }) {
  const { whole, part } = splitPart(id);
  if (!node.inputs.includes(whole)) return null;
  const role = weightRole(node, whole);
  return (
    <p className="small" data-testid="row-role">
      {role ? texts.roles[role](part, whole) : texts.roles.none(part, whole, node.op)}
    </p>
  );
}

const heldText = ({ stage, byRows }: { stage: number; byRows: boolean }): string =>
  stage < 0 ? texts.input : byRows ? texts.byRows(stage) : texts.whole;

function FoldedNote({ row }: { row: TensorsProps['rows'][number] }) {
  return (
    <div className="tensor-folded small" data-testid="folded">
      <p>
        <span aria-hidden="true">{texts.mark} </span>
        {row.into ? texts.folded(row.into) : texts.foldedUnknown} <span className="muted">{texts.referenceOnly}</span>
      </p>
      {row.into ? (
        <button type="button" className="button small" onClick={() => select('tensor', row.into!)}>
          {texts.show(row.into)}
        </button>
      ) : null}
    </div>
  );
}

function Stepper({ axis, count, at, onChange }: { axis: number; count: number; at: number; onChange: (at: number) => void }) {
  return (
    <div className="tensor-stepper small">
      <span className="muted">{texts.slice(axis)}</span>
      <button type="button" className="button square" aria-label={texts.before(axis)} disabled={at === 0} onClick={() => onChange(at - 1)}>
        <ChevronLeft size={14} />
      </button>
      <span>{texts.sliceOf(at, count)}</span>
      <button
        type="button"
        className="button square"
        aria-label={texts.after(axis)}
        disabled={at === count - 1}
        onClick={() => onChange(at + 1)}
      >
        <ChevronRight size={14} />
      </button>
    </div>
  );
}

function Legend({ low, high, diverging }: { low: number; high: number; diverging: boolean }) {
  return (
    <div className="tensor-legend small muted">
      <span>{real(low, 3)}</span>
      <span className={diverging ? 'ramp diverging' : 'ramp'} aria-hidden="true" />
      <span>{real(high, 3)}</span>
    </div>
  );
}
