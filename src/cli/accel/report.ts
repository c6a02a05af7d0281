import type { Device } from '../../hooks/accelerator/device.ts';
import { errnoName } from './errno.ts';

export interface RunReport {
  readonly commands: number;
  readonly completed: number;
  readonly aborted: number;
  readonly deferred: number;
  /** Commands that reached the matrix units. */
  readonly started: number;
  readonly requests: readonly {
    readonly request: number;
    readonly commands: number;
    readonly started: number;
    /** 0, or the negative errno that a program ended it with. */
    readonly status: number;
    readonly errno: string | null;
    readonly program: string | null;
  }[];
  readonly programs: readonly {
    readonly program: string;
    readonly hook: string;
    readonly runs: number;
    /** Of all runs, counted by the engine. */
    readonly insns: number;
    readonly modelledNs: number;
    /** What it returned, and how often. */
    readonly returned: Readonly<Record<string, number>>;
  }[];
  readonly modelledNs: number;
  readonly traceRecords: number;
}

/** What a run came to, from the device's events. Times are modelled. */
export function reportOf(device: Device, sinceNs: number, traceRecords: number): RunReport {
  const count = { completed: 0, aborted: 0, deferred: 0, started: 0, entered: 0 };
  const requests = new Map<number, { request: number; commands: number; started: number; status: number; program: string | null }>();
  const programs = new Map<
    string,
    { program: string; hook: string; runs: number; insns: number; modelledNs: number; returned: Record<string, number> }
  >();
  for (const event of device.events.rows()) {
    if (event.kind in count) count[event.kind as keyof typeof count]++;
    if (event.kind === 'hook') {
      const key = `${event.hook} ${event.program}`;
      const own = programs.get(key) ?? { program: event.program!, hook: event.hook!, runs: 0, insns: 0, modelledNs: 0, returned: {} };
      own.runs++;
      own.insns += event.insns;
      own.modelledNs += event.durationNs;
      own.returned[event.value] = (own.returned[event.value] ?? 0) + 1;
      programs.set(key, own);
    }
    if (event.request < 0) continue;
    const own = requests.get(event.request) ?? { request: event.request, commands: 0, started: 0, status: 0, program: null };
    if (event.kind === 'entered') own.commands++;
    if (event.kind === 'started') own.started++;
    // The first abort is the cause; the request's other commands are cancelled because of it.
    if (event.kind === 'aborted' && own.status === 0) {
      own.status = event.value;
      own.program = event.program;
    }
    requests.set(event.request, own);
  }
  const { entered, ...rest } = count;
  return {
    commands: entered,
    ...rest,
    requests: [...requests.values()].map(({ status, ...own }) => ({ ...own, status, errno: status === 0 ? null : errnoName(-status) })),
    programs: [...programs.values()],
    modelledNs: device.nowNs - sinceNs,
    traceRecords,
  };
}
