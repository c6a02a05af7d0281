import { formatCount } from '../../workbench/selectors.ts';
import { select } from '../../workbench/store.ts';
import type { ModelView } from '../../workbench/views.ts';
import { details as texts } from '../texts/model.ts';
import { familyColour, familyOf } from './families.ts';
import { shapeText } from './graph-model.ts';
import { formatReal, integerText, type TensorInfo } from './tensors.ts';

/** One tensor: its shape and type, what its integers mean, and who makes and reads it. */
export function TensorDetails({ info, model }: { info: TensorInfo; model: ModelView }) {
  const integers = integerText(info);
  const nodes = new Map(model.nodes.map((node) => [node.index, node]));
  const rows: (readonly [string, string])[] = [
    [texts.shape, shapeText(info.dims, info.dtype)],
    [texts.bytes, `${formatCount(info.bytes)} ${texts.inTheFile}`],
  ];
  if (integers) rows.push([texts.integers, integers]);
  if (info.integer) rows.push([texts.holds, `±${formatReal(info.integer.scale * info.integer.max)}`]);
  if (info.range) rows.push([texts.calibrated, `${formatReal(info.range.min)} … ${formatReal(info.range.max)}`]);
  return (
    <div data-testid="tensor-details">
      <div className="details-head">
        <strong>{texts.kinds[info.kind]}</strong>
        <span className="mono ellipsis grow" title={info.name}>
          {info.name}
        </span>
      </div>
      <dl className="kv">
        {rows.map(([name, text]) => (
          <div key={name} className="kv-row">
            <dt>{name}</dt>
            <dd className="mono">{text}</dd>
          </div>
        ))}
      </dl>
      {(
        [
          [texts.madeBy, info.from === null ? [] : [info.from]],
          [texts.readBy, info.to],
        ] as const
      ).map(([title, indices]) =>
        indices.length === 0 ? null : (
          <section key={title} className="tensor-lines" aria-label={title}>
            <p className="tensor-lines-title small muted" aria-hidden="true">
              {title}
            </p>
            <ul>
              {indices.map((index) => {
                const node = nodes.get(index);
                return node ? (
                  <li key={index} className="tensor-line">
                    <button type="button" className="link ellipsis" title={node.name} onClick={() => select('node', index)}>
                      <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} /> {node.op}{' '}
                      <span className="muted">{node.name}</span>
                    </button>
                  </li>
                ) : null;
              })}
            </ul>
          </section>
        ),
      )}
    </div>
  );
}
