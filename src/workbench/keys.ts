import type { ProjectDoc } from './document.ts';
import type { StageName } from './stages.ts';

/** What each stage's value depends on, as text: equal keys, equal values. '' where the document has nothing to compute it from. */
export type StageKeys = { readonly [Name in StageName]: string };

export function stageKeys(doc: ProjectDoc): StageKeys {
  const key = (...parts: unknown[]) => JSON.stringify(parts);
  const { source, binding, trace, labels, options, fork } = doc;
  const isModel = source?.kind === 'model';
  const isLog = source?.kind === 'log';
  const model = isModel ? key(source.blob.hash, options.dims) : '';
  const traceKey = trace ? key(trace.hash, labels?.hash) : '';
  const calibration = isModel
    ? key(
        model,
        doc.calibration.kind,
        doc.calibration.kind === 'generated' ? '' : doc.calibration.blob.hash,
        inputOf(doc),
        ...(options.method ? [options.method] : []),
      )
    : '';
  const compiled = isModel
    ? key(calibration, binding, options.kernel, options.strategy, options.quant, ...(options.specialise ? ['specialise'] : []))
    : source
      ? key(...sourceKey(source), ...('program' in source ? [source.program] : []))
      : '';
  const program = compiled && key(compiled, fork?.text.hash ?? null);
  return {
    model,
    trace: traceKey,
    calibration,
    c: source?.kind === 'c' ? key(...sourceKey(source)) : '',
    log: isLog ? key(source.blob.hash) : '',
    program,
    verified: program && key(program, options.kernel),
    replay: program && traceKey && !isLog ? key(program, traceKey) : '',
    reference: model && traceKey && key(model, traceKey, binding),
  };
}

const sourceKey = (source: NonNullable<ProjectDoc['source']>): string[] => [
  source.kind,
  source.blob.hash,
  ...(source.kind === 'c' ? [source.cpu ?? 'v3', ...(source.links ?? []).map((link) => JSON.stringify(link))] : []),
];

/** What of the binding calibration depends on: how events become inputs, not what is done with outputs. */
function inputOf(doc: ProjectDoc): unknown {
  return doc.calibration.kind === 'trace' ? doc.binding?.input : null;
}
