import { selection } from 'd3-selection';

/**
 * Stands in for d3-transition in the built page (`vite.config.ts`): d3-zoom asks it to stop animations that it began on a double click, which the
 * graph does not take. The module itself would bring interpolation of colours and timers, 10 kB before the first interaction.
 */
export const interrupt = (): void => {};

(selection.prototype as { interrupt?: () => unknown }).interrupt = function (this: unknown) {
  return this;
};
