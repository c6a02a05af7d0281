import { E2BIG, EINVAL, type HelperTable, type Machine, mapArgument, pointer, u32, unsigned } from '../machine.ts';
import { finishRecord, reserveRecord } from './maps.ts';

// A dynptr is 16 bytes of the program's stack that it cannot look into: address, then size with the kind in its upper bits as in
// the kernel, then a record that it stands for, or what it is a view of.
const SIZE_MASK = 0xffffff;
const RDONLY = 0x80000000;
const RECORD_OFFSET = 8;

export interface Dynptr {
  /** Address of its first byte; 0 for one that holds nothing. */
  readonly data: number;
  readonly size: number;
  readonly readOnly: boolean;
}

export function readDynptr(m: Machine, at: number): Dynptr {
  if (!m.space.permits(at, 16, false)) throw m.fault(`a dynptr: ${m.space.describeDenied(BigInt(at), 16, false)}`);
  const { view } = m.space;
  const size = view.getUint32(at + 4, true);
  return { data: view.getUint32(at, true), size: size & SIZE_MASK, readOnly: size >= RDONLY };
}

export function writeDynptr(m: Machine, at: number, data: number, size: number, readOnly = false): void {
  const { view } = m.space;
  if (!m.space.permits(at, 16, true)) throw m.fault(`a dynptr: ${m.space.describeDenied(BigInt(at), 16, true)}`);
  view.setUint32(at, data, true);
  view.setUint32(at + 4, ((size & SIZE_MASK) | (readOnly ? RDONLY : 0)) >>> 0, true);
  view.setBigUint64(at + 8, 0n, true);
}

/** Whether `length` bytes at `offset` lie within; as bpf_dynptr_check_off_len. */
export function within({ size }: Dynptr, offset: number, length: number): boolean {
  return length <= size && offset <= size - length;
}

function finish(m: Machine, keep: boolean): number {
  const at = pointer(m, 1, 16, true);
  const address = m.space.view.getUint32(at + RECORD_OFFSET, true);
  writeDynptr(m, at, 0, 0);
  if (address === 0) return 0;
  if (!finishRecord(m, address, keep)) throw m.fault('R1 of the helper holds no reserved record');
  return 0;
}

export const DYNPTR_HELPERS: HelperTable = {
  197: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 4, 16, true);
    const data = pointer(m, 1, size, true);
    const fits = size <= SIZE_MASK;
    writeDynptr(m, at, fits && unsigned(m, 3) === 0 ? data : 0, fits && unsigned(m, 3) === 0 ? size : 0);
    return fits ? (unsigned(m, 3) === 0 ? 0 : -EINVAL) : -E2BIG;
  },
  198: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 4, 16, true);
    writeDynptr(m, at, 0, 0);
    if (unsigned(m, 3) !== 0) return -EINVAL;
    if (size > SIZE_MASK) return -E2BIG;
    const record = reserveRecord(m, mapArgument(m, 1), size);
    if (record === 0) return -EINVAL;
    writeDynptr(m, at, record, size);
    m.space.view.setUint32(at + RECORD_OFFSET, record, true);
    return 0;
  },
  199: (m) => finish(m, true),
  200: (m) => finish(m, false),
  201: (m) => {
    const length = u32(m, 2);
    const to = pointer(m, 1, length, true);
    const source = readDynptr(m, unsigned(m, 3));
    const offset = u32(m, 4);
    if (source.data === 0 || unsigned(m, 5) !== 0) return -EINVAL;
    if (!within(source, offset, length)) return -E2BIG;
    m.space.bytes.copyWithin(to, source.data + offset, source.data + offset + length);
    return 0;
  },
  202: (m) => {
    const target = readDynptr(m, unsigned(m, 1));
    const offset = u32(m, 2);
    const length = u32(m, 4);
    const from = pointer(m, 3, length, false);
    if (target.data === 0 || target.readOnly) return -EINVAL;
    if (unsigned(m, 5) !== 0 && !m.skb) return -EINVAL;
    if (!within(target, offset, length)) return -E2BIG;
    m.space.bytes.copyWithin(target.data + offset, from, from + length);
    return 0;
  },
  203: (m) => {
    const target = readDynptr(m, unsigned(m, 1));
    const offset = u32(m, 2);
    const length = u32(m, 3);
    return target.data === 0 || target.readOnly || !within(target, offset, length) ? 0 : target.data + offset;
  },
};
