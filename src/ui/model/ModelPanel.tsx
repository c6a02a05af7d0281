import { List, Workflow } from 'lucide-react';
import { useMemo, useState } from 'react';
import { relatedNodes } from '../../workbench/relations.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { Panel } from '../components/Panel.tsx';
import { StageGate } from '../components/StageGate.tsx';
import { FAMILY_LABELS, type Family, familyColour, familyOf } from './families.ts';
import { Graph } from './Graph.tsx';
import { buildGraph } from './graph-model.ts';
import { NodeDetails } from './NodeDetails.tsx';
import { NodeList } from './NodeList.tsx';
import { OverlayChooser } from './OverlayChooser.tsx';
import { nextOverlay, OVERLAYS, useChosenOverlay, useOverlayValues } from './overlays.ts';
import { INSTRUCTIONS } from './overlays-own.ts';
import './model.css';

const EMPTY_COSTS: ReadonlyMap<number, number> = new Map();

const selectNode = (index: number) => select('node', index);

/** The model: as a graph, or the same operators as a list. */
export function ModelPanel() {
  const model = useWorkbench((state) => state.stages.model.value);
  const program = useWorkbench((state) => state.stages.program.value);
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.node);
  const [view, setView] = useState<'graph' | 'list'>('graph');

  const graph = useMemo(() => (model ? buildGraph(model) : null), [model]);
  const values = useOverlayValues();
  const chosen = useChosenOverlay((state) => state.chosen);
  const overlay = OVERLAYS.find(({ id }) => id === chosen) ?? INSTRUCTIONS;
  useCommandHandler('model.overlay.next', nextOverlay);
  const costs = values.get(INSTRUCTIONS.id) ?? EMPTY_COSTS;
  const related = useMemo(() => relatedNodes(selection, program, model), [selection, program, model]);
  const selected = selection?.kind === 'node' ? Number(selection.id) : null;
  const [firstRelated] = related;
  const detail = selected ?? firstRelated ?? (cursor === undefined ? null : Number(cursor));
  const node = detail === null ? null : (model?.nodes.find((candidate) => candidate.index === detail) ?? null);
  const live = useMemo(() => model?.nodes.filter((candidate) => candidate.folded === undefined) ?? [], [model]);

  return (
    <Panel
      id="model"
      title="Model"
      summary={
        model ? `${formatCount(live.length)} operators · ${formatCount(model.parameterCount)} parameters · opset ${model.opset}` : null
      }
      actions={
        <fieldset className="segmented" aria-label="View of the model">
          <button
            type="button"
            className="button square"
            aria-pressed={view === 'graph'}
            aria-label="Graph"
            title="Graph"
            onClick={() => setView('graph')}
          >
            <Workflow size={14} />
          </button>
          <button
            type="button"
            className="button square"
            aria-pressed={view === 'list'}
            aria-label="List"
            title="List"
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
            <strong>No model is open.</strong>
            <p>
              The operators of an ONNX model appear here with their shapes and what each costs in instructions. Open an .onnx file, or drop
              one anywhere.
            </p>
          </div>
        }
      >
        {view === 'graph' && graph ? (
          <Graph
            graph={graph}
            overlay={overlay}
            values={values.get(overlay.id) ?? null}
            heated={chosen !== null}
            chooser={<OverlayChooser values={values} />}
            selected={selected}
            related={related}
            onSelect={selectNode}
          />
        ) : (
          <NodeList nodes={live} costs={costs} selected={selected} related={related} />
        )}
        {model ? <Legend families={live.map((candidate) => familyOf(candidate.op))} /> : null}
        {node && model ? <NodeDetails node={node} model={model} insns={costs.get(node.index)} /> : null}
      </StageGate>
    </Panel>
  );
}

function Legend({ families }: { families: readonly Family[] }) {
  const present = [...new Set(families)];
  return (
    <ul className="legend small muted" aria-label="Colours of operator families">
      {present.map((family) => (
        <li key={family}>
          <span className="stripe" style={{ background: familyColour(family) }} />
          {FAMILY_LABELS[family]}
        </li>
      ))}
    </ul>
  );
}
