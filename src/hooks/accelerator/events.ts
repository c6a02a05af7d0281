import { ACCEL_HOOKS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import { Columns } from './columns.ts';

export const EVENT_KINDS = [
  'submitted',
  'entered',
  'hook',
  'deferred',
  'reordered',
  'started',
  'finished',
  'completed',
  'aborted',
  'attached',
  'detached',
  'replaced',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Something that happened on the device; times are modelled. */
export interface DeviceEvent {
  readonly index: number;
  readonly kind: EventKind;
  readonly timeNs: number;
  /** Of a run of a program, of work on the units, of a wait; else 0. */
  readonly durationNs: number;
  /** The command; -1 where it is about none. */
  readonly seq: number;
  readonly request: number;
  readonly hook: AccelHook | null;
  /** Of a run, of an attachment, and of the abort that it caused. */
  readonly program: string | null;
  /** Counted by the engine that ran the program. */
  readonly insns: number;
  /** `hook`: what the program returned; `aborted`: the errno, negative; `completed`: 0. */
  readonly value: number;
  /** `hook`: the engine core; `started` and `finished`: how many matrix units. */
  readonly place: number;
}

export type EventFields = Partial<Omit<DeviceEvent, 'index' | 'kind' | 'timeNs'>>;

const NONE = 255;

/** Everything that happened, in the order in which it did. */
export class DeviceEvents {
  readonly #columns = new Columns({
    kind: Uint8Array,
    timeNs: Float64Array,
    durationNs: Float64Array,
    seq: Float64Array,
    request: Float64Array,
    hook: Uint8Array,
    program: Int32Array,
    insns: Uint32Array,
    value: Int32Array,
    place: Int32Array,
  });
  readonly #programs: string[] = [];
  readonly #programIds = new Map<string, number>();

  get length(): number {
    return this.#columns.rows;
  }

  add(
    kind: EventKind,
    timeNs: number,
    { durationNs = 0, seq = -1, request = -1, hook, program, insns = 0, value = 0, place = 0 }: EventFields,
  ): number {
    const columns = this.#columns;
    const row = columns.add();
    columns.set('kind', row, EVENT_KINDS.indexOf(kind));
    columns.set('timeNs', row, timeNs);
    columns.set('durationNs', row, durationNs);
    columns.set('seq', row, seq);
    columns.set('request', row, request);
    columns.set('hook', row, hook ? ACCEL_HOOKS.indexOf(hook) : NONE);
    columns.set('program', row, program ? this.#programId(program) : -1);
    columns.set('insns', row, insns);
    columns.set('value', row, value);
    columns.set('place', row, place);
    return row;
  }

  row(index: number): DeviceEvent {
    const columns = this.#columns;
    const hook = columns.at('hook', index);
    const program = columns.at('program', index);
    return {
      index,
      kind: EVENT_KINDS[columns.at('kind', index)]!,
      timeNs: columns.at('timeNs', index),
      durationNs: columns.at('durationNs', index),
      seq: columns.at('seq', index),
      request: columns.at('request', index),
      hook: hook === NONE ? null : ACCEL_HOOKS[hook]!,
      program: program < 0 ? null : this.#programs[program]!,
      insns: columns.at('insns', index),
      value: columns.at('value', index),
      place: columns.at('place', index),
    };
  }

  /** Rows from `from` to before `to`. */
  *rows(from = 0, to = this.length): Generator<DeviceEvent> {
    for (let i = from; i < Math.min(to, this.length); i++) yield this.row(i);
  }

  /** A column for drawing: `kind` counts into {@link EVENT_KINDS}, `hook` into the hooks (255: none), `program` into {@link programs}. */
  column(name: 'kind' | 'timeNs' | 'durationNs' | 'seq' | 'request' | 'hook' | 'program' | 'insns' | 'value' | 'place') {
    return this.#columns.column(name);
  }

  get programs(): readonly string[] {
    return this.#programs;
  }

  #programId(name: string): number {
    let id = this.#programIds.get(name);
    if (id === undefined) {
      id = this.#programs.push(name) - 1;
      this.#programIds.set(name, id);
    }
    return id;
  }
}
