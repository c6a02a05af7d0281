import { InputError } from '../../base/errors.ts';

/** A request that control logic on the host let through (`struct request` of `samples/accelerator/host_control.c`). */
export interface HostRequest {
  readonly request: number;
  /** Of the host's clock. */
  readonly arrivedNs: number;
  readonly tenant: number;
  readonly tokens: number;
  readonly input: Uint8Array;
}

const RECORD_BYTES = 280;
const INPUT_OFF = 24;

/** The records of map `requests`, in the order in which the driver takes them. Throws {@link InputError} for what is no such record. */
export function readRequests(records: readonly Uint8Array[]): HostRequest[] {
  return records.map((bytes, at) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = bytes.length === RECORD_BYTES ? view.getUint16(22, true) : RECORD_BYTES;
    if (INPUT_OFF + length > RECORD_BYTES) throw new InputError(`${bytes.length} bytes are no request`, `record ${at}`);
    const u64 = (off: number): number => view.getUint32(off + 4, true) * 2 ** 32 + view.getUint32(off, true);
    return {
      request: u64(0),
      arrivedNs: u64(8),
      tenant: view.getUint32(16, true),
      tokens: view.getUint16(20, true),
      input: bytes.slice(INPUT_OFF, INPUT_OFF + length),
    };
  });
}
