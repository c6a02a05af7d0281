import { type FormEvent, useEffect, useMemo, useState } from 'react';
import type { Binding, PayloadInput, VerdictName } from '../../hooks/binding.ts';
import { applyBinding, calibrateOn, checkBinding } from '../../workbench/actions.ts';
import type { CalibrationSource } from '../../workbench/document.ts';
import type { UserError } from '../../workbench/errors.ts';
import { frameOf } from '../../workbench/frames.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { bindingForm as texts } from '../texts/binding-form.ts';
import { Choice, NumberField } from './BindingFields.tsx';
import { BindingJson } from './BindingJson.tsx';
import { ProductionFields } from './ProductionFields.tsx';
import { tokenRange } from './packet-info.ts';

const LAYERS: readonly (readonly [PayloadInput['layer'], string])[] = [
  ['l2', texts.layers.l2],
  ['l3', texts.layers.l3],
  ['l4', texts.layers.l4],
  ['l4_payload', texts.layers.l4_payload],
];

const VERDICTS: readonly VerdictName[] = ['PASS', 'DROP', 'TX', 'REDIRECT', 'ABORTED'];

/** How packets become tokens and outputs become verdicts; the preview shows the selected packet's tokens as they are typed. */
export function BindingForm({ packet, onClose }: { packet: number; onClose: () => void }) {
  const current = useWorkbench((state) => state.history.doc.binding)!;
  const calibration = useWorkbench((state) => state.history.doc.calibration);
  const traceRef = useWorkbench((state) => state.history.doc.trace);
  const events = useWorkbench((state) => state.stages.trace.value);
  const frame = events?.kind === 'packets' && packet >= 0 ? frameOf(events, packet) : null;
  const model = useWorkbench((state) => state.stages.model.value);
  const [draft, setDraft] = useState<Binding>(current);
  const [error, setError] = useState<UserError | null>(null);
  const [source, setSource] = useState(calibration.kind);
  const [json, setJson] = useState<boolean | null>(null);
  const [mistake, setMistake] = useState<UserError | null>(null);
  // The text of the document is written anew when another part of the form has changed it.
  const [rewritten, setRewritten] = useState(0);
  useEffect(() => setDraft(current), [current]);

  useEffect(() => {
    let wanted = true;
    void checkBinding(draft).then((problem) => {
      if (wanted) setError(problem);
    });
    return () => {
      wanted = false;
    };
  }, [draft]);

  const { input, output } = draft;
  const asText = json ?? (input.kind !== 'payload' && input.kind !== 'tensor');
  const setInput = (change: { readonly [Name in keyof PayloadInput]?: PayloadInput[Name] | undefined }) =>
    setDraft({ ...draft, input: JSON.parse(JSON.stringify({ ...input, ...change })) as PayloadInput });
  const setOutput = (change: object) => setDraft({ ...draft, output: { ...output, ...change } as Binding['output'] });
  const classes = model?.outputs[0]?.dims.at(-1) ?? 2;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (error || mistake) return;
    applyBinding(draft);
    if (source !== calibration.kind) calibrateOn(source);
    onClose();
  };
  return (
    <form className="binding" onSubmit={submit} aria-label={texts.title}>
      {asText ? (
        <BindingJson key={rewritten} binding={draft} onChange={setDraft} onMistake={setMistake} />
      ) : input.kind === 'payload' ? (
        <fieldset>
          <legend>{texts.toTokens}</legend>
          <Choice
            label={texts.layer}
            value={input.layer}
            options={LAYERS}
            onChange={(layer) => setInput({ layer, ports: layer.startsWith('l4') ? input.ports : undefined })}
          />
          <NumberField label={texts.length} value={input.length} min={1} max={4096} onChange={(length) => setInput({ length })} />
          <NumberField label={texts.pad} value={input.pad} min={0} max={65535} onChange={(pad) => setInput({ pad })} />
          {input.layer.startsWith('l4') ? <Ports ports={input.ports ?? []} onPorts={(ports) => setInput({ ports })} /> : null}
          <Choice
            label={texts.otherwise}
            value={input.otherwise ?? 'PASS'}
            options={VERDICTS.map((name) => [name, name] as const)}
            onChange={(otherwise) => setInput({ otherwise })}
          />
        </fieldset>
      ) : (
        <fieldset>
          <legend>{texts.input}</legend>
          <p className="muted">{texts.maps}</p>
        </fieldset>
      )}
      {output.kind !== 'tensor' && !asText ? (
        <fieldset>
          <legend>{texts.toVerdict}</legend>
          <Choice
            label={texts.rule}
            value={output.kind}
            options={[
              ['threshold', texts.rules.threshold],
              ['argmax', texts.rules.argmax],
            ]}
            onChange={(kind) => {
              if (kind === output.kind) return;
              setDraft({
                ...draft,
                output:
                  kind === 'threshold'
                    ? {
                        kind,
                        ...(output.tensor ? { tensor: output.tensor } : {}),
                        class: Math.min(1, classes - 1),
                        threshold: 0.5,
                        above: 'DROP',
                        below: 'PASS',
                      }
                    : {
                        kind: 'argmax',
                        ...(output.tensor ? { tensor: output.tensor } : {}),
                        verdicts: Array.from({ length: classes }, (_, at) => (at === 0 ? 'PASS' : 'DROP')),
                      },
              });
            }}
          />
          {output.kind === 'threshold' ? (
            <>
              <NumberField
                label={texts.class}
                value={output.class}
                min={0}
                max={Math.max(0, classes - 1)}
                onChange={(value) => setOutput({ class: value })}
              />
              <NumberField
                label={texts.threshold}
                value={output.threshold}
                min={0}
                max={1}
                step={0.01}
                onChange={(threshold) => setOutput({ threshold })}
              />
              <Choice
                label={texts.above}
                value={output.above}
                options={VERDICTS.map((name) => [name, name] as const)}
                onChange={(above) => setOutput({ above })}
              />
              <Choice
                label={texts.below}
                value={output.below}
                options={VERDICTS.map((name) => [name, name] as const)}
                onChange={(below) => setOutput({ below })}
              />
            </>
          ) : (
            output.verdicts.map((verdict, at) => (
              <Choice
                key={at}
                label={texts.classAt(at)}
                value={verdict}
                options={VERDICTS.map((name) => [name, name] as const)}
                onChange={(next) => setOutput({ verdicts: output.verdicts.map((old, place) => (place === at ? next : old)) })}
              />
            ))
          )}
        </fieldset>
      ) : null}
      {input.kind === 'tensor' ? null : (
        <ProductionFields
          production={draft.production}
          flows={input.kind !== 'syscalls'}
          disabled={mistake !== null}
          onChange={(production) => {
            const { production: _, ...rest } = draft;
            setDraft((production ? { ...rest, production } : rest) as Binding);
            if (asText) setRewritten(rewritten + 1);
          }}
        />
      )}
      <fieldset>
        <legend>{texts.calibration}</legend>
        <Choice<CalibrationSource['kind']>
          label={texts.ranges}
          value={source}
          options={[
            ...(calibration.kind === 'generated' ? [] : ([[calibration.kind, `${calibration.blob.name}`]] as const)),
            ...(calibration.kind !== 'trace' && traceRef ? ([['trace', texts.openTrace(traceRef.name)]] as const) : []),
            ['generated', texts.generated],
          ]}
          onChange={setSource}
        />
        {input.kind === 'payload' && frame ? <Preview bytes={frame} draft={draft} packet={packet} /> : null}
        {(mistake ?? error) ? <ErrorNote error={(mistake ?? error)!} /> : null}
        <div className="binding-actions">
          <button type="submit" className="button primary" disabled={error !== null || mistake !== null}>
            {texts.apply}
          </button>
          {input.kind === 'payload' || input.kind === 'tensor' ? (
            <button
              type="button"
              className="button bordered"
              aria-pressed={asText}
              disabled={mistake !== null}
              onClick={() => setJson(!asText)}
            >
              {texts.json.button}
            </button>
          ) : null}
          <button type="button" className="button" onClick={onClose}>
            {texts.cancel}
          </button>
        </div>
      </fieldset>
    </form>
  );
}

