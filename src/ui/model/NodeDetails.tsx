import { formatCount } from '../../workbench/selectors.ts';
import type { ModelNodeView } from '../../workbench/views.ts';
import { details as texts } from '../texts/model.ts';
import { familyColour, familyOf } from './families.ts';
import { TensorLines } from './TensorLines.tsx';
import type { TensorTable } from './tensors.ts';
import { Weights } from './Weights.tsx';

interface NodeDetailsProps {
  readonly node: ModelNodeView;
  readonly table: TensorTable;
  readonly insns: number | undefined;
}

/** Everything about one operator: attributes, tensors, what its weights look like. */
export function NodeDetails({ node, table, insns }: NodeDetailsProps) {
  const weights = new Set(node.weights.map(({ name }) => name));
  return (
    <div data-testid="node-details">
      <div className="details-head">
        <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} />
        <strong>{node.op}</strong>
        <span className="muted ellipsis grow" title={node.name}>
          {node.name}
        </span>
        {insns === undefined ? null : (
          <span className="details-count" data-testid="node-insns" data-insns={insns}>
            {texts.insns(formatCount(insns))}
          </span>
        )}
      </div>
      {node.domain === '' && node.attrs.length === 0 ? null : (
        <dl className="kv">
          {node.domain === '' ? null : <Attribute name={texts.domain} text={node.domain} />}
          {node.attrs.map((attr) => (
            <Attribute key={attr.name} name={attr.name} text={attr.text} />
          ))}
        </dl>
      )}
      <TensorLines title={texts.inputs} names={node.inputs.filter((name) => name !== '' && !weights.has(name))} table={table} />
      <TensorLines title={texts.weights} names={[...weights]} table={table} />
      <TensorLines title={texts.outputs} names={node.outputs.filter(Boolean)} table={table} />
      <Weights node={node} table={table} />
    </div>
  );
}

function Attribute({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono">{text}</dd>
    </>
  );
}
