/**
 * The signed log scale of range bars: 0 in the middle, the ends at −2⁶³ and 2⁶³ − 1, each doubling one equal step. Takes and
 * gives plain numbers: the loss of the lowest bits does not show at this size.
 */
export function signedLogPosition(value: bigint | number): number {
  const number = Number(value);
  const bits = Math.log2(Math.abs(number) + 1) / 63;
  return 0.5 + Math.sign(number) * 0.5 * Math.min(1, bits);
}

const LIMITS: readonly (readonly [bigint, string])[] = [
  [-(2n ** 63n), 'S64_MIN'],
  [2n ** 63n - 1n, 'S64_MAX'],
  [-(2n ** 31n), 'S32_MIN'],
  [2n ** 31n - 1n, 'S32_MAX'],
  [2n ** 32n - 1n, 'U32_MAX'],
  [2n ** 64n - 1n, 'U64_MAX'],
];

/** A bound as people read it: the limits by name, others in decimal. */
export function boundText(value: bigint): string {
  const known = LIMITS.find(([limit]) => limit === value);
  return known ? known[1] : value.toLocaleString('en').replaceAll(',', '\u2009');
}
