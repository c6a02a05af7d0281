import { Fragment } from 'react';
import { isMask, scaleAt, type ValueError } from '../../reference/value-error.ts';
import type { RelatedElements } from '../../workbench/dependencies.ts';
import { narrowed, rangeCount } from '../../workbench/ranges.ts';
import { partId } from '../../workbench/selection.ts';
import { select } from '../../workbench/store.ts';
import type { EventValues, ProgramValueView, ReferenceValueView } from '../../workbench/value-views.ts';
import type { ModelView } from '../../workbench/views.ts';
import { tensors as texts } from '../texts/tensors.ts';
import { coordinates, percent, real, shortTensor } from './format.ts';

interface ReadoutProps {
  readonly name: string;
  readonly dims: readonly number[];
  readonly program: ProgramValueView | undefined;
  readonly reference: ReferenceValueView | undefined;
  readonly error: ValueError | undefined;
  readonly cursor: number;
}

/** The element at the cursor in figures. */
export function ElementLine({ dims, program, reference, cursor }: ReadoutProps) {
  if (cursor < 0) return <p className="small muted">{texts.nothingSelected}</p>;
  const integer = program?.data[cursor];
  const theirs = reference?.data[cursor];
  const ours = integer === undefined ? undefined : integer * scaleAt(program!, cursor);
  const masked = theirs !== undefined && isMask(program?.masks ?? false, theirs);
  const delta = ours === undefined || theirs === undefined || masked ? null : ours - theirs;
  return (
    <dl className="tensor-element" data-testid="element">
      <dt className="mono">{texts.element(coordinates(dims, cursor).join(', '))}</dt>
      {ours === undefined ? null : (
        <dd>
          <span className="muted">{texts.programIs}</span> <span className="mono">{real(ours)}</span>{' '}
          <span className="muted mono">{texts.integerIs(String(integer).replace('-', '−'))}</span>
        </dd>
      )}
      {theirs === undefined ? null : (
        <dd>
          <span className="muted">{texts.referenceIs}</span> <span className="mono">{real(theirs)}</span>
        </dd>
      )}
      {delta === null ? null : (
        <dd>
          <span className="muted">{texts.deltaIs}</span> <span className="mono">{real(delta, 3)}</span>{' '}
          <span className="muted">{texts.deltaUnits(real(delta / Math.abs(scaleAt(program!, cursor)), 3))}</span>
        </dd>
      )}
      {masked ? <dd className="muted">{texts.mask}</dd> : null}
    </dl>
  );
}

/** The whole tensor in figures. */
export function ErrorLine({ name, dims, program, error }: ReadoutProps) {
  if (!error || error.at < 0 || !program) return null;
  const scale = Math.abs(scaleAt(program, error.at));
  return (
    <dl className="tensor-stats" data-testid="tensor-error" data-relative={error.relative}>
      <div>
        <dt>{texts.maxError}</dt>
        <dd>
          <span className="mono">{real(error.maxAbs, 3)}</span>{' '}
          <span className="muted">{texts.unitsOf(real(error.maxAbs / scale, 3), percent(error.relative))}</span>{' '}
          <button type="button" className="link" onClick={() => select('element', partId(name, error.at))}>
            {texts.at(coordinates(dims, error.at).join(', '))}
          </button>
        </dd>
      </div>
      <div>
        <dt>{texts.meanError}</dt>
        <dd>
          <span className="mono">{real(error.meanAbs, 3)}</span>{' '}
          {program.scales ? null : <span className="muted">{texts.units(real(error.meanAbs / scale, 3))}</span>}
        </dd>
      </div>
      <div>
        <dt>{texts.range}</dt>
        <dd className="mono">{texts.rangeOf(real(error.min, 3), real(error.max, 3))}</dd>
      </div>
      {error.saturated > 0 ? <div className="warn">{texts.saturated(error.saturated)}</div> : null}
      {error.masked > 0 ? <div className="muted">{texts.masked(error.masked)}</div> : null}
    </dl>
  );
}

const MOST_LINKS = 6;

/** Where the selected element comes from and where it goes, one operator away, as links. */
export function RelatedLines({ related, values, model }: { related: readonly RelatedElements[]; values: EventValues; model: ModelView }) {
  const sizeOf = (tensor: string): number => values.byName.get(tensor)?.data.length ?? values.reference.get(tensor)?.data.length ?? 0;
  return (['from', 'to'] as const).map((direction) => {
    const direct = related.filter((one) => one.direct && one.direction === direction).slice(0, MOST_LINKS);
    if (direct.length === 0) return null;
    return (
      <p key={direction} className="tensor-related small">
        <span className="muted">{direction === 'from' ? texts.dependsOn : texts.leadsTo} </span>
        {direct.map(({ tensor, ranges, exact }, at) => {
          const weight = model.nodes.flatMap((node) => node.weights).find((one) => one.name === tensor);
          const rows =
            weight && weight.dims.length > 1
              ? narrowed(
                  ranges,
                  weight.dims.slice(1).reduce((n, dim) => n * dim, 1),
                )
              : ranges;
          const text = weight
            ? texts.rowsText(shortTensor(tensor), rows, rangeCount(rows), weight.dims[0] ?? 1)
            : texts.relatedText(shortTensor(tensor), ranges, rangeCount(ranges), sizeOf(tensor));
          return (
            <Fragment key={tensor}>
              {at > 0 ? ' · ' : ''}
              {weight || sizeOf(tensor) > 0 ? (
                <button
                  type="button"
                  className="link"
                  title={exact ? tensor : `${tensor} (${texts.inexact})`}
                  onClick={() =>
                    weight ? select('weight', partId(tensor, rows[0]![0])) : select('element', partId(tensor, ranges[0]![0]))
                  }
                >
                  {text}
                </button>
              ) : (
                <span title={exact ? tensor : `${tensor} (${texts.inexact})`}>{text}</span>
              )}
            </Fragment>
          );
        })}
      </p>
    );
  });
}
