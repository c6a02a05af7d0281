import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { compileWorker, hold, type ModelSpec } from '../../workbench/clients.ts';
import type { NodeDifference, NodeState } from '../../workbench/model-diff.ts';
import { openModelSpec } from '../../workbench/pipeline.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { announce, select } from '../../workbench/store.ts';
import type { ComparedModels } from '../../workbench/workers/compare-models.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { compare as texts } from '../texts/model.ts';
import { CHANGE_GLYPHS, type NodeStates } from './changes.ts';
import { leaveComparison } from './compare-store.ts';
import { DetailsArea } from './DetailsArea.tsx';
import { DifferenceList } from './DifferenceList.tsx';
import { Graph } from './Graph.tsx';
import { buildGraph } from './graph-model.ts';
import { INSTRUCTIONS } from './overlays-own.ts';
import { tensorTable } from './tensors.ts';
import { type Remote, useRemote } from './useRemote.ts';

/** From this width on the two graphs stand side by side. */
const BOTH_FROM = 560;

const NONE: ReadonlySet<number> = new Set();

const useComparedModels = (modelKey: string, other: ModelSpec): Remote<ComparedModels> =>
  useRemote(`${modelKey} ${other.key}`, (options) => {
    const model = openModelSpec();
    if (!model) return Promise.reject(new Error('no model is open'));
    hold(compileWorker, model.model, other.model);
    return compileWorker.call<ComparedModels>('compareModels', { model, other }, options);
  });

interface ComparisonProps {
  /** File of the open model. */
  readonly file: string;
  readonly other: ModelSpec;
  readonly modelKey: string;
  readonly width: number;
  readonly height: number;
  /** ONNX node of the open model that is selected. */
  readonly selected: number | null;
  /** Draws the open model; `commanded` says whether keys act on it. */
  readonly graph: (states: NodeStates | null, commanded: boolean, goTo: { readonly node: number } | null) => ReactNode;
}

/** Two models side by side, and the list of their differences. */
export default function Comparison({ file, other, modelKey, width, height, selected, graph }: ComparisonProps) {
  const { value, progress, error } = useComparedModels(modelKey, other);
  const differences = useMemo(() => value?.difference.nodes.filter(({ state }) => state !== 'same') ?? [], [value]);
  const states = useMemo(() => statesOf(value?.difference.nodes ?? []), [value]);
  const [picked, setPicked] = useState<NodeDifference | null>(null);
  const [side, setSide] = useState<'a' | 'b'>('a');
  const [keys, setKeys] = useState<'a' | 'b'>('a');
  const [goTo, setGoTo] = useState<{ readonly a: { readonly node: number } | null; readonly b: { readonly node: number } | null }>(NOWHERE);

  // What is selected elsewhere takes its twin along.
  useEffect(() => {
    if (selected !== null) setPicked(value?.difference.nodes.find(({ a }) => a === selected) ?? null);
  }, [selected, value]);

  const pick = useCallback((difference: NodeDifference | null) => {
    if (!difference) return;
    const { a, b, state } = difference;
    setPicked(difference);
    if (a === null) setSide('b');
    if (b === null) setSide('a');
    if (a !== null) select('node', a);
    setGoTo({ a: a === null ? null : { node: a }, b: b === null ? null : { node: b } });
    announce(texts.states[state]);
  }, []);
  const at = picked ? differences.indexOf(picked) : -1;
  const step = useCallback(
    (by: 1 | -1) => {
      if (differences.length === 0) return;
      const next = at < 0 ? (by === 1 ? 0 : differences.length - 1) : (at + by + differences.length) % differences.length;
      pick(differences[next]!);
    },
    [differences, at, pick],
  );
  useCommandHandler(
    'model.compare.next',
    useCallback(() => step(1), [step]),
  );
  useCommandHandler(
    'model.compare.before',
    useCallback(() => step(-1), [step]),
  );

  const both = width >= BOTH_FROM;
  const commanded = both ? keys : side;
  return (
    <>
      <div className="model-main">
        <div className="compare-head" data-testid="comparison">
          {value ? <Counts count={value.difference.count} /> : <span className="muted">{texts.title(other.model.name)}</span>}
          <span className="grow" />
          {both ? null : (
            <fieldset className="segmented" aria-label={texts.sides}>
              {(['a', 'b'] as const).map((id) => (
                <button key={id} type="button" className="button" aria-pressed={side === id} onClick={() => setSide(id)}>
                  {id === 'a' ? texts.open : texts.other}
                </button>
              ))}
            </fieldset>
          )}
          <button
            type="button"
            className="button square"
            aria-label={texts.before}
            title={`${texts.before} (Shift+N)`}
            onClick={() => step(-1)}
          >
            <ChevronUp size={14} />
          </button>
          <button type="button" className="button square" aria-label={texts.next} title={`${texts.next} (N)`} onClick={() => step(1)}>
            <ChevronDown size={14} />
          </button>
          <button type="button" className="button square" aria-label={texts.leave} title={texts.leave} onClick={leaveComparison}>
            <X size={14} />
          </button>
        </div>
        {error ? <ErrorNote error={error} /> : null}
        {value === null && !error ? <Progress progress={progress} label={texts.running} onCancel={leaveComparison} /> : null}
        <div className="compare-panes">
          {both || side === 'a' ? (
            <div className="compare-pane" onFocusCapture={() => setKeys('a')}>
              {both ? <p className="compare-pane-name small muted ellipsis">{file}</p> : null}
              {graph(value ? states.a : null, commanded === 'a', goTo.a)}
            </div>
          ) : null}
          {value && (both || side === 'b') ? (
            <div className="compare-pane" onFocusCapture={() => setKeys('b')}>
              <p className="compare-pane-name small muted ellipsis" title={other.model.name}>
                {other.model.name}
              </p>
              <OtherGraph
                compared={value}
                states={states.b}
                commanded={commanded === 'b'}
                selected={picked?.b ?? null}
                goTo={goTo.b}
                onSelect={(node) => pick(value.difference.nodes.find(({ b }) => b === node) ?? null)}
              />
            </div>
          ) : null}
        </div>
      </div>
      {value ? (
        <DetailsArea width={width} height={height} beside={false}>
          <DifferenceList compared={value} differences={differences} picked={picked} onPick={pick} />
        </DetailsArea>
      ) : null}
    </>
  );
}

