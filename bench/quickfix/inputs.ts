/** Test runs of corpus programs in the kernel: which type they run as, and what they are given. */
import { randomOf } from '../../src/base/random.ts';
import { DW, LDX, MEM, OP_CALL, OP_LDDW, PSEUDO_MAP_VALUE, W } from '../../src/bpf/insn.ts';
import { MAP_TYPE_ARRAY } from '../../src/bpf/maps.ts';
import type { Program } from '../../src/bpf/program.ts';
import type { KernelProgram, TestRun } from '../../src/companion/kernel.ts';
import { applyEdit } from '../../src/verifier/explain/edit.ts';

/** One event for a program: a packet, how many of its first bytes are XDP metadata, and what map values hold. */
export interface Input {
  readonly packet: Uint8Array;
  readonly metadata: number;
  readonly bytes: (length: number) => Uint8Array;
  /** What the clock and the random numbers say, where they are replaced ({@link steered}). */
  readonly chosen: bigint;
}

const SOCKET_FILTER = 1;
const SCHED_CLS = 3;
const XDP = 6;
const SYSCALL = 31;
/** Types whose test run takes a packet: socket_filter, sched_cls, sched_act, xdp, cgroup_skb, lwt_in, lwt_out, lwt_xmit, lwt_seg6local. */
const WITH_PACKET: ReadonlySet<number> = new Set([SOCKET_FILTER, SCHED_CLS, 4, XDP, 8, 10, 11, 12, 19]);

/**
 * The types as which a program may be run: its own, where the kernel has a test run for that; otherwise those that give the same instructions
 * something like the same surroundings. A syscall program's context is plain memory, which stands in for that of tracing and control-group hooks.
 */
export function runnableAs(program: Program): Program[] {
  if (WITH_PACKET.has(program.progType) || program.progType === SYSCALL) return [program];
  const plain = { ...program, expectedAttachType: 0 };
  return [
    { ...plain, progType: SYSCALL, sleepable: true },
    { ...plain, progType: SCHED_CLS, sleepable: false },
    { ...plain, progType: SOCKET_FILTER, sleepable: false },
  ];
}

/** bpf_get_prandom_u32 gives 32 bits; bpf_ktime_get_ns and its kin 64. */
const CHOSEN: ReadonlyMap<number, number> = new Map([
  [7, W],
  [5, DW],
  [125, DW],
  [160, DW],
  [208, DW],
]);

const insn = (opcode: number, dst: number, src: number, off: number, imm: number) => ({ insn: { opcode, dst, src, off, imm } });

/**
 * The program with its random numbers and its clock as inputs: behind each such call r0 comes from an array of its own, the last map
 * (r1 is nothing after a call). The same program if it makes no such call.
 */
export function steered(program: Program, at: number): { readonly program: Program; readonly at: number; readonly isSteered: boolean } {
  let [edited, flagged] = [program, at];
  const calls = program.insns.flatMap((i, idx) => (i.opcode === OP_CALL && i.src === 0 && CHOSEN.has(i.imm) ? [idx] : []));
  if (calls.length === 0) return { program, at, isSteered: false };
  for (const idx of calls.reverse()) {
    const call = program.insns[idx]!;
    const insert = [
      { insn: call },
      insn(OP_LDDW, 1, PSEUDO_MAP_VALUE, 0, program.maps.length),
      insn(0, 0, 0, 0, 0),
      insn(LDX | MEM | CHOSEN.get(call.imm)!, 0, 1, 0, 0),
    ];
    edited = applyEdit(edited, { changes: [{ at: idx, remove: 1, insert }] });
    if (idx < flagged) flagged += insert.length - 1;
  }
  const chosen = { name: 'chosen', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
  return { program: { ...edited, maps: [...program.maps, chosen] }, at: flagged, isSteered: true };
}

/** One run; null when the kernel refuses the input. */
export async function run(loaded: KernelProgram, program: Program, input: Input): Promise<TestRun | null> {
  const { packet, metadata } = input;
  if (program.progType === SYSCALL) {
    const done = await loaded.testRun(packet, { ctx: packet.slice(0, 256) }).catch(() => null);
    return done?.errno === 0 ? done : null;
  }
  // struct xdp_md: data is the length of the metadata, data_end that of the input, interface and queue of the loopback device.
  const ctx = new Uint8Array(24);
  const view = new DataView(ctx.buffer);
  view.setUint32(0, metadata, true);
  view.setUint32(4, packet.length, true);
  const done = await loaded.testRun(packet, program.progType === XDP && metadata > 0 ? { packetCtx: ctx } : {}).catch(() => null);
  return done?.errno === 0 ? done : null;
}

const repeated = (pattern: readonly number[], length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => pattern[i % pattern.length]!);

/** A few packets and contents: zeros, ones, small numbers in each width, an IPv4 header; short and long, with and without metadata. */
export function plainInputs(): Input[] {
  const patterns = [[0], [255], [1], [3, 0, 0, 0, 0, 0, 0, 0], [5], [8, 0, 0, 0, 0, 0, 0, 0], [64], [0, 0, 0, 0, 0, 0, 8, 0]];
  return patterns.flatMap((pattern) =>
    [
      [64, 0],
      [300, 0],
      [1400, 32],
    ].map(([length, metadata]) => ({
      packet: repeated(pattern, length!),
      metadata: metadata!,
      bytes: (size: number) => repeated(pattern, size),
      chosen: BigInt.asUintN(64, BigInt(pattern[0]! === 255 ? -1 : pattern[0]!)),
    })),
  );
}

/** `count` events with random lengths and contents, the same for each call with one seed. */
export function randomInputs(count: number, seed: number): Input[] {
  const next = randomOf(seed);
  return Array.from({ length: count }, (_, i) => {
    const length = 14 + Math.floor(next() * (i % 2 === 0 ? 40 : 400));
    const pattern = Array.from({ length: 64 }, () => Math.floor(next() * (i % 3 === 0 ? 256 : 12)));
    const metadata = i % 4 === 0 ? 4 * Math.floor(next() * 8) : 0;
    return {
      packet: repeated(pattern, length + metadata),
      metadata,
      bytes: (size: number) => repeated(pattern, size),
      chosen: BigInt.asUintN(64, BigInt(Math.floor(next() * 2 ** Math.floor(next() * 40)) - (i % 5 === 0 ? 20 : 0))),
    };
  });
}
