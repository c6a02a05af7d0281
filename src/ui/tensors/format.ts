const SMALLEST = 1e-3;
const LARGEST = 1e5;

/** A real number in about `digits` digits: `0.1234`, `-12.35`, `3.1e-7`. */
export function real(value: number, digits = 4): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return value === Number.POSITIVE_INFINITY ? '∞' : value === Number.NEGATIVE_INFINITY ? '−∞' : 'NaN';
  const size = Math.abs(value);
  const text = size < SMALLEST || size >= LARGEST ? value.toExponential(Math.max(1, digits - 2)) : value.toPrecision(digits);
  return text.replace('-', '−').replace('e+', 'e').replace('e-', 'e−').replace('e−', 'e−');
}

/** A share as a percentage of two or three digits: `0.12 %`. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value < 0.001) return '< 0.001 %';
  return `${value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value < 1000 ? value.toFixed(1) : value.toExponential(1)} %`;
}

/** The end of a tensor's path, which tells more than its beginning. */
export function shortTensor(name: string): string {
  const parts = name.split('/').filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : name;
}

/** Coordinates of a flat index: `0, 3, 5`. */
export function coordinates(dims: readonly number[], flat: number): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    index.unshift(rest % dims[axis]!);
    rest = Math.floor(rest / dims[axis]!);
  }
  return index;
}
