import { Suspense, useCallback, useMemo } from 'react';
import { useRelatedElements } from '../../workbench/element-relations.ts';
import { NO_RANGES } from '../../workbench/ranges.ts';
import { partId, splitPart } from '../../workbench/selection.ts';
import { formatCount, formatDims } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { TensorTraceView } from '../../workbench/views.ts';
import { part } from '../components/part.tsx';
import { planesOf } from '../tensors/heat-layout.ts';
import { trace as texts } from '../texts/trace.ts';

const HeatMap = part(async () => ({ default: (await import('../tensors/HeatMap.tsx')).HeatMap }));

/** One input as a heat map on a diverging ramp; its elements can be selected, and those that belong to a selection are outlined. */
export function TensorView({ trace, at }: { trace: TensorTraceView; at: number }) {
  const size = trace.dims.reduce((product, dim) => product * dim, 1);
  const values = useMemo(() => trace.data.subarray(at * size, (at + 1) * size), [trace, at, size]);
  const input = useWorkbench((state) => state.stages.model.value?.inputs[0]?.name);
  const cursor = useWorkbench((state) => {
    const { whole, part } = splitPart(state.cursors.element ?? '');
    return whole === input && part < size ? part : -1;
  });
  const { related } = useRelatedElements();
  const planes = useMemo(() => planesOf(trace.dims), [trace.dims]);
  const most = useMemo(() => values.reduce((top, value) => Math.max(top, Math.abs(value)), 0), [values]);
  const onSelect = useCallback(
    (element: number) => {
      if (input !== undefined) select('element', partId(input, element));
    },
    [input],
  );
  return (
    <div className="tensor-view">
      <p className="small muted">{texts.tensor.head(formatCount(at + 1), formatDims(trace.dims), trace.dtype, most.toPrecision(3))}</p>
      <Suspense fallback={null}>
        <HeatMap
          name={input ?? trace.file}
          dims={trace.dims}
          planes={planes}
          values={values}
          low={-most}
          high={most}
          diverging
          cursor={cursor}
          related={related.find((one) => one.tensor === input)?.ranges ?? NO_RANGES}
          zoom={null}
          onSelect={onSelect}
        />
      </Suspense>
    </div>
  );
}
