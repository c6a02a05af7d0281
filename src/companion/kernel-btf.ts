import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Program } from '../bpf/program.ts';
import { PROG_TYPE_LSM, PROG_TYPE_TRACING } from '../bpf/progtypes.ts';
import { type Btf, KIND_FUNC, KIND_STRUCT, KIND_TYPEDEF, readBtf } from '../object/btf.ts';

/** Bytes behind the 12-byte head of a BTF type, by kind: a fixed part and one for each member (Documentation/bpf/btf.rst). */
const TAIL: Record<number, readonly [fixed: number, member: number]> = {
  1: [4, 0],
  3: [12, 0],
  4: [0, 12],
  5: [0, 12],
  6: [0, 8],
  13: [0, 8],
  14: [4, 0],
  15: [0, 12],
  17: [4, 0],
  19: [0, 12],
};

/** BTF ids of the functions that a BTF blob declares, by name. */
function functionIds(btf: Uint8Array): Map<string, number> {
  const view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
  const headerSize = view.getUint32(4, true);
  const typesAt = headerSize + view.getUint32(8, true);
  const typesEnd = typesAt + view.getUint32(12, true);
  const stringsAt = headerSize + view.getUint32(16, true);
  const ids = new Map<string, number>();
  const text = new TextDecoder();
  for (let at = typesAt, id = 1; at < typesEnd; id++) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 31;
    if (kind === KIND_FUNC) {
      const from = stringsAt + view.getUint32(at, true);
      ids.set(text.decode(btf.subarray(from, btf.indexOf(0, from))), id);
    }
    const [fixed, member] = TAIL[kind] ?? [0, 0];
    at += 12 + fixed + member * (info & 0xffff);
  }
  return ids;
}

const VMLINUX = '/sys/kernel/btf/vmlinux';
let types: Btf | null | undefined;

/** BTF of the running kernel, or null where there is none. Read once, when first asked for: it takes half a second. */
export function kernelBtf(): Btf | null {
  if (types === undefined) types = existsSync(VMLINUX) ? readBtf(new Uint8Array(readFileSync(VMLINUX)), VMLINUX) : null;
  return types;
}

let running: Promise<Map<string, number>> | null = null;

/** Functions of the running kernel, which programs call by BTF id. Read once. */
export function kernelFunctionIds(): Promise<Map<string, number>> {
  running ??= readFile(VMLINUX).then(functionIds);
  return running;
}

const PROG_TYPE_STRUCT_OPS = 27;
const [TRACE_RAW_TP, TRACE_ITER] = [23, 28];

/** BTF id of what a program attaches to in the running kernel; 0 where its type has none, or the kernel nothing of that name. */
export function attachBtfId({
  progType,
  expectedAttachType,
  attachTo,
}: Pick<Program, 'progType' | 'expectedAttachType' | 'attachTo'>): number {
  if (attachTo === undefined || ![PROG_TYPE_TRACING, PROG_TYPE_LSM, PROG_TYPE_STRUCT_OPS].includes(progType)) return 0;
  const btf = kernelBtf();
  if (!btf) return 0;
  if (progType === PROG_TYPE_STRUCT_OPS) return btf.find(KIND_STRUCT, attachTo);
  if (progType === PROG_TYPE_LSM) return btf.find(KIND_FUNC, `bpf_lsm_${attachTo}`);
  if (expectedAttachType === TRACE_RAW_TP) return btf.find(KIND_TYPEDEF, `btf_trace_${attachTo}`);
  return btf.find(KIND_FUNC, expectedAttachType === TRACE_ITER ? `bpf_iter_${attachTo}` : attachTo);
}
