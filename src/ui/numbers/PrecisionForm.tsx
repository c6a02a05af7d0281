import { useEffect, useState } from 'react';
import type { CalibrationMethod, Precision } from '../../compiler/api.ts';
import { formatQuant, parseQuant } from '../../compiler/precision.ts';
import { productsOf, setMethod, setQuant } from '../../workbench/numbers.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { numbers } from '../texts/numbers.ts';

const texts = numbers.precision;
const NAMES = Object.keys(texts.names) as Precision[];
const METHODS = Object.keys(texts.methods) as (keyof typeof texts.methods)[];
const DEFAULT_PERCENT = 99.9;

/** Precision of all products and of single ones, and how scales are chosen. */
export function PrecisionForm({ programKey }: { programKey: string }) {
  const { quant, method = 'minmax' } = useWorkbench((state) => state.history.doc.options);
  const { base, nodes } = parseQuant(quant);
  const [products, setProducts] = useState<readonly string[]>([]);
  useEffect(() => {
    let wanted = true;
    // A program that could not be compiled has no products to show; its own error stands elsewhere.
    productsOf(programKey).then(
      (names) => {
        if (wanted) setProducts(names);
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [programKey]);
  const [kind, percent] = method.split(':') as [keyof typeof texts.methods, string | undefined];
  const choose = (name: string, precision: Precision | '') => {
    const own = new Map(nodes);
    if (precision === '') own.delete(name);
    else own.set(name, precision);
    setQuant(formatQuant({ base, nodes: own }));
  };
  const names = [...new Set([...products, ...nodes.keys()])];
  return (
    <section aria-label={texts.title} data-testid="precision">
      <div className="numbers-head">
        <h2>{texts.title}</h2>
        {nodes.size > 0 ? (
          <button type="button" className="button bordered small" onClick={() => setQuant(base)}>
            {texts.clear}
          </button>
        ) : null}
      </div>
      <div className="numbers-form">
        <label>
          <span>{texts.all}</span>
          <select
            className="field"
            value={base}
            onChange={({ target }) => setQuant(formatQuant({ base: target.value as Precision, nodes }))}
          >
            {NAMES.map((name) => (
              <option key={name} value={name}>
                {texts.names[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{texts.scales}</span>
          <select
            className="field"
            value={kind}
            onChange={({ target }) =>
              setMethod((target.value === 'percentile' ? `percentile:${DEFAULT_PERCENT}` : target.value) as CalibrationMethod)
            }
          >
            {METHODS.map((name) => (
              <option key={name} value={name}>
                {texts.methods[name]}
              </option>
            ))}
          </select>
        </label>
        {percent === undefined ? null : <Percent value={Number(percent)} />}
      </div>
      {names.length > 0 ? (
        <details className="numbers-products">
          <summary>{texts.products}</summary>
          <ul>
            {names.map((name) => (
              <li key={name}>
                <span className="mono ellipsis" title={name}>
                  {name}
                </span>
                <select
                  className="field"
                  aria-label={texts.own(name)}
                  value={nodes.get(name) ?? ''}
                  onChange={({ target }) => choose(name, target.value as Precision | '')}
                >
                  <option value="">{texts.as(base)}</option>
                  {NAMES.filter((precision) => precision !== base).map((precision) => (
                    <option key={precision} value={precision}>
                      {texts.names[precision]}
                    </option>
                  ))}
                </select>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}

/** The percentile, taken over when the field is left or Enter is pressed. */
function Percent({ value }: { value: number }) {
  const [text, setText] = useState(String(value));
  const percent = Number(text);
  const valid = percent > 50 && percent <= 100;
  const commit = () => {
    if (valid && percent !== value) setMethod(`percentile:${percent}`);
  };
  return (
    <label>
      <span>{texts.percent}</span>
      <input
        className="field num"
        inputMode="decimal"
        value={text}
        aria-invalid={!valid}
        onChange={({ target }) => setText(target.value)}
        onBlur={commit}
        onKeyDown={({ key }) => {
          if (key === 'Enter') commit();
        }}
      />
    </label>
  );
}
