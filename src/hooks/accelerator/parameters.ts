import { InputError } from '../../base/errors.ts';

/** One figure of the modelled device, as a user may edit it. */
export interface Parameter {
  readonly name: ParameterName;
  readonly label: string;
  readonly unit: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** `article`: the article on accelerators prints it; `assumption`: nobody says, and this is our guess. */
  readonly source: 'article' | 'assumption';
  readonly note: string;
}

type Row = readonly [label: string, unit: string, standard: number, min: number, max: number, source: Parameter['source'], note: string];

const ROWS = {
  units: ['Matrix units', 'units', 256, 1, 4096, 'article', 'Mixed-precision tensor cores of one chip.'],
  flopsPerSecond: [
    'Arithmetic',
    'FLOP/s',
    2.4e12,
    1e6,
    1e18,
    'article',
    'As the article prints it, over all units. Real accelerators of this class do some hundred times as much.',
  ],
  memoryBytes: ['Memory', 'B', 64e9, 1 << 20, 2 ** 48, 'article', 'High-bandwidth memory of one chip.'],
  memoryBytesPerSecond: [
    'Memory bandwidth',
    'B/s',
    1.2e12,
    1e6,
    1e15,
    'article',
    'Shared by all commands at work, first come first served.',
  ],
  engineCores: ['Engine cores', 'cores', 32, 1, 1024, 'article', 'Cores that run programs; a run that finds none free waits.'],
  engineHz: ['Engine clock', 'Hz', 1e9, 1e6, 1e11, 'assumption', 'The article names RISC-V cores and no clock.'],
  cyclesPerInsn: [
    'Cycles an instruction',
    'cycles',
    2,
    0.1,
    1000,
    'assumption',
    'Of an eBPF instruction after the engine’s JIT, loads included.',
  ],
  hookEntryNs: [
    'Entering a program',
    'ns',
    250,
    0,
    1e6,
    'assumption',
    'Taking the command from the queue, copying its context into the sandbox, giving the answer back.',
  ],
  callNs: ['Calling a function of the device', 'ns', 20, 0, 1e6, 'assumption', 'Leaving and entering the sandbox.'],
  copyBytesPerNs: ['Reading tensors', 'B/ns', 8, 0.001, 1e4, 'assumption', 'What one engine core reads from device memory.'],
  hashBytesPerNs: ['SHA-256', 'B/ns', 1, 0.001, 1e4, 'assumption', 'One core with instructions for it; HMAC counts by the same rate.'],
  cipherBytesPerNs: ['AES-256-GCM', 'B/ns', 2, 0.001, 1e4, 'assumption', 'One core with instructions for it.'],
  pcieNs: ['Driver to device', 'ns', 900, 0, 1e9, 'assumption', 'From the driver’s doorbell until the first command is on the device.'],
  pcieBytesPerSecond: [
    'Bus bandwidth',
    'B/s',
    64e9,
    1e6,
    1e13,
    'assumption',
    'PCI Express 5.0 with 16 lanes; carries the commands, not the tensors.',
  ],
  queueDepth: [
    'Command queue',
    'commands',
    1024,
    1,
    1e6,
    'assumption',
    'A pass enters when the queue has room for all of it, or is empty.',
  ],
  launchNs: ['Starting a command', 'ns', 100, 0, 1e6, 'assumption', 'On the units, before the first operation.'],
  tileElements: [
    'Elements a unit',
    'elements',
    1024,
    1,
    1e9,
    'assumption',
    'A command is spread over so many units that each makes this much of the output.',
  ],
  deferNs: ['Deferring without a time', 'ns', 1000, 1, 1e12, 'assumption', 'How long a command waits when its program names no time.'],
  mostDefers: ['Deferrals of one command', 'times', 100_000, 1, 1e9, 'assumption', 'After so many the request ends with -ETIMEDOUT.'],
  mostReorders: ['Reorderings of one command', 'times', 64, 1, 1e9, 'assumption', 'After so many it goes to the units in its turn.'],
  telemetryNs: ['Interval of telemetry', 'ns', 100_000, 100, 1e12, 'assumption', 'While the device has work.'],
  traceBytes: ['Trace buffer', 'B', 1 << 20, 0, 2 ** 32, 'assumption', 'On the die; a record that finds no room is refused.'],
  epochMs: ['Start of the clock', 'ms since 1970', 1_767_225_600_000, 0, 2 ** 48 - 1, 'assumption', 'What UUIDs count from: 2026-01-01.'],
} as const satisfies Readonly<Record<string, Row>>;

export type ParameterName = keyof typeof ROWS;
export type Parameters = Readonly<Record<ParameterName, number>>;

/** Every figure that modelled time comes from: the only table. */
export const PARAMETERS: readonly Parameter[] = Object.entries(ROWS as Readonly<Record<string, Row>>).map(
  ([name, [label, unit, standard, min, max, source, note]]) => ({
    name: name as ParameterName,
    label,
    unit,
    default: standard,
    min,
    max,
    source,
    note,
  }),
);

/** The defaults with `changes`; a value outside its range throws {@link InputError}. */
export function parametersOf(changes: Partial<Parameters> = {}): Parameters {
  for (const name of Object.keys(changes))
    if (!(name in ROWS)) throw new InputError('the device has no such parameter', `parameter \`${name}\``);
  return Object.fromEntries(
    PARAMETERS.map(({ name, label, unit, min, max, default: standard }) => {
      const value = changes[name] ?? standard;
      if (!(value >= min && value <= max)) throw new InputError(`${value} ${unit} is not within ${min} to ${max}`, label);
      return [name, value];
    }),
  ) as unknown as Parameters;
}
