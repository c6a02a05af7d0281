import type { Program } from '../../bpf/program.ts';
import { PROG_TYPE_NAMES, progTypeName } from '../../bpf/progtypes.ts';
import type { VerifyOptions } from '../../verifier/api.ts';
import { record } from '../../verifier/query/recorder.ts';
import { Dice } from '../../verifier/testing/dice.ts';
import { contextKind } from '../context.ts';
import { contextSize } from '../memory-context.ts';
import { Vm, type VmInput } from '../vm.ts';
import { Containment } from './containment.ts';

const EVENTS = 2;
const MOST_STEPS = 20_000;
/** A recording of more takes longer than many programs. */
const MOST_RECORDED = 5000;

/** Contexts of other types are the kernel's own structures. */
const TYPES = new Set(
  ['socket_filter', 'kprobe', 'sched_cls', 'sched_act', 'tracepoint', 'xdp', 'cgroup_skb', 'raw_tracepoint', 'syscall'].map((name) =>
    PROG_TYPE_NAMES.indexOf(name),
  ),
);

export type Containing =
  | { readonly kind: 'contained'; readonly steps: number; readonly checks: number; readonly leftEarly: number }
  | { readonly kind: 'outside' | 'fault' | 'not run'; readonly why: string };

/** Runs an accepted program in the machine, over events drawn by the seed, and holds each step to the verifier's states. */
export function contain(program: Program, seed: number, options: VerifyOptions): Containing {
  if (!TYPES.has(program.progType)) return { kind: 'not run', why: `program type ${progTypeName(program.progType)}` };
  try {
    const vm = new Vm(program, { cpus: options.cpus ?? 2, maxInsns: MOST_STEPS });
    const recording = record(program, { ...options, onProgress: (processed) => processed > MOST_RECORDED });
    if (!recording.accepted) return { kind: 'not run', why: `more than ${MOST_RECORDED} processed` };
    const dice = new Dice(seed);
    const byte = (): number => (dice.chance(40) ? dice.below(4) : dice.below(256));
    for (const map of vm.maps) {
      if (map.def.frozen) continue;
      for (const { key } of map.entries()) if (dice.chance(70)) map.update(key, Uint8Array.from({ length: map.def.valueSize }, byte));
    }
    const containment = new Containment(vm, recording);
    const isMemory = contextKind(program.progType) === 'memory';
    for (let i = 0; i < EVENTS; i++) {
      const length = isMemory ? Math.min(contextSize(program.progType), 256) : i === 0 ? 64 + dice.below(40) : 20 + dice.below(60);
      const bytes = Uint8Array.from({ length }, byte);
      const input: VmInput = isMemory ? { context: bytes } : { packet: bytes };
      const why = containment.run(input);
      if (why) return { kind: 'outside', why };
    }
    return { kind: 'contained', steps: containment.steps, checks: containment.checks, leftEarly: containment.leftEarly };
  } catch (error) {
    const { message } = error as Error;
    if (!/not available|stopped after/.test(message)) return { kind: 'fault', why: message };
    return {
      kind: 'not run',
      why: message
        .replace(/^insn \d+: /, '')
        .replace(/\d+ instructions/, 'N instructions')
        .replace(/\. .*/, ''),
    };
  }
}
