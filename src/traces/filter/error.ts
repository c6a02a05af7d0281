/** A display filter that cannot be used, with the part of its text that is wrong. */
export class FilterError extends Error {
  readonly what: string;
  readonly from: number;
  readonly to: number;

  constructor(what: string, from: number, to: number) {
    super(`at ${from + 1}: ${what}`);
    this.name = 'FilterError';
    this.what = what;
    this.from = from;
    this.to = Math.max(to, from + 1);
  }
}

/** Makes the error for the part of a filter that is being read. */
export type Fail = (what: string) => FilterError;
