import { MAP_TYPE_ARRAY, MAP_TYPE_LRU_HASH, MAP_TYPE_RINGBUF } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import { PROG_TYPE_TRACEPOINT } from '../../bpf/progtypes.ts';
import type { HookCode, HookContext, TensorSlot } from '../../compiler/api.ts';
import { FuncBuilder, type Reg } from '../../compiler/ir/builder.ts';
import type { IrFunc } from '../../compiler/ir/ir.ts';
import type { VerdictName } from '../binding.ts';
import { VERDICT_ORDER } from '../decide.ts';
import { entryOf } from '../entry.ts';
import type { FittedBinding } from '../fit.ts';
import { scoreCode } from '../score-code.ts';
import { scoreTable } from '../score-table.ts';
import { failingOpen, type Manners, type RunningManners, SCORE_MAP, SCORE_RAN, scoreMaps, storeScore, VERDICTS_MAP } from '../xdp.ts';
import { callsOf, DEFAULT_PROCESSES, EXIT_GROUP, padOf, ringOf, type SyscallInput } from './binding.ts';

import { CTX_ID } from './context.ts';

export const SYSCALLS_SECTION = 'tracepoint/raw_syscalls/sys_enter';
/** By process (thread group), u32: {@link PROCESS} and the ring of tokens, u16 each. */
export const PROCESSES_MAP = 'processes';
/** Zeros, as which a process begins. */
const BLANK_MAP = 'blank';
/** A record for each verdict that is TAG. */
export const EVENTS_MAP = 'events';
const EVENTS_BYTES = 1 << 18;
/** BPF_NOEXIST of the uapi header. */
const NO_EXIST = 1;

/** Value of map `processes`: u64 calls seen, u32 score of the last verdict in Q16, u32 verdict + 1 (0: none yet), u64 call at which it fell, then the ring. */
export const PROCESS = { count: 0, score: 8, verdict: 12, at: 16, ring: 24 } as const;
/** Record of the ring buffer: u32 process, u32 thread, u64 calls seen, u32 score in Q16, u32 class, s64 lead. */
export const EVENT = { process: 0, thread: 4, count: 8, score: 16, class: 20, lead: 24, bytes: 32 } as const;
/** The program at raw_syscalls/sys_enter: remembers each process's last calls and runs the model at every so many. It judges and stops nothing. */
export function syscallHook(fit: FittedBinding, input: SyscallInput, manners: Manners | null = null): HookCode {
  const valueSize = PROCESS.ring + ringOf(input) * 2;
  const map = (name: string, type: number, keySize: number, size: number, maxEntries: number): MapDef => ({
    name,
    type,
    keySize,
    valueSize: size,
    maxEntries,
    flags: 0,
  });
  return {
    section: SYSCALLS_SECTION,
    progType: PROG_TYPE_TRACEPOINT,
    io: 'percpu',
    maps: [
      ...scoreMaps(),
      map(PROCESSES_MAP, MAP_TYPE_LRU_HASH, 4, valueSize, input.processes ?? DEFAULT_PROCESSES),
      map(BLANK_MAP, MAP_TYPE_ARRAY, 4, valueSize, 1),
      map(EVENTS_MAP, MAP_TYPE_RINGBUF, 0, 0, EVENTS_BYTES),
      ...(manners?.maps ?? []),
    ],
    binding: fit.binding,
    buildMain: (context) => [new SyscallMain(fit, input, context, manners).build()],
  };
}

class SyscallMain {
  readonly #fit: FittedBinding;
  readonly #input: SyscallInput;
  readonly #b = new FuncBuilder('syscall_main', 'main', ['ctx']);
  #context: HookContext;
  readonly #planned: Manners | null;
  #manners: RunningManners | undefined;

  constructor(fit: FittedBinding, input: SyscallInput, context: HookContext, manners: Manners | null) {
    this.#fit = fit;
    this.#input = input;
    this.#context = context;
    this.#planned = manners;
  }

