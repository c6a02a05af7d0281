import type { FuncBuilder, Reg, Val } from '../ir/builder.ts';
import { FuncBuilder as Builder } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { type Layout, linkageOf, loopStyle, MAP_OF } from '../kernels/frame.ts';

/** A pointer argument: byte offset into the one entry of `map`, from which `extent` of its `bytes` are reached. */
export interface MapPort {
  readonly map: string;
  readonly bytes: number;
  readonly extent: number;
}

const keys = new WeakMap<FuncBuilder, { addr: () => Reg }>();

/** Address of a key on the stack, which holds `index`: one for all look-ups of a function, since frames are short of room. */
export function keyOf(b: FuncBuilder, index: Val = 0): Reg {
  let slot = keys.get(b);
  if (!slot) {
    slot = b.stackSlot(8);
    keys.set(b, slot);
  }
  const at = slot.addr();
  b.store(at, 0, index, 4);
  return at;
}

/** Address of entry 0 of a map; `bail` is where to go when there is none, which never happens. */
export function entryOf(b: FuncBuilder, map: string, bail: number): Reg {
  if (map === MAP_OF.weights) return b.mapValue(map);
  const entry = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(map), keyOf(b)]);
  checked(b, 'eq', entry, 0, bail);
  return entry;
}

/** Goes on when the comparison does not hold. */
export function checked(b: FuncBuilder, cmp: 'ugt' | 'uge' | 'eq', a: Val, v: Val, bail: number): void {
  const next = b.newBlock();
  b.branch(cmp, a, v, bail, next);
  b.startBlock(next);
}

/**
 * A global function whose first arguments are offsets into maps and whose others (`scalars`) are numbers up to a bound. All are checked
 * before use; a bad one returns at once.
 */
export function decoderFunc(
  name: string,
  layout: Layout,
  ports: readonly MapPort[],
  scalars: readonly number[],
  origin: OriginId,
  body: (b: FuncBuilder, ptrs: readonly Reg[], numbers: readonly Reg[]) => void,
): IrFunc {
  const b = new Builder(
    name,
    linkageOf(layout),
    [...ports, ...scalars].map(() => 'scalar'),
    'scalar',
    loopStyle(layout, 1),
  );
  b.setOrigin(origin);
  const bail = b.newBlock();
  const numbers = scalars.map((most, i) => {
    const number = b.arg(ports.length + i);
    checked(b, 'ugt', number, most, bail);
    return number;
  });
  const entries = new Map<string, Reg>();
  const ptrs = ports.map(({ map, bytes, extent }, i) => {
    let entry = entries.get(map);
    if (!entry) {
      entry = entryOf(b, map, bail);
      entries.set(map, entry);
    }
    if (bytes < extent) throw new Error(`${name}: operand ${i} reaches ${extent} bytes of ${bytes} in ${map}`);
    checked(b, 'ugt', b.arg(i), bytes - extent, bail);
    return b.add(entry, b.arg(i));
  });
  body(b, ptrs, numbers);
  b.ret(0);
  b.startBlock(bail);
  b.ret(0);
  return b.finish();
}
