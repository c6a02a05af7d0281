import { InputError } from '../base/errors.ts';
import { BTF_MAGIC } from './btf.ts';

/** `.BTF.ext` header with the part about CO-RE relocations (uapi linux/btf.h and libbpf's btf_ext_header). */
const HEADER_SIZE = 32;
const FUNC_SIZE = 8;
const LINE_SIZE = 16;
const CORE_SIZE = 16;

/** A record of `.BTF.ext`; `byteOff` is the place of its instruction in its section. */
export interface ExtFunc {
  readonly byteOff: number;
  readonly typeId: number;
}

export interface ExtLine {
  readonly byteOff: number;
  readonly fileNameOff: number;
  readonly textOff: number;
  readonly line: number;
  readonly column: number;
}

/** A CO-RE relocation (`struct bpf_core_relo`): what the instruction holds of a type that may differ from kernel to kernel. */
export interface ExtCore {
  readonly byteOff: number;
  readonly typeId: number;
  /** The way into the type, an offset into BTF's strings. */
  readonly accessOff: number;
  readonly kind: number;
}

/** Records by the name of the section that they describe. */
export interface BtfExt {
  readonly funcs: ReadonlyMap<string, readonly ExtFunc[]>;
  readonly lines: ReadonlyMap<string, readonly ExtLine[]>;
  /** CO-RE relocations, which a loader resolves against the running kernel's types. */
  readonly core: ReadonlyMap<string, readonly ExtCore[]>;
}

/** `section` is an offset into BTF's strings. */
export interface ExtSection<T> {
  readonly section: number;
  readonly records: readonly T[];
}

export function encodeBtfExt(
  funcs: readonly ExtSection<ExtFunc>[],
  lines: readonly ExtSection<ExtLine>[],
  core: readonly ExtSection<ExtCore>[] = [],
): Uint8Array {
  const tableSize = (sections: readonly ExtSection<unknown>[], record: number): number =>
    sections.length === 0 ? 0 : 4 + sections.reduce((sum, section) => sum + 8 + section.records.length * record, 0);
  const funcSize = tableSize(funcs, FUNC_SIZE);
  const lineSize = tableSize(lines, LINE_SIZE);
  const coreSize = tableSize(core, CORE_SIZE);
  const view = new DataView(new ArrayBuffer(HEADER_SIZE + funcSize + lineSize + coreSize));
  view.setUint16(0, BTF_MAGIC, true);
  view.setUint8(2, 1);
  const words = [HEADER_SIZE, 0, funcSize, funcSize, lineSize, funcSize + lineSize, coreSize];
  words.forEach((word, at) => {
    view.setUint32(4 + at * 4, word, true);
  });
  let at = HEADER_SIZE;
  const u32 = (value: number): void => {
    view.setUint32(at, value >>> 0, true);
    at += 4;
  };
  if (funcSize > 0) u32(FUNC_SIZE);
  for (const { section, records } of funcs) {
    u32(section);
    u32(records.length);
    for (const record of records) {
      u32(record.byteOff);
      u32(record.typeId);
    }
  }
  if (lineSize > 0) u32(LINE_SIZE);
  for (const { section, records } of lines) {
    u32(section);
    u32(records.length);
    for (const record of records) {
      u32(record.byteOff);
      u32(record.fileNameOff);
      u32(record.textOff);
      // Line in the high 22 bits, column in the low 10.
      u32((Math.min(record.line, 0x3fffff) << 10) | Math.min(record.column, 1023));
    }
  }
  if (coreSize > 0) u32(CORE_SIZE);
  for (const { section, records } of core) {
    u32(section);
    u32(records.length);
    for (const record of records) for (const word of [record.byteOff, record.typeId, record.accessOff, record.kind]) u32(word);
  }
  return new Uint8Array(view.buffer);
}

/** Parses `.BTF.ext`; `string` reads BTF's strings, `where` names file and section. */
export function readBtfExt(bytes: Uint8Array, string: (off: number) => string, where: string): BtfExt {
  const fail = (what: string, off: number): never => {
    throw new InputError(what, `${where}, byte 0x${off.toString(16)}`);
  };
  if (bytes.length < 24) fail('.BTF.ext is shorter than its header', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, true) !== BTF_MAGIC) fail('.BTF.ext does not begin with its magic number', 0);
  const u32 = (off: number): number => view.getUint32(off, true);
  const headerSize = u32(4);
  const table = <T>(offAt: number, minRecord: number, read: (off: number) => T): Map<string, T[]> => {
    const bySection = new Map<string, T[]>();
    const size = u32(offAt + 4);
    let at = headerSize + u32(offAt);
    const end = at + size;
    if (size === 0) return bySection;
    if (end > bytes.length || size < 4) fail('a table of .BTF.ext lies outside it', offAt);
    const recordSize = u32(at);
    if (recordSize < minRecord) fail(`records of ${recordSize} bytes; at least ${minRecord} are needed`, at);
    at += 4;
    while (at < end) {
      if (at + 8 > end) fail('.BTF.ext is cut off', at);
      const name = string(u32(at));
      const count = u32(at + 4);
      at += 8;
      if (at + count * recordSize > end) fail(`${count} records do not fit in .BTF.ext`, at - 4);
      const list = bySection.get(name) ?? [];
      for (let i = 0; i < count; i++, at += recordSize) list.push(read(at));
      bySection.set(name, list);
    }
    return bySection;
  };
  const funcs = table(8, FUNC_SIZE, (off): ExtFunc => ({ byteOff: u32(off), typeId: u32(off + 4) }));
  const lines = table(16, LINE_SIZE, (off): ExtLine => {
    const place = u32(off + 12);
    return { byteOff: u32(off), fileNameOff: u32(off + 4), textOff: u32(off + 8), line: place >>> 10, column: place & 1023 };
  });
  const hasCore = headerSize >= HEADER_SIZE && bytes.length >= HEADER_SIZE;
  const core = hasCore
    ? table(24, CORE_SIZE, (off): ExtCore => ({ byteOff: u32(off), typeId: u32(off + 4), accessOff: u32(off + 8), kind: u32(off + 12) }))
    : new Map<string, ExtCore[]>();
  return { funcs, lines, core };
}
