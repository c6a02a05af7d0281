import type { AccelHook } from '../../bpf/accelerator/hooks.ts';

/**
 * What the device does for a program that calls one of its functions (`src/bpf/accelerator/functions.ts`). Integers below zero are negative errnos.
 * `tensor` counts into the command's tensors.
 */
export interface DeviceServices {
  nowNs(): bigint;
  /** The bytes, or a negative errno. */
  tensorRead(tensor: number, byteOff: number, bytes: number): Uint8Array | number;
  /** All bytes of a tensor as they lie in device memory, or a negative errno. */
  tensorBytes(tensor: number): Uint8Array | number;
  /** 32 bytes for HMAC and AES; null where the enclave has no such key. */
  key(handle: number): Uint8Array | null;
  sign(tensor: number, mac: Uint8Array): number;
  seal(tensor: number, key: number): number;
  /** 16 bytes. */
  uuid(): Uint8Array;
  trace(record: Uint8Array): number;
  setPriority(priority: number): number;
}

/** One run of one program. */
export interface HookRun {
  /** r0 as s32. */
  readonly returnValue: number;
  /** Counted by the engine that ran it. */
  readonly insns: number;
  /** Calls of functions of the device and the bytes that they worked on, by name: what the model of time needs. */
  readonly calls: ReadonlyMap<string, { readonly calls: number; readonly bytes: number }>;
  /** The context as the program left it. */
  readonly context: Uint8Array;
}

/** A loaded program: verified, with maps of its own, ready to run. */
export interface HookProgram {
  readonly name: string;
  readonly hook: AccelHook;
  run(context: Uint8Array, services: DeviceServices): HookRun;
}
