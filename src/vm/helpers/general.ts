import {
  callBack,
  E2BIG,
  EFAULT,
  EINVAL,
  ERANGE,
  functionArgument,
  type HelperTable,
  hasRoom,
  type Machine,
  mapArgument,
  pointer,
  setResult,
  tell,
  u32,
  u64,
  unsigned,
  WORDS_ARE_SET,
} from '../machine.ts';
import { formatPrintk } from '../printk.ts';

/** BPF_MAX_LOOPS */
const MAX_LOOPS = 1 << 23;
/** Length of a task's name, TASK_COMM_LEN. */
const NAME_LENGTH = 16;
const TASK_NAME = 'bpformer';
/** A tick of a kernel with HZ=250, in nanoseconds. */
const JIFFY = 4_000_000;
/** Jiffies start five minutes before they wrap at 32 bits. */
const FIRST_JIFFY = 4294967296 - 300 * 250;

/** Longest text that is taken apart: a format, or a number with what stands before it. */
const MAX_TEXT = 1 << 16;
/** Stands for what a run prints beyond what is kept. */
const MORE = '(more was printed than this machine keeps)';

function tick(m: Machine): number {
  m.clockNs += 1000;
  return m.clockNs;
}

function loop(m: Machine): number {
  const times = u32(m, 1);
  if (unsigned(m, 4) !== 0) return -EINVAL;
  if (times > MAX_LOOPS) return -E2BIG;
  const entry = functionArgument(m, 2, 'bpf_loop');
  const r = m.registers;
  const context = [r[6], r[7]];
  let i = 0;
  while (i < times) {
    r[2] = i;
    r[3] = 0;
    r[4] = context[0];
    r[5] = context[1];
    m.callFunction(entry);
    i++;
    if (r[0] !== 0 || r[1] !== 0) break;
  }
  return i;
}

/** Where the kernel's half of the addresses begins on x86-64 with four levels of page tables. */
const KERNEL_HALF = 2 ** 64 - 2 ** 47;

/** Why nothing can be read at `address`: reads of the kernel's memory refuse addresses of user space (`copy_from_kernel_nofault`). */
const unreadable = (address: number, from: 'kernel' | 'user'): number => (from === 'kernel' && address < KERNEL_HALF ? -ERANGE : -EFAULT);

/** A read that may fail: what cannot be read is zero. */
function probe(m: Machine, side: 'kernel' | 'user'): number {
  const size = u32(m, 2);
  const to = pointer(m, 1, size, true);
  const from = unsigned(m, 3);
  if (size === 0) return 0;
  if (m.space.permits(from, size, false)) {
    m.space.bytes.copyWithin(to, from, from + size);
    return 0;
  }
  m.space.bytes.fill(0, to, to + size);
  return unreadable(from, side);
}

/** The same for a text that ends with a zero; returns its length with the zero. */
function probeText(m: Machine, side: 'kernel' | 'user'): number {
  const size = u32(m, 2);
  const to = pointer(m, 1, size, true);
  const from = unsigned(m, 3);
  if (size === 0) return 0;
  const { bytes } = m.space;
  const readable = Math.min(size, m.space.extent(from));
  const zero = bytes.subarray(from, from + readable).indexOf(0);
  if (zero < 0 && readable < size) {
    bytes.fill(0, to, to + size);
    return unreadable(from, side);
  }
  const length = zero < 0 ? size - 1 : zero;
  bytes.copyWithin(to, from, from + length);
  bytes[to + length] = 0;
  return length + 1;
}

/** bpf_strtol and bpf_strtoul: characters used, and the number at R4. */
function parseNumber(m: Machine, signed: boolean): number {
  const length = u32(m, 2);
  const at = pointer(m, 1, length, false);
  const flags = unsigned(m, 3);
  const result = pointer(m, 4, 8, true);
  if (![0, 8, 10, 16].includes(flags)) return -EINVAL;
  const zero = m.space.bytes.subarray(at, at + length).indexOf(0);
  const shown = Math.min(zero < 0 ? length : zero, MAX_TEXT);
  const text = new TextDecoder('latin1').decode(m.space.bytes.subarray(at, at + shown));
  const [, space, sign] = /^(\s*)(-?)/.exec(text)!;
  let used = space.length + sign.length;
  let base = flags;
  if (base === 0) base = /^0x[0-9a-f]/i.test(text.slice(used)) ? 16 : text[used] === '0' ? 8 : 10;
  if (base === 16 && /^0x/i.test(text.slice(used))) used += 2;
  if (sign && !signed) return -EINVAL;
  const digits = /^[0-9a-z]*/i.exec(text.slice(used))![0];
  if (used + digits.length === MAX_TEXT) throw m.fault(`numbers of ${MAX_TEXT} characters or more are not read in this machine`);
  let value = 0n;
  let count = 0;
  for (const char of digits) {
    const digit = Number.parseInt(char, 36);
    if (digit >= base) break;
    value = value * BigInt(base) + BigInt(digit);
    count++;
    if (value >= 1n << 64n) return -ERANGE;
  }
  if (count === 0) return -EINVAL;
  if (signed && value > (sign ? 1n << 63n : (1n << 63n) - 1n)) return -ERANGE;
  m.space.view.setBigInt64(result, BigInt.asIntN(64, sign ? -value : value), true);
  return used + count;
}

