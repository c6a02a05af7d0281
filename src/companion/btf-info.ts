/** `struct bpf_func_info`: which BTF function starts at an instruction. */
export interface BtfFuncInfo {
  readonly insnIdx: number;
  readonly typeId: number;
}

/** `struct bpf_line_info`: file and text are offsets into the BTF's strings. */
export interface BtfLineInfo {
  readonly insnIdx: number;
  readonly fileNameOff: number;
  readonly textOff: number;
  readonly line: number;
  readonly column: number;
}

export const FUNC_INFO_SIZE = 8;
export const LINE_INFO_SIZE = 16;

export function encodeFuncInfo(records: readonly BtfFuncInfo[]): Uint8Array {
  const words = new Uint32Array(records.length * 2);
  records.forEach((record, i) => {
    words.set([record.insnIdx, record.typeId], i * 2);
  });
  return new Uint8Array(words.buffer);
}

export function encodeLineInfo(records: readonly BtfLineInfo[]): Uint8Array {
  const words = new Uint32Array(records.length * 4);
  records.forEach((r, i) => {
    words.set([r.insnIdx, r.fileNameOff, r.textOff, ((r.line << 10) | (r.column & 1023)) >>> 0], i * 4);
  });
  return new Uint8Array(words.buffer);
}
