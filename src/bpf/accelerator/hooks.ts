import type { AccelHook } from './names.ts';

export * from './names.ts';

/** What a program answers with; a negative errno ends the request before the units see the command. */
export const ACCEL_RETURNS = { CONTINUE: 0, DEFER: 1, REORDER: 2 } as const;

export interface AccelHookDef {
  readonly name: AccelHook;
  /** When its programs run. */
  readonly when: string;
  /** Fields of the context that its programs may write. */
  readonly writes: readonly string[];
  /** What it may return beside 0. */
  readonly returns: readonly ('abort' | 'defer' | 'reorder')[];
}

/**
 * In the order in which a command meets them. The driver submits all commands of one pass (one token of one request) together; `submit` and
 * `validate_tensor` run for all of them before the first is dispatched, so that a refused pass never reaches the matrix units.
 */
export const ACCEL_HOOK_DEFS: Readonly<Record<AccelHook, AccelHookDef>> = {
  submit: {
    name: 'submit',
    when: 'once for each command, as the driver puts it into the queue',
    writes: ['priority', 'key'],
    returns: ['abort'],
  },
  validate_tensor: {
    name: 'validate_tensor',
    when: 'once for each tensor of each command of a pass, before the first command of the pass is dispatched',
    writes: [],
    returns: ['abort'],
  },
  token: {
    name: 'token',
    when: 'once for each pass, when the passes of its request before it are done and before its first command is dispatched; deferring holds the whole pass back, and the hook runs again',
    writes: ['priority', 'defer_ns'],
    returns: ['abort', 'defer'],
  },
  dispatch: {
    name: 'dispatch',
    when: 'once for each command that has come to the head of the queue, before the matrix units get it; again after it was deferred or reordered',
    writes: ['priority', 'defer_ns'],
    returns: ['abort', 'defer', 'reorder'],
  },
  complete: {
    name: 'complete',
    when: 'once for each command that the units finished, before its output may be read; an abort withholds the output and ends the request',
    writes: [],
    returns: ['abort'],
  },
  telemetry: { name: 'telemetry', when: 'at every interval of the device’s clock', writes: [], returns: [] },
};
