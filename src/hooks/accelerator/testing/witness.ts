import type { AccelHook } from '../../../bpf/accelerator/hooks.ts';
import { assemble } from '../../../bpf/asm.ts';
import { CONTEXT_OFFSETS } from '../context.ts';
import { loadHookProgram } from '../program.ts';
import { fake } from './device.ts';
import type { Witness } from './life.ts';

/** A witness that is a function. */
export function fakeWitness(hook: AccelHook, name: string): Witness {
  const counts: number[] = [];
  const settings: number[] = [];
  let setting = 0;
  return {
    program: fake(name, hook, ({ seq }) => {
      counts[seq] = (counts[seq] ?? 0) + 1;
      settings[seq] = setting;
      return 0;
    }),
    set: (value) => {
      setting = value;
    },
    count: (seq) => counts[seq] ?? 0,
    setting: (seq) => settings[seq]!,
  };
}

/** A real program: counts runs for each command in one map, with what another map of settings says. */
const source = (hook: AccelHook, commands: number): string => `
.section accelerator/${hook}
.map seen array 4 8 ${commands}
.map settings array 4 4 1
r6 = *(u64 *)(r1 + ${CONTEXT_OFFSETS.seq})
*(u32 *)(r10 - 4) = r6
r0 = 0
*(u32 *)(r10 - 8) = r0
r1 = map[settings]
r2 = r10
r2 += -8
call bpf_map_lookup_elem
if r0 == 0 goto out
r7 = *(u32 *)(r0 + 0)
r1 = map[seen]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
*(u32 *)(r0 + 0) = r7
r1 = *(u32 *)(r0 + 4)
r1 += 1
*(u32 *)(r0 + 4) = r1
out:
r0 = 0
exit
`;

/** Witnesses that are real programs, for commands with numbers below `commands`. */
export function realWitness(commands: number): (hook: AccelHook, name: string) => Witness {
  const key = new Uint8Array(4);
  const view = new DataView(key.buffer);
  return (hook, name) => {
    const { program, diagnostics } = assemble(source(hook, commands));
    if (!program) throw new Error(diagnostics[0]!.message);
    const loaded = loadHookProgram({ ...program, name });
    const [seen, settings] = [loaded.maps.get('seen'), loaded.maps.get('settings')];
    const half = (seq: number, at: number): number => {
      view.setUint32(0, seq, true);
      const value = seen.lookup(key)!;
      return new DataView(value.buffer, value.byteOffset).getUint32(at, true);
    };
    return {
      program: loaded,
      set: (value) => {
        const bytes = new Uint8Array(4);
        new DataView(bytes.buffer).setUint32(0, value, true);
        settings.update(new Uint8Array(4), bytes);
      },
      count: (seq) => half(seq, 4),
      setting: (seq) => half(seq, 0),
    };
  };
}
