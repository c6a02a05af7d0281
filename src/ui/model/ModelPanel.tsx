import { List, Workflow } from 'lucide-react';
import { Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { useRelations } from '../../workbench/current-relations.ts';
import { calibratedRanges } from '../../workbench/pipeline.ts';
import { valuesOf } from '../../workbench/ranges.ts';
import { splitPart } from '../../workbench/selection.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import type { MenuItem } from '../components/Menu.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { part } from '../components/part.tsx';
import { StageGate } from '../components/StageGate.tsx';
import { compare as compareTexts, exports as exportTexts, graph as graphTexts, model as texts } from '../texts/model.ts';
import type { NodeStates } from './changes.ts';
import { compareWith, useComparison } from './compare-store.ts';
import { DetailsArea } from './DetailsArea.tsx';
import { FAMILY_LABELS, type Family, familyColour, familyOf } from './families.ts';
import { type Drawing, Graph } from './Graph.tsx';
import { buildGraph } from './graph-model.ts';
import { NodeList } from './NodeList.tsx';
import { OverlayChooser } from './OverlayChooser.tsx';
import { nextOverlay, OVERLAYS, useChosenOverlay, useOverlayValues } from './overlays.ts';
import { INSTRUCTIONS } from './overlays-own.ts';
import { tensorTable } from './tensors.ts';
import { useSize } from './useSize.ts';
import './model.css';

const NodeDetails = part(() => import('./NodeDetails.tsx').then((module) => ({ default: module.NodeDetails })));
const TensorDetails = part(() => import('./TensorDetails.tsx').then((module) => ({ default: module.TensorDetails })));
const Comparison = part(() => import('./Comparison.tsx'));
const PngDialog = part(() => import('./PngDialog.tsx'));

const EMPTY_COSTS: ReadonlyMap<number, number> = new Map();
/** Panels at least this wide show the details beside the graph. */
const BESIDE_FROM = 760;
/** Lower panels need the room for the graph; names of operators say there what colours say. */
const LEGEND_FROM = 560;

const selectNode = (index: number) => select('node', index);

/** The model: as a graph, or the same operators as a list. */
export function ModelPanel() {
  const model = useWorkbench((state) => state.stages.model.value);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const calibrationKey = useWorkbench((state) => state.stages.calibration.key);
  const program = useWorkbench((state) => state.stages.program.value);
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.node);
  const [view, setView] = useState<'graph' | 'list'>('graph');
  const { ref, width, height } = useSize();

  const graph = useMemo(() => (model ? buildGraph(model) : null), [model]);
  const integers = program?.modelKey === modelKey ? program.integers : null;
  const table = useMemo(
    () => (model ? tensorTable(model, integers, calibratedRanges(calibrationKey)) : new Map()),
    [model, integers, calibrationKey],
  );
  const values = useOverlayValues();
  const chosen = useChosenOverlay((state) => state.chosen);
  const overlay = OVERLAYS.find(({ id }) => id === chosen) ?? INSTRUCTIONS;
  useCommandHandler('model.overlay.next', nextOverlay);
  useCommandHandler(
    'model.list',
    useCallback(() => setView((now) => (now === 'graph' ? 'list' : 'graph')), []),
  );
  const costs = values.get(INSTRUCTIONS.id) ?? EMPTY_COSTS;
  const { nodes } = useRelations();
  const related = useMemo(() => new Set(valuesOf(nodes)), [nodes]);
  const selected = selection?.kind === 'node' ? Number(selection.id) : null;
  const tensor = selectedTensor(selection);
  const [firstRelated] = related;
  const detail = selected ?? firstRelated ?? (cursor === undefined ? null : Number(cursor));
  const node = detail === null ? null : (model?.nodes.find((candidate) => candidate.index === detail) ?? null);
  const live = useMemo(() => model?.nodes.filter((candidate) => candidate.folded === undefined) ?? [], [model]);
  const families = useMemo(() => [...new Set(live.map((candidate) => familyOf(candidate.op)))], [live]);
  const info = tensor === null ? undefined : table.get(tensor);
  const beside = width >= BESIDE_FROM;
  const other = useComparison((state) => state.other);
  const comparing = view === 'graph' && graph ? other : null;

  const picker = useRef<HTMLInputElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const onDrawing = useCallback((next: Drawing | null) => {
    drawing.current = next;
  }, []);
  const [png, setPng] = useState<Drawing | null>(null);
  const fileName = model?.file.replace(/\.onnx$/i, '') ?? '';
  const compare = useCallback(() => picker.current?.click(), []);
  const exportSvg = useCallback(() => {
    const present = drawing.current;
    if (present) void import('./export-graph.ts').then(({ saveSvg }) => saveSvg(present, `${fileName}.svg`));
  }, [fileName]);
  const exportPng = useCallback(() => setPng(drawing.current), []);
  useCommandHandler('model.compare.start', compare);
  useCommandHandler('model.export.svg', exportSvg);
  useCommandHandler('model.export.png', exportPng);
  const more = useMemo<readonly MenuItem[]>(
    () => [
      { id: 'compare', title: compareTexts.start, run: compare },
      { id: 'svg', title: exportTexts.svg, run: exportSvg },
      { id: 'png', title: exportTexts.png, run: exportPng },
    ],
    [compare, exportSvg, exportPng],
  );

  const drawn = (states: NodeStates | null, commanded: boolean, goTo: { readonly node: number } | null) =>
    graph ? (
      <Graph
        graph={graph}
        table={table}
        overlay={overlay}
        values={values.get(overlay.id) ?? null}
        heated={chosen !== null}
        chooser={<OverlayChooser values={values} />}
        selected={selected}
        tensor={tensor}
        related={related}
        onSelect={selectNode}
        states={states}
        name={graphTexts.name(graph.indexOfOp.size)}
        commanded={commanded}
        goTo={goTo}
        more={more}
        onDrawing={onDrawing}
      />
    ) : null;

  return (
    <Panel
      id="model"
      title={texts.title}
      summary={model ? texts.summary(formatCount(live.length), formatCount(model.parameterCount), model.opset) : null}
      actions={
        <fieldset className="segmented" aria-label={texts.views}>
          <button
            type="button"
            className="button square"
            aria-pressed={view === 'graph'}
            aria-label={texts.graph}
            title={texts.graph}
            onClick={() => setView('graph')}
          >
            <Workflow size={14} />
          </button>
          <button
            type="button"
            className="button square"
            aria-pressed={view === 'list'}
            aria-label={texts.list}
            title={texts.list}
            onClick={() => setView('list')}
          >
            <List size={14} />
          </button>
        </fieldset>
      }
    >
      <StageGate
        name="model"
        empty={
          <div className="empty">
            <strong>{texts.empty.title}</strong>
            <p>{texts.empty.text}</p>
          </div>
        }
      >
        <div ref={ref} data-model={model?.file} className={`model-body${beside && !comparing ? ' wide' : ''}`}>
          {comparing ? (
            <Suspense fallback={<Progress progress={null} label={compareTexts.running} />}>
              <Comparison
                file={model?.file ?? ''}
                other={comparing}
                modelKey={modelKey}
                width={width}
                height={height}
                selected={selected}
                graph={drawn}
              />
            </Suspense>
          ) : (
            <>
              <div className="model-main">
                {view === 'graph' ? drawn(null, true, null) : <NodeList nodes={live} costs={costs} selected={selected} related={related} />}
                {model && height >= LEGEND_FROM ? <Legend families={families} /> : null}
              </div>
              {model && (info || node) ? (
                <DetailsArea width={width} height={height} beside={beside}>
                  <Suspense>
                    {info ? (
                      <TensorDetails info={info} model={model} />
                    ) : node ? (
                      <NodeDetails node={node} table={table} insns={costs.get(node.index)} />
                    ) : null}
                  </Suspense>
                </DetailsArea>
              ) : null}
            </>
          )}
        </div>
        <input
          ref={picker}
          type="file"
          accept=".onnx"
          hidden
          data-testid="compare-picker"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            event.target.value = '';
            if (file) void compareWith(file);
          }}
        />
        {png && graph ? (
          <Suspense fallback={null}>
            <PngDialog drawing={png} name={fileName} onClose={() => setPng(null)} />
          </Suspense>
        ) : null}
      </StageGate>
    </Panel>
  );
}

/** The tensor that is selected, whole or by one of its elements. */
function selectedTensor(selection: { readonly kind: string; readonly id: string | number } | null): string | null {
  if (selection?.kind === 'tensor') return String(selection.id);
  return selection?.kind === 'element' ? splitPart(selection.id).whole : null;
}

function Legend({ families }: { families: readonly Family[] }) {
  return (
    <ul className="legend small muted" aria-label={texts.families}>
      {families.map((family) => (
        <li key={family}>
          <span className="stripe" style={{ background: familyColour(family) }} />
          {FAMILY_LABELS[family]}
        </li>
      ))}
    </ul>
  );
}
