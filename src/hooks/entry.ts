import type { FuncBuilder, Reg, Val } from '../compiler/ir/builder.ts';

/** Address of an array's entry; where there is none (there always is, below its size) the function returns `onNull`. */
export function entryOf(b: FuncBuilder, map: string, onNull: number, index: Val = 0): Reg {
  const key = b.stackSlot(8);
  b.store(key.addr(), 0, index, 4);
  const entry = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(map), key.addr()]);
  b.when('eq', entry, 0, () => b.ret(onNull));
  return entry;
}
