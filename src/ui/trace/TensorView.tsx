import { formatDims } from '../../workbench/selectors.ts';
import type { TensorTraceView } from '../../workbench/views.ts';

const MOST_ROWS = 128;
const MOST_COLUMNS = 64;

/** One input as a heat map on a diverging ramp: rows of the first axis, columns of the rest. */
export function TensorView({ trace, at }: { trace: TensorTraceView; at: number }) {
  const size = trace.dims.reduce((product, dim) => product * dim, 1);
  const values = trace.data.subarray(at * size, (at + 1) * size);
  const shape = trace.dims.filter((dim) => dim > 1);
  const columns = Math.min(MOST_COLUMNS, shape.length > 1 ? shape.at(-1)! : Math.min(16, size));
  const stride = shape.length > 1 ? shape.at(-1)! : columns;
  const rows = Math.min(MOST_ROWS, Math.ceil(size / stride));
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return (
    <div className="tensor-view">
      <p className="small muted">
        input {at + 1} · {formatDims(trace.dims)} {trace.dtype} · |max| {most.toPrecision(3)}
      </p>
      <svg
        viewBox={`0 0 ${columns} ${rows}`}
        preserveAspectRatio="none"
        className="tensor-heat"
        role="img"
        aria-label={`Values of input ${at + 1}: ${rows} rows of ${columns}, between ${(-most).toPrecision(3)} and ${most.toPrecision(3)}`}
      >
        {Array.from({ length: rows * columns }, (_, cell) => {
          const row = Math.floor(cell / columns);
          const column = cell % columns;
          const value = values[row * stride + column] ?? 0;
          return (
            <rect
              key={cell}
              x={column}
              y={row}
              width={1}
              height={1}
              fill={value < 0 ? 'var(--div-neg)' : 'var(--div-pos)'}
              fillOpacity={most === 0 ? 0 : Math.abs(value) / most}
            />
          );
        })}
      </svg>
    </div>
  );
}