function Preview({ bytes, draft, packet }: { bytes: Uint8Array; draft: Binding; packet: number }) {
  const range = useMemo(() => tokenRange(bytes, draft), [bytes, draft]);
  if (draft.input.kind !== 'payload') return null;
  const { length, pad } = draft.input;
  return (
    <div className="binding-preview" aria-live="polite">
      <p className="muted">
        {range
          ? texts.preview(packet, range.to - range.from, length - (range.to - range.from), pad)
          : texts.noLayer(packet, draft.input.otherwise ?? 'PASS')}
      </p>
      {range ? (
        <p className="mono">
          {Array.from(bytes.subarray(range.from, Math.min(range.to, range.from + 32))).join(' ')}
          {range.to - range.from > 32 ? ' …' : ''}
        </p>
      ) : null}
    </div>
  );
}

/** Ports as a list between commas; none: packets of all ports. */
function Ports({
  ports,
  onPorts,
}: {
  readonly ports: readonly number[];
  readonly onPorts: (ports: readonly number[] | undefined) => void;
}) {
  return (
    <label>
      <span>{texts.ports}</span>
      <input
        className="field"
        inputMode="numeric"
        pattern="\s*(\d+(\s*,\s*\d+)*)?\s*"
        placeholder={texts.allPorts}
        defaultValue={ports.join(', ')}
        onChange={(event) => {
          const given = event.target.value.split(',').filter((part) => part.trim() !== '');
          onPorts(given.length > 0 ? given.map(Number) : undefined);
        }}
      />
    </label>
  );
}
