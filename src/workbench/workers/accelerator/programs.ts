import { mapTypeName } from '../../../bpf/maps.ts';
import type { Device, Link } from '../../../hooks/accelerator/device.ts';
import type { LoadedProgram } from '../../../hooks/accelerator/program.ts';
import type { HookProgram, HookRun } from '../../../hooks/accelerator/runner.ts';
import type { AttachedView, MapView, RunView } from '../../accelerator-views.ts';

const MOST_ENTRIES = 256;

type Calls = RunView['calls'];
const NO_CALLS: Calls = [];

/** What each run of a program called, by the row of its event: most runs of a program call the same. */
export class CallNotes {
  readonly #kinds: Calls[] = [NO_CALLS];
  readonly #ids = new Map<string, number>([['', 0]]);
  #ofEvent = new Uint32Array(1024);

  note(event: number, { calls }: HookRun): void {
    if (calls.size === 0) return;
    const list = [...calls].map(([name, { calls: count, bytes }]) => ({ name, calls: count, bytes }));
    const key = JSON.stringify(list);
    const id = this.#ids.get(key) ?? this.#kinds.push(list) - 1;
    this.#ids.set(key, id);
    if (event >= this.#ofEvent.length) {
      const wider = new Uint32Array(Math.max(event + 1, this.#ofEvent.length * 2));
      wider.set(this.#ofEvent);
      this.#ofEvent = wider;
    }
    this.#ofEvent[event] = id;
  }

  of(event: number): Calls {
    return this.#kinds[this.#ofEvent[event] ?? 0]!;
  }
}

/** A program on the device. */
export interface Attached {
  readonly id: number;
  loaded: LoadedProgram;
  object: string;
  /** Of the object's bytes. */
  hash: string;
  use: string | null;
  signedBy: string | null;
  order: number;
  link: Link;
  runs: number;
  executed: number;
  refused: number;
}

/** Counts the runs of a program, and notes what each called. */
export function watched(loaded: LoadedProgram, device: Device, notes: CallNotes, ran: (run: HookRun) => void): HookProgram {
  return {
    name: loaded.name,
    hook: loaded.hook,
    run: (context, services) => {
      const run = loaded.run(context, services);
      // The event of this run is the next one.
      notes.note(device.events.length, run);
      ran(run);
      return run;
    },
  };
}

export const attachedView = ({ id, loaded, object, order, runs, executed, refused, signedBy }: Attached): AttachedView => ({
  id,
  name: loaded.name,
  object,
  hook: loaded.hook,
  order,
  insns: loaded.program.insns.length,
  runs,
  executed,
  refused,
  signedBy,
  maps: [...{ [Symbol.iterator]: () => loaded.maps[Symbol.iterator]() }].map(({ name }) => name),
});

/** What the maps of a program hold now. */
export function mapViews({ maps }: LoadedProgram): MapView[] {
  const views: MapView[] = [];
  for (const map of { [Symbol.iterator]: () => maps[Symbol.iterator]() }) {
    const entries = map.entries();
    views.push({
      name: map.name,
      type: mapTypeName(map.def.type),
      keyBytes: map.def.keySize,
      valueBytes: map.def.valueSize,
      most: map.def.maxEntries,
      entries: entries.slice(0, MOST_ENTRIES).map(({ key, value }) => ({ key: new Uint8Array(key), value: new Uint8Array(value) })),
      left: Math.max(0, entries.length - MOST_ENTRIES),
    });
  }
  return views;
}
