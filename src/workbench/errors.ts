import { InputError } from '../base/errors.ts';
import { Cancelled } from '../base/progress.ts';

/** An error as a panel shows it: what, where, what to do. Survives the trip from a worker. */
export interface UserError {
  readonly what: string;
  readonly where: string;
  readonly advice: string;
  /** True for errors that are ours, not the user's. */
  readonly internal?: boolean;
}

export function toUserError(error: unknown, doing: string): UserError {
  if (error instanceof InputError) return { what: error.what, where: error.where, advice: error.advice };
  // Stopped by hand, or with its project: no fault of ours.
  if (error instanceof Cancelled) return { what: `${doing || 'This'} was stopped`, where: '', advice: '' };
  const text = error instanceof Error ? error.message : String(error);
  return {
    what: `${doing} failed unexpectedly: ${text}`,
    where: '',
    advice: 'Please report this with the file that caused it',
    internal: true,
  };
}

/** One line for copying and for live regions. */
export function errorLine(error: UserError): string {
  const head = error.where ? `${error.where}: ${error.what}` : error.what;
  return [head, error.advice].filter(Boolean).join('. ');
}
