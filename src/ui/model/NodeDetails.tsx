import { useEffect, useState } from 'react';
import { compileWorker, hold } from '../../workbench/clients.ts';
import { openModelSpec } from '../../workbench/pipeline.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ModelNodeView, ModelView, WeightStats } from '../../workbench/views.ts';
import { familyColour, familyOf } from './families.ts';
import { shortType } from './graph-model.ts';

/** Everything about one operator: attributes, tensors, what its weights look like. */
export function NodeDetails({ node, model, insns }: { node: ModelNodeView; model: ModelView; insns: number | undefined }) {
  const key = useWorkbench((state) => state.stages.model.key);
  const weights = useWeights(key, node);
  return (
    <div className="node-details" data-testid="node-details">
      <div className="node-details-head">
        <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} />
        <strong>{node.op}</strong>
        <span className="muted ellipsis grow" title={node.name}>
          {node.name}
        </span>
        {insns === undefined ? null : (
          <span data-testid="node-insns" data-insns={insns}>
            {formatCount(insns)} instructions
          </span>
        )}
      </div>
      <dl className="kv">
        {node.attrs.map((attr) => (
          <Row key={attr.name} name={attr.name} text={attr.text} />
        ))}
        {node.inputs.filter(Boolean).map((name, at) => (
          <TensorRow key={`i${at}`} label={at === 0 ? 'inputs' : ''} name={name} model={model} />
        ))}
        {node.outputs.filter(Boolean).map((name, at) => (
          <TensorRow key={`o${at}`} label={at === 0 ? 'outputs' : ''} name={name} model={model} />
        ))}
      </dl>
      {weights.map((stats) => (
        <Weights key={stats.name} stats={stats} />
      ))}
    </div>
  );
}

function Row({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono">{text}</dd>
    </>
  );
}

function TensorRow({ label, name, model }: { label: string; name: string; model: ModelView }) {
  const info =
    model.inputs.find((tensor) => tensor.name === name) ??
    model.nodes.find((node) => node.output?.name === name)?.output ??
    model.nodes.flatMap((node) => node.weights).find((tensor) => tensor.name === name);
  return (
    <>
      <dt>{label}</dt>
      <dd className="tensor-row">
        <button type="button" className="link mono ellipsis" title={name} onClick={() => select('tensor', name)}>
          {name}
        </button>
        {info ? (
          <span className="muted mono">
            {info.dims.length === 0 ? 'scalar' : info.dims.join('×')} {shortType(info.dtype)}
          </span>
        ) : null}
      </dd>
    </>
  );
}

function Weights({ stats }: { stats: WeightStats }) {
  const top = Math.max(1, ...stats.bins);
  return (
    <figure className="weights">
      <figcaption className="small muted">
        <span className="mono">{stats.name}</span> · {formatCount(stats.count)} weights · {stats.min.toPrecision(3)} …{' '}
        {stats.max.toPrecision(3)} · mean {stats.mean.toPrecision(2)} · sd {stats.std.toPrecision(2)}
      </figcaption>
      <svg viewBox={`0 0 ${stats.bins.length} 24`} preserveAspectRatio="none" className="weights-bars" aria-hidden="true">
        {stats.bins.map((count, at) => (
          <rect key={at} x={at + 0.1} width={0.8} y={24 - (count / top) * 24} height={(count / top) * 24} />
        ))}
      </svg>
    </figure>
  );
}

function useWeights(key: string, node: ModelNodeView): readonly WeightStats[] {
  const [state, setState] = useState<{ of: string; stats: readonly WeightStats[] }>({ of: '', stats: [] });
  const of = `${key} ${node.index}`;
  useEffect(() => {
    if (node.weights.length === 0) return;
    let wanted = true;
    const model = openModelSpec();
    if (model?.key !== key) return;
    hold(compileWorker, model.model);
    compileWorker.call<readonly WeightStats[]>('weights', { model, names: node.weights.map((tensor) => tensor.name) }).then(
      (stats) => {
        if (wanted) setState({ of, stats });
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [of, key, node]);
  return state.of === of ? state.stats : [];
}
