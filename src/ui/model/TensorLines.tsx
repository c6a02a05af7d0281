import { select, useWorkbench } from '../../workbench/store.ts';
import { details as texts } from '../texts/model.ts';
import { shapeText } from './graph-model.ts';
import { formatReal, integerText, type TensorInfo, type TensorTable } from './tensors.ts';

/** Tensors of an operator, two lines each: what the file says, and what calibration and compiler make of it. */
export function TensorLines({ title, names, table }: { title: string; names: readonly string[]; table: TensorTable }) {
  const selection = useWorkbench((state) => state.selection);
  if (names.length === 0) return null;
  return (
    <section className="tensor-lines" aria-label={title}>
      <p className="tensor-lines-title small muted" aria-hidden="true">
        {title}
      </p>
      <ul>
        {names.map((name, at) => {
          const info = table.get(name);
          const chosen = selection?.kind === 'tensor' && selection.id === name;
          return (
            <li key={`${at} ${name}`} className={chosen ? 'selected' : ''}>
              <div className="tensor-line">
                <button
                  type="button"
                  className="link mono ellipsis"
                  title={name}
                  aria-pressed={chosen}
                  onClick={() => select('tensor', name)}
                >
                  {name}
                </button>
                {info ? <span className="mono muted">{shapeText(info.dims, info.dtype)}</span> : null}
              </div>
              {info ? <TensorFacts info={info} /> : <p className="small muted">{texts.folded}</p>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Integers and calibrated range of a tensor; nothing while neither is known. */
export function TensorFacts({ info }: { info: TensorInfo }) {
  const facts = [integerText(info), info.range ? texts.range(formatReal(info.range.min), formatReal(info.range.max)) : null];
  const known = facts.filter((fact) => fact !== null);
  return known.length === 0 ? null : <p className="small muted">{known.join(' · ')}</p>;
}
