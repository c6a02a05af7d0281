import '../../vm/rare.ts';
import { InputError } from '../../base/errors.ts';
import { ACCEL_HOOKS, ACCEL_STACK_BYTES, type AccelHook, PROG_TYPE_ACCELERATOR } from '../../bpf/accelerator/hooks.ts';
import type { Program } from '../../bpf/program.ts';
import { verify } from '../../verifier/verify.ts';
import { Vm, type VmMaps } from '../../vm/core.ts';
import type { VmEvent } from '../../vm/machine.ts';
import { CONTEXT_BYTES } from './context.ts';
import { type CallCount, type DeviceCalls, deviceFunctions } from './functions.ts';
import type { DeviceServices, HookProgram, HookRun } from './runner.ts';

export interface LoadOptions {
  /** `wasm`, the default, or `interp`. */
  readonly engine?: 'interp' | 'wasm';
  /** Instructions after which a run is stopped; default 10,000,000. */
  readonly maxInsns?: number;
  /** Hears what a run told the world: records of ring buffers, printed lines. */
  readonly onEvents?: (events: readonly VmEvent[]) => void;
}

/** A {@link HookProgram} with its maps at hand. */
export interface LoadedProgram extends HookProgram {
  readonly program: Program;
  readonly maps: VmMaps;
  readonly engine: 'interp' | 'wasm';
}

const MOST_INSNS = 10_000_000;

/** The hook that a program is for. Throws {@link InputError} for programs of other kinds. */
export function hookOf(program: Program): AccelHook {
  const hook = program.progType === PROG_TYPE_ACCELERATOR ? ACCEL_HOOKS[program.expectedAttachType] : undefined;
  if (!hook)
    throw new InputError(
      `section ${program.section} is none of the accelerator`,
      program.name,
      `Its programs stand in accelerator/HOOK or gaudi/HOOK, with one of ${ACCEL_HOOKS.join(', ')}`,
    );
  return hook;
}

/** Deepest frame of a verified program: the kernel's way of writing it down is `96+24+0`. */
const deepest = (stackDepth: string): number => Math.max(0, ...stackDepth.split('+').map(Number));

/** The device's verifier does not accept a program. */
export class ProgramRefused extends InputError {}

/** Verifies a program under the device's profile; its stack's deepest frame. Throws {@link ProgramRefused} with the verifier's message. */
function frameOf(program: Program): number {
  const verdict = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
  if (!verdict.accepted)
    throw new ProgramRefused(
      `the verifier refuses it${verdict.insnIdx === null ? '' : ` at instruction ${verdict.insnIdx}`}: ${verdict.message}`,
      program.name,
    );
  return deepest(verdict.stackDepth);
}

/** As {@link loadHookPrograms}, of one program. */
export const loadHookProgram = (program: Program, options: LoadOptions = {}): LoadedProgram => loadHookPrograms([program], options)[0]!;

/**
 * Verifies programs of one object under the device's profile and makes a machine for them, in which they share their maps. Throws {@link InputError}
 * with the verifier's message when one is refused; then none is loaded.
 */
export function loadHookPrograms(programs: readonly Program[], options: LoadOptions = {}): LoadedProgram[] {
  const hooks = programs.map(hookOf);
  const frames = programs.map(frameOf);
  const [main, ...others] = programs;
  if (!main) throw new InputError('there is no program in it', 'object');
  const counts = new Map<string, CallCount>();
  const calls: DeviceCalls = { services: null, counts };
  const vm = new Vm(main, {
    engine: options.engine ?? 'wasm',
    maxInsns: options.maxInsns ?? MOST_INSNS,
    functions: deviceFunctions(calls),
    stackBytes: Math.min(ACCEL_STACK_BYTES, Math.max(...frames)),
    programs: others,
  });
  return programs.map((program, at) => ({
    name: program.name,
    hook: hooks[at]!,
    program,
    maps: vm.maps,
    engine: vm.engine,
    run(context: Uint8Array, services: DeviceServices): HookRun {
      if (context.length !== CONTEXT_BYTES)
        throw new InputError(`a context has ${CONTEXT_BYTES} bytes, not ${context.length}`, program.name);
      counts.clear();
      calls.services = services;
      const nowNs = services.nowNs();
      vm.clockNs = Number(nowNs);
      const result = vm.run({ context }, at);
      calls.services = null;
      if (result.events.length > 0) options.onEvents?.(result.events);
      return {
        returnValue: result.returnValue | 0,
        insns: result.insnsExecuted,
        calls: new Map([...counts].map(([name, count]) => [name, { ...count }])),
        context: result.context,
      };
    },
  }));
}
