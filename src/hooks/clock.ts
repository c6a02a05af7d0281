/** Map whose time programs with flows take instead of the kernel's: u64 ns, u64 1 where it counts. */
export const CLOCK_MAP = 'clock';

/** Value of map `clock` that lets the program take `ns` for now. */
export function clockValue(ns: number): Uint8Array {
  const value = new Uint8Array(16);
  const view = new DataView(value.buffer);
  view.setUint32(0, ns >>> 0, true);
  view.setUint32(4, Math.floor(ns / 2 ** 32), true);
  view.setUint32(8, 1, true);
  return value;
}
