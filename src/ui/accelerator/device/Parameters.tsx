import { useState } from 'react';
import { PARAMETERS, type Parameter } from '../../../hooks/accelerator/parameters.ts';
import { setParameters, useAccelerator } from '../../../workbench/accelerator.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { NumberField } from '../NumberField.tsx';

const { parameters: texts } = accelerator;

/** Every figure that modelled time comes from: seen, changed, and put back. */
export function Parameters() {
  const applied = useAccelerator((state) => state.parameters);
  const [changes, setChanges] = useState<Readonly<Record<string, number>>>(applied);
  const heldBy = ({ name, default: usual }: Parameter): number => changes[name] ?? usual;
  const change = (parameter: Parameter, value: number) => {
    const { [parameter.name]: _, ...rest } = changes;
    setChanges(value === parameter.default ? rest : { ...rest, [parameter.name]: value });
  };
  const same = PARAMETERS.every(({ name }) => changes[name] === applied[name]);
  return (
    <div className="accel-scroll" data-testid="accel-parameters">
      <div className="accel-bar">
        <span className="muted grow">{texts.about}</span>
        <button type="button" className="button bordered" disabled={Object.keys(changes).length === 0} onClick={() => setChanges({})}>
          {texts.usual}
        </button>
        <button type="button" className="button primary" disabled={same} onClick={() => void setParameters(changes)}>
          {texts.apply}
        </button>
      </div>
      <table className="accel-table accel-parameters">
        <thead>
          <tr>
            <th scope="col">{texts.name}</th>
            <th scope="col" className="num">
              {texts.value}
            </th>
            <th scope="col">{texts.unit}</th>
            <th scope="col">{texts.source}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {PARAMETERS.map((parameter) => {
            const { name, label, unit, min, max, source, note, default: usual } = parameter;
            return (
              <tr key={name}>
                <th scope="row">
                  {label}
                  <div className="small muted accel-note">{note}</div>
                </th>
                <td>
                  <NumberField
                    label={texts.field(label, unit)}
                    value={heldBy(parameter)}
                    min={min}
                    max={max}
                    bad={texts.bad(min, max)}
                    className="accel-value"
                    onChange={(value) => change(parameter, value)}
                  />
                </td>
                <td className="muted">{unit}</td>
                <td className={source === 'article' ? 'note' : 'warn'}>{texts.sources[source]}</td>
                <td>
                  <button
                    type="button"
                    className="button small"
                    aria-label={texts.reset(label)}
                    disabled={heldBy(parameter) === usual}
                    onClick={() => change(parameter, usual)}
                  >
                    {texts.resetShort}
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
