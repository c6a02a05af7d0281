/** Figures as the accelerator's panels write them: three digits, the unit behind. */

const TIMES: readonly (readonly [ns: number, unit: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** A time in nanoseconds. */
export function timeText(ns: number): string {
  if (ns === 0) return '0';
  const [size, unit] = TIMES.find(([least]) => Math.abs(ns) >= least * 0.9995) ?? [1, 'ns'];
  return `${threeDigits(ns / size)} ${unit}`;
}

const SIZES: readonly (readonly [bytes: number, unit: string])[] = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
  [1, 'B'],
];

export function bytesText(bytes: number): string {
  const [size, unit] = SIZES.find(([least]) => bytes >= least) ?? [1, 'B'];
  return `${size === 1 ? count(bytes) : threeDigits(bytes / size)} ${unit}`;
}

export const count = (n: number): string => Math.round(n).toLocaleString('en');

export function threeDigits(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const percent = (share: number): string => `${threeDigits(share * 100)} %`;
