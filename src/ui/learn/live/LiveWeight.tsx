import { useState } from 'react';
import { useWorkbench } from '../../../workbench/store.ts';
import type { ModelView, TensorSummary } from '../../../workbench/views.ts';
import { ErrorNote } from '../../components/ErrorNote.tsx';
import { useRemote } from '../../model/useRemote.ts';
import { weightStats } from '../../model/weight-calls.ts';
import { course } from '../../texts/course.ts';
import WeightTouch from '../../touch/WeightTouch.tsx';
import type { WidgetProps } from '../widgets.ts';
import { givenNumber, NumberField } from './NumberField.tsx';
import { Ready } from './Ready.tsx';

const texts = course.tools;

/** `tensor`, an entry of which is touched, else the last matrix of the model; `row` and `column` say with which entry it begins. */
export default function LiveWeight({ args }: WidgetProps) {
  return (
    <Ready>
      {({ model }) => {
        const weight = weightOf(model, args.tensor);
        return weight ? (
          <Entry key={weight.name} weight={weight} args={args} />
        ) : (
          <p className="muted">{texts.noWeight(args.tensor ?? '')}</p>
        );
      }}
    </Ready>
  );
}

function weightOf({ nodes }: ModelView, name: string | undefined): TensorSummary | undefined {
  const all = nodes.filter(({ folded }) => folded === undefined).flatMap(({ weights }) => weights);
  return name === undefined
    ? all.findLast(({ dtype, dims }) => dtype === 'float32' && dims.length === 2)
    : all.find((one) => one.name === name);
}

function Entry({ weight, args }: { weight: TensorSummary; args: WidgetProps['args'] }) {
  const { name, dims, dtype } = weight;
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const { value: stats, error } = useRemote(`${modelKey} ${name}`, (options) => weightStats(name, options));
  const vector = dims.length < 2;
  const rows = vector ? 1 : dims[0]!;
  const columns = (vector ? dims : dims.slice(1)).reduce((product, size) => product * size, 1);
  const [row, setRow] = useState(() => givenNumber(args.row, rows));
  const [column, setColumn] = useState(() => givenNumber(args.column, columns));
  const [largest, setLargest] = useState<number | null>(null);
  // The reach of the slider stays what it was while the model is read anew.
  const found = stats?.[0] && Math.max(Math.abs(stats[0].min), Math.abs(stats[0].max));
  if (found !== undefined && largest === null) setLargest(found);
  return (
    <>
      <div className="touch-form">
        <span className="mono small ellipsis" title={name}>
          {name}
        </span>
        {vector ? null : <NumberField label={texts.row} value={row} count={rows} onChange={setRow} />}
        <NumberField label={texts.column} value={column} count={columns} onChange={setColumn} />
      </div>
      {error ? <ErrorNote error={error} /> : null}
      {largest === null ? null : (
        <WeightTouch name={name} dtype={dtype} columns={columns} vector={vector} cell={{ row, column }} largest={largest} />
      )}
    </>
  );
}
