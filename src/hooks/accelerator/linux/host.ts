import { STATE_BYTES, STATE_OFFSETS } from './shims.ts';

/** What the host reads and writes in the maps that stand for the device on Linux. */

export interface LinuxState {
  /** Time of the device; 0: the kernel's own clock. */
  readonly nowNs: number;
  /** Address in device memory of the first byte of map `accel_window`, and how many bytes of it are there. */
  readonly windowBase: number;
  readonly windowSize: number;
  /** Milliseconds since 1970 at time 0. */
  readonly epochMs: number;
  readonly seals: number;
  readonly traceEnd: number;
  readonly traceLost: number;
  /** What a program set for the request; null when none did. */
  readonly priority: number | null;
}

type Settings = Pick<LinuxState, 'nowNs' | 'windowBase' | 'windowSize' | 'epochMs'>;

/** The value of map `accel_state` to start from. */
export function encodeState({ nowNs, windowBase, windowSize, epochMs }: Settings): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES);
  const view = new DataView(bytes.buffer);
  const u64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  u64(STATE_OFFSETS.nowNs, nowNs);
  u64(STATE_OFFSETS.windowBase, windowBase);
  u64(STATE_OFFSETS.windowSize, windowSize);
  u64(STATE_OFFSETS.epochMs, epochMs);
  return bytes;
}

/** What programs left in it. */
export function decodeState(bytes: Uint8Array): LinuxState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  return {
    nowNs: u64(STATE_OFFSETS.nowNs),
    windowBase: u64(STATE_OFFSETS.windowBase),
    windowSize: u64(STATE_OFFSETS.windowSize),
    epochMs: u64(STATE_OFFSETS.epochMs),
    seals: u64(STATE_OFFSETS.seals),
    traceEnd: u64(STATE_OFFSETS.traceEnd),
    traceLost: u64(STATE_OFFSETS.traceLost),
    priority: view.getUint32(STATE_OFFSETS.prioritySet, true) === 0 ? null : view.getUint32(STATE_OFFSETS.priority, true),
  };
}

/** Records of map `accel_tracebuf`, of which `end` bytes are in use: a length, four zeros, the record, zeros up to a multiple of eight. */
export function readTrace(buffer: Uint8Array, end: number): Uint8Array[] {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const found: Uint8Array[] = [];
  for (let at = 0; at + 8 <= end; ) {
    const size = view.getUint32(at, true);
    found.push(buffer.slice(at + 8, at + 8 + size));
    at += 8 + ((size + 7) & ~7);
  }
  return found;
}

/** How a tensor was sealed, as map `accel_seals` holds it under the tensor's address. */
export function decodeSeal(value: Uint8Array): {
  readonly key: number;
  readonly nonce: Uint8Array;
  readonly tag: Uint8Array;
  readonly bytes: number;
} {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { key: view.getUint32(12, true), nonce: value.slice(0, 12), tag: value.slice(16, 32), bytes: Number(view.getBigUint64(32, true)) };
}