  build(): IrFunc {
    const b = this.#b;
    const origin = (label: string) => b.setOrigin(this.#context.addOrigin({ kind: 'binding', nodeIdx: -1, label }));
    origin('remember the call');
    const nr = b.load(b.arg(0), CTX_ID, 8);
    const task = b.callHelper('bpf_get_current_pid_tgid', []);
    const key = b.stackSlot(8);
    b.store(key.addr(), 0, b.rsh(task, 32), 4);
    const done = this.#planned ? b.newBlock() : null;
    this.#manners = this.#planned?.begin(b, this.#context, () => b.jump(done!));
    if (this.#manners) this.#context = failingOpen(this.#context, b, this.#manners);
    const process = this.#find(() => key.addr());
    // The place in the ring is this call's own, whatever other threads do meanwhile.
    const before = b.atomicFetchAdd(process, PROCESS.count, b.copy(1), 8);
    b.store(b.add(process, b.lsh(b.and(before, ringOf(this.#input) - 1), 1)), PROCESS.ring, this.#token(nr), 2);
    const count = b.add(before, 1);
    b.when('eq', b.alu('mod', count, this.#input.every), 0, () => {
      this.#manners?.start();
      this.#manners?.sample();
      origin('last calls to tokens');
      this.#fill(process, count);
      this.#manners?.ready();
      this.#context.infer(b);
      origin('score and verdict');
      this.#decide(process, task, count);
    });
    origin('remember the call');
    if (done !== null) {
      b.jump(done);
      b.startBlock(done);
    }
    // A process of the same number later must not find what this one did.
    b.when('eq', nr, EXIT_GROUP, () => b.callHelper('bpf_map_delete_elem', [b.mapPtr(PROCESSES_MAP), key.addr()]));
    b.ret(0);
    return b.finish();
  }

  #find(key: () => Reg): Reg {
    const b = this.#b;
    const lookup = () => b.callHelper('bpf_map_lookup_elem', [b.mapPtr(PROCESSES_MAP), key()]);
    const process = lookup();
    b.when('eq', process, 0, () => {
      b.callHelper('bpf_map_update_elem', [b.mapPtr(PROCESSES_MAP), key(), entryOf(b, BLANK_MAP, 0), NO_EXIST]);
      b.assign(process, lookup());
    });
    b.when('eq', process, 0, () => (this.#manners ? this.#manners.fail('flows') : b.ret(0)));
    return process;
  }

  #token(nr: Reg): Reg {
    const b = this.#b;
    const token = b.copy(nr);
    b.when('uge', nr, callsOf(this.#input), () => b.assign(token, callsOf(this.#input)));
    return token;
  }

  #slot(slots: readonly TensorSlot[], name: string): { slot: TensorSlot; at: Reg } {
    const slot = slots.find((s) => s.name === name)!;
    return { slot, at: this.#b.add(this.#context.lookup(this.#b, slot.map, 0), slot.byteOff) };
  }

  #fill(process: Reg, count: Reg): void {
    const b = this.#b;
    const { length } = this.#input;
    const { at: target } = this.#slot(this.#context.inputs, this.#fit.inputName);
    const index = b.sub(count, length);
    b.loop(0, length, 1, () => {
      // 1 where the process had made so many calls
      const there = b.xor(b.rsh(index, 63), 1);
      const token = b.load(b.add(process, b.lsh(b.and(index, ringOf(this.#input) - 1), 1)), PROCESS.ring, 2);
      b.store(target, 0, b.add(b.mul(there, b.sub(token, padOf(this.#input))), padOf(this.#input)), 2);
      b.aluTo(target, 'add', target, 2);
      b.aluTo(index, 'add', index, 1);
    });
  }

  #decide(process: Reg, task: Reg, count: Reg): void {
    const b = this.#b;
    const { output } = this.#fit;
    const { slot, at } = this.#slot(this.#context.outputs, this.#fit.outputName);
    const table = this.#context.addTable(scoreTable(this.#fit, slot.scale))(b);
    const { score, lead, class: chosen } = scoreCode(b, this.#fit, at, table);
    const verdicts: readonly VerdictName[] = output.kind === 'argmax' ? output.verdicts : [output.below, output.above];
    const verdict = b.copy(VERDICT_ORDER.indexOf('PASS'));
    for (const [index, name] of verdicts.entries())
      if (name === 'TAG') b.when('eq', chosen, index, () => b.assign(verdict, VERDICT_ORDER.indexOf('TAG')));
    b.store(process, PROCESS.score, score, 4);
    b.store(process, PROCESS.verdict, b.add(verdict, 1), 4);
    b.store(process, PROCESS.at, count, 8);
    const last = this.#context.lookup(b, SCORE_MAP, 0);
    storeScore(b, last, { score, verdict, class: chosen, flags: b.copy(SCORE_RAN), lead });
    const counter = entryOf(b, VERDICTS_MAP, 0, verdict);
    b.store(counter, 0, b.add(b.load(counter, 0, 8), 1), 8);
    if (this.#manners) {
      this.#manners.finish(b.copy(SCORE_RAN));
      // The record is all that comes of a verdict.
      this.#manners.inShadow(verdict, () => b.assign(verdict, VERDICT_ORDER.indexOf('PASS')));
    }
    b.when('eq', verdict, VERDICT_ORDER.indexOf('TAG'), () => {
      const record = b.stackSlot(EVENT.bytes).addr();
      b.store(record, EVENT.process, b.rsh(task, 32), 4);
      b.store(record, EVENT.thread, task, 4);
      b.store(record, EVENT.count, count, 8);
      b.store(record, EVENT.score, score, 4);
      b.store(record, EVENT.class, chosen, 4);
      b.store(record, EVENT.lead, lead, 8);
      b.callHelper('bpf_ringbuf_output', [b.mapPtr(EVENTS_MAP), record, EVENT.bytes, 0]);
    });
  }
}
