import type { AccelHook } from '../../bpf/accelerator/hooks.ts';
import { Columns } from './columns.ts';
import type { Command } from './command.ts';

const FIELDS = [
  'commands',
  'completed',
  'aborted',
  'deferred',
  'flops',
  'bytes',
  'unitNs',
  'busyNs',
  'hookNs',
  'insns',
  'queuedNs',
] as const;
type Field = (typeof FIELDS)[number];

/** Sums over the commands of one layer, tenant or token. */
export type GroupRow = Readonly<Record<Field, number>> & {
  /** The layer, tenant or token. */
  readonly key: number;
};

/** Sums by one property of commands. */
export class Group {
  readonly #rowOf = new Map<number, number>();
  readonly #columns = new Columns({
    key: Float64Array,
    commands: Float64Array,
    completed: Float64Array,
    aborted: Float64Array,
    deferred: Float64Array,
    flops: Float64Array,
    bytes: Float64Array,
    unitNs: Float64Array,
    busyNs: Float64Array,
    hookNs: Float64Array,
    insns: Float64Array,
    queuedNs: Float64Array,
  });

  get length(): number {
    return this.#columns.rows;
  }

  add(key: number, field: Field, amount: number): void {
    let row = this.#rowOf.get(key);
    if (row === undefined) {
      row = this.#columns.add();
      this.#columns.set('key', row, key);
      this.#rowOf.set(key, row);
    }
    this.#columns.set(field, row, this.#columns.at(field, row) + amount);
  }

  /** In the order in which the keys first came. */
  row(index: number): GroupRow {
    return Object.fromEntries(['key', ...FIELDS].map((name) => [name, this.#columns.at(name as Field, index)])) as unknown as GroupRow;
  }

  rows(): GroupRow[] {
    return Array.from({ length: this.length }, (_, i) => this.row(i)).sort((a, b) => a.key - b.key);
  }
}

/** What the runs of one program at its hook cost. */
export interface ProgramCost {
  readonly program: string;
  readonly hook: AccelHook;
  runs: number;
  insns: number;
  /** Modelled. */
  ns: number;
}

/** What happened, summed. Times are modelled; instructions are the engine's count. */
export class Metrics {
  readonly layers = new Group();
  readonly tenants = new Group();
  readonly tokens = new Group();
  readonly #programs = new Map<string, ProgramCost>();
  /** Commands of passes that met their deadline or had none; those that did not. */
  deadlinesMissed = 0;
  mostQueued = 0;
  /** Unit-nanoseconds, and nanoseconds of the memory, at work. */
  unitNs = 0;
  memoryNs = 0;

  count(command: Command, field: Field, amount = 1): void {
    this.layers.add(command.layer, field, amount);
    this.tenants.add(command.tenant, field, amount);
    this.tokens.add(command.token, field, amount);
  }

  run(program: string, hook: AccelHook, insns: number, ns: number): void {
    const key = `${hook} ${program}`;
    let cost = this.#programs.get(key);
    if (!cost) {
      cost = { program, hook, runs: 0, insns: 0, ns: 0 };
      this.#programs.set(key, cost);
    }
    cost.runs++;
    cost.insns += insns;
    cost.ns += ns;
  }

  get programs(): readonly ProgramCost[] {
    return [...this.#programs.values()];
  }
}

/** Share of the time so far that each part was at work, 0 to 1. */
export interface Utilisation {
  readonly units: number;
  readonly memory: number;
  readonly engine: number;
}
