import type { Production } from '../../hooks/production/binding.ts';
import { bindingForm } from '../texts/binding-form.ts';
import { Choice, NumberField } from './BindingFields.tsx';

const texts = bindingForm.production;
const DEFAULT_ONE_IN = 16;

interface ProductionProps {
  readonly production: Production | undefined;
  /** Whether events belong to flows. */
  readonly flows: boolean;
  readonly disabled: boolean;
  onChange(production: Production | undefined): void;
}

/** How the program behaves where it is deployed: what `production` of a binding says. */
export function ProductionFields({ production, flows, disabled, onChange }: ProductionProps) {
  const sample = production?.sample;
  const set = (change: { readonly [Name in keyof Production]?: Production[Name] | undefined }) =>
    onChange(JSON.parse(JSON.stringify({ ...production, ...change })) as Production);
  return (
    <fieldset className="binding-production" disabled={disabled}>
      <legend>{texts.title}</legend>
      <Tick label={texts.on} about={texts.onAbout} ticked={production !== undefined} onTick={(on) => onChange(on ? {} : undefined)} />
      {production ? (
        <>
          <Tick
            label={texts.shadow}
            about={texts.shadowAbout}
            ticked={production.shadow === true}
            onTick={(shadow) => set({ shadow: shadow || undefined })}
          />
          <Tick
            label={texts.latency}
            about={texts.latencyAbout}
            ticked={production.latency === true}
            onTick={(latency) => set({ latency: latency || undefined })}
          />
          <Choice<'all' | 'event' | 'flow'>
            label={texts.sees}
            value={sample?.by ?? 'all'}
            options={[
              ['all', texts.samples.all],
              ['event', texts.samples.event],
              ...(flows ? ([['flow', texts.samples.flow]] as const) : []),
            ]}
            onChange={(by) => set({ sample: by === 'all' ? undefined : { oneIn: sample?.oneIn ?? DEFAULT_ONE_IN, by } })}
          />
          {sample ? (
            <NumberField
              label={texts.oneIn}
              value={sample.oneIn}
              min={1}
              max={2 ** 31 - 1}
              onChange={(oneIn) => set({ sample: { ...sample, oneIn } })}
            />
          ) : null}
        </>
      ) : null}
    </fieldset>
  );
}

interface TickProps {
  readonly label: string;
  readonly about: string;
  readonly ticked: boolean;
  onTick(ticked: boolean): void;
}

function Tick({ label, about, ticked, onTick }: TickProps) {
  return (
    <label className="binding-tick">
      <input type="checkbox" checked={ticked} onChange={(event) => onTick(event.target.checked)} />
      <div>
        {label} <span className="muted">{about}</span>
      </div>
    </label>
  );
}
