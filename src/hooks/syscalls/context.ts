/** `struct trace_event_raw_sys_enter`: common fields, then s64 id, then six arguments. */
export const CTX_ID = 8;
const BYTES = 64;

/** The context of the tracepoint for a call, as the kernel lays it out; arguments are zero. */
export function enterContext(nr: number, tid: number): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, tid, true);
  view.setUint32(CTX_ID, nr >>> 0, true);
  view.setInt32(CTX_ID + 4, Math.floor(nr / 2 ** 32), true);
  return bytes;
}