const NOWHERE = { a: null, b: null };

function Counts({ count }: { count: { readonly [State in NodeState]: number } }) {
  return (
    <span className="compare-counts">
      {(['added', 'removed', 'changed'] as const).map((state) => (
        <span key={state} title={texts.states[state]}>
          <span className={`change-glyph ${state}`} aria-hidden="true">
            {CHANGE_GLYPHS[state]}
          </span>{' '}
          {formatCount(count[state])}
          <span className="visually-hidden"> {texts.states[state]}</span>
        </span>
      ))}
      <span className="muted">{texts.counts(formatCount(count.same))}</span>
    </span>
  );
}

function statesOf(nodes: readonly NodeDifference[]): { readonly a: NodeStates; readonly b: NodeStates } {
  const [a, b] = [new Map<number, NodeState>(), new Map<number, NodeState>()];
  for (const node of nodes) {
    if (node.a !== null) a.set(node.a, node.state);
    if (node.b !== null) b.set(node.b, node.state);
  }
  return { a, b };
}

interface OtherGraphProps {
  readonly compared: ComparedModels;
  readonly states: NodeStates;
  readonly commanded: boolean;
  readonly selected: number | null;
  readonly goTo: { readonly node: number } | null;
  readonly onSelect: (node: number) => void;
}

function OtherGraph({ compared: { other }, states, commanded, selected, goTo, onSelect }: OtherGraphProps) {
  const graph = useMemo(() => buildGraph(other), [other]);
  const table = useMemo(() => tensorTable(other, null, null), [other]);
  return (
    <Graph
      graph={graph}
      table={table}
      overlay={INSTRUCTIONS}
      values={null}
      heated={false}
      chooser={null}
      selected={selected}
      tensor={null}
      related={NONE}
      onSelect={onSelect}
      states={states}
      name={texts.graphOf(other.file, graph.indexOfOp.size)}
      commanded={commanded}
      goTo={goTo}
      foreign
    />
  );
}
