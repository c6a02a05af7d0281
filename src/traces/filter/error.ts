import { oneLine } from '../../base/errors.ts';

/** A display filter that cannot be used, with the part of its text that is wrong. */
export class FilterError extends Error {
  readonly what: string;
  readonly from: number;
  readonly to: number;

  constructor(what: string, from: number, to: number) {
    const said = oneLine(what);
    super(`at ${from + 1}: ${said}`);
    this.name = 'FilterError';
    this.what = said;
    this.from = from;
    this.to = Math.max(to, from + 1);
  }
}

/** Makes the error for the part of a filter that is being read. */
export type Fail = (what: string) => FilterError;
