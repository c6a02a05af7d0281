import type { Precision, Strategy } from '../../compiler/api.ts';
import { STRATEGIES, whyNot } from '../../compiler/strategy.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { KERNELS, type OptionChange, type ProjectOptions } from '../../workbench/document.ts';
import { compileOptions as texts } from '../texts/compile-options.ts';
import { numbers } from '../texts/numbers.ts';

const { names } = numbers.precision;
const PRECISIONS = Object.keys(names) as Precision[];
const LOOPS: readonly Strategy[] = ['auto', ...STRATEGIES.map(({ name }) => name)];

interface CompileOptionsProps {
  readonly options: Pick<ProjectOptions, 'strategy' | 'kernel'> & Pick<OptionChange, 'specialise'>;
  /** The precision on show, which may be of one product. */
  readonly precision: Precision;
  readonly onPrecision: (precision: Precision) => void;
  readonly onChange: (change: OptionChange) => void;
}

/** What a model can be compiled with, to be tried: precision, loops, kernel and where the weights stand. */
export function CompileOptions({ options, precision, onPrecision, onChange }: CompileOptionsProps) {
  return (
    <>
      <label>
        <span>{texts.precision}</span>
        <select className="field" value={precision} onChange={({ target }) => onPrecision(target.value as Precision)}>
          {PRECISIONS.map((name) => (
            <option key={name} value={name}>
              {names[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.strategy}</span>
        <select className="field" value={options.strategy} onChange={({ target }) => onChange({ strategy: target.value as Strategy })}>
          {LOOPS.map((name) => (
            <option key={name} value={name} disabled={name !== 'auto' && whyNot(name, options.kernel) !== null}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.kernel}</span>
        <select className="field" value={options.kernel} onChange={({ target }) => onChange({ kernel: target.value as KernelVersion })}>
          {KERNELS.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label title={texts.specialiseHint} className="compile-check">
        <input type="checkbox" checked={options.specialise === true} onChange={({ target }) => onChange({ specialise: target.checked })} />
        <span>{texts.specialise}</span>
      </label>
    </>
  );
}
