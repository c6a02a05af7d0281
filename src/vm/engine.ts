import type { VmFault } from './fault.ts';

/** Bytes of a frame on Linux; the region `stack` of a machine says how many its frames have. */
export const STACK_SIZE = 512;
export const MAX_FRAMES = 8;

/** What an engine asks of its surroundings. */
export interface Environment {
  /** Runs helper `id` with r1…r5 and leaves the result in r0. Throws {@link VmFault}. */
  callHelper(id: number, pc: number): void;
  /** Code entry of the program that bpf_tail_call with r1…r3 leads to; -1, with r0 = 0, when there is none or after too many. */
  tailCall(pc: number): number;
  /** Called now and then: throws when the time of the run is over. */
  checkTime(pc: number): void;
  /** `size` bytes of the packet at the signed `offset`, big-endian; -1 outside, which ends the function with 0. */
  loadPacket(offset: number, size: number, pc: number): number;
}

/** Executes decoded code. Places in the code (`pc`) are indices into the code array of decode.ts. */
export interface Engine {
  /** r0…r10 as pairs of 32-bit words, low word first; current while a helper runs and after a run. */
  readonly registers: Int32Array;
  /** Instructions executed since {@link begin}. */
  readonly executed: number;
  /** Clean registers for a run of at most `maxInsns` instructions. */
  begin(maxInsns: number): void;
  /** Must follow every change of the packet's place or length. */
  packetMoved(): void;
  /** Calls the function at `pc` with what r1…r5 hold, from the place `from`, and returns when it exits. */
  call(pc: number, from: number): void;
  fault(pc: number, what: string, advice?: string): VmFault;
}
