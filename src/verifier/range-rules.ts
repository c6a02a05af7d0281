import type { RangeRules } from './rules.ts';

/**
 * Which kernel's arithmetic the bounds follow. It is set at the start of a verification and read in the innermost functions, which
 * know registers and nothing else.
 */
export const rangeRules = {
  /** Up to 6.6: signed and unsigned bounds teach each other only their sign. */
  signs: false,
  /** 6.8 to 6.12, and older ones: arithmetic that gives up where a product or difference might overflow. */
  plain: false,
};

export function setRangeRules(rules: RangeRules): void {
  rangeRules.signs = rules === 'signs';
  rangeRules.plain = rules !== 'steps';
}