/** bpf_strncmp: a difference of the first characters that differ. */
function compareText(m: Machine): number {
  const length = u32(m, 2);
  const a = pointer(m, 1, length, false);
  const b = unsigned(m, 3);
  const { bytes } = m.space;
  const readable = Math.min(length, m.space.extent(b));
  for (let i = 0; i < readable; i++) {
    if (bytes[a + i] !== bytes[b + i]) return bytes[a + i] < bytes[b + i] ? -1 : 1;
    if (bytes[a + i] === 0) return 0;
    if ((i & 0xfffff) === 0xfffff) m.spend(i);
  }
  if (readable < length) throw m.fault(`R3 of the helper: ${m.space.describeDenied(BigInt(b + readable), 1, false)}`);
  return 0;
}

/** Up to twelve numbers in memory, as bpf_snprintf and bpf_trace_vprintk take them. */
function numbersAt(m: Machine, arg: number, lengthArg: number): bigint[] {
  const length = u32(m, lengthArg);
  const at = pointer(m, arg, length, false);
  return Array.from({ length: length / 8 }, (_, i) => m.space.view.getBigUint64(at + i * 8, true));
}

/** The text at `address`, up to a zero or where nothing may be read. */
function textFrom(m: Machine, address: number): Uint8Array {
  return format(m, m.space.bytes.subarray(address, address + m.space.extent(address)));
}

function format(m: Machine, bytes: Uint8Array): Uint8Array {
  const zero = bytes.indexOf(0);
  const length = zero < 0 ? bytes.length : zero;
  if (length > MAX_TEXT) throw m.fault(`formats of more than ${MAX_TEXT} characters are not printed in this machine`);
  return bytes.subarray(0, length);
}

function print(m: Machine, format: Uint8Array, args: readonly bigint[]): number {
  const text = formatPrintk(format, args);
  if (hasRoom(m, text.length)) tell(m, { kind: 'printk', text }, text.length);
  else if (m.room > 0) tell(m, { kind: 'printk', text: MORE }, m.room);
  return text.length;
}

export const GENERAL_HELPERS: HelperTable = {
  // Reads user space where the address is one of its own.
  4: (m) => probe(m, 'user'),
  5: tick,
  6: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 1, size, false);
    return print(m, format(m, m.space.bytes.subarray(at, at + size)), [u64(m, 3), u64(m, 4), u64(m, 5)]);
  },
  7: (m) => m.nextRandom() >>> 0,
  8: (m) => m.cpus.current,
  14: (m) => {
    m.registers[0] = m.task.thread;
    m.registers[1] = m.task.process;
    return WORDS_ARE_SET;
  },
  15: () => 0,
  16: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 1, size, true);
    m.space.bytes.fill(0, at, at + size);
    for (let i = 0; i < Math.min(size, NAME_LENGTH) - 1 && i < TASK_NAME.length; i++) m.space.bytes[at + i] = TASK_NAME.charCodeAt(i);
    return 0;
  },
  42: () => 0,
  45: (m) => probeText(m, 'user'),
  80: () => 1,
  105: (m) => parseNumber(m, true),
  106: (m) => parseNumber(m, false),
  112: (m) => probe(m, 'user'),
  113: (m) => probe(m, 'kernel'),
  114: (m) => probeText(m, 'user'),
  115: (m) => probeText(m, 'kernel'),
  118: (m) => FIRST_JIFFY + Math.floor(tick(m) / JIFFY),
  125: tick,
  148: (m) => probe(m, 'user'),
  160: tick,
  165: (m) => {
    const size = u32(m, 2);
    const to = pointer(m, 1, size, true);
    const text = formatPrintk(textFrom(m, unsigned(m, 3)), numbersAt(m, 4, 5));
    const shown = text.slice(0, Math.max(0, size - 1));
    for (let i = 0; i < shown.length; i++) m.space.bytes[to + i] = shown.charCodeAt(i);
    if (size > 0) m.space.bytes[to + shown.length] = 0;
    return text.length + 1;
  },
  169: (m) => {
    const at = pointer(m, 1, 16, true);
    const map = mapArgument(m, 2);
    // CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME: one virtual clock stands for all.
    if (![0, 1, 7].includes(unsigned(m, 3))) return -EINVAL;
    return m.timers.init(at, map);
  },
  170: (m) => m.timers.setCallback(pointer(m, 1, 16, true), functionArgument(m, 2, 'bpf_timer_set_callback')),
  171: (m) => m.timers.start(pointer(m, 1, 16, true), unsigned(m, 2), unsigned(m, 3), m.clockNs),
  172: (m) => m.timers.cancel(pointer(m, 1, 16, true)),
  174: () => 0,
  177: (m) => {
    const size = u32(m, 2);
    const at = pointer(m, 1, size, false);
    return print(m, format(m, m.space.bytes.subarray(at, at + size)), numbersAt(m, 3, 4));
  },
  181: loop,
  182: compareText,
  208: tick,
};

/** Calls the callback of a timer that is due: (map, key, value). */
export function fireTimer(
  m: Machine,
  timer: { readonly entry: number; readonly map: number; readonly key: Uint8Array; readonly value: number },
): void {
  const key = m.keys.push(timer.key);
  callBack(m, timer.entry, [timer.map, key, timer.value]);
  m.keys.pop();
  setResult(m, 0);
}
