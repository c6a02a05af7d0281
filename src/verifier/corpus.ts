import { InputError } from '../base/errors.ts';
import { decodeInsns, isFuncAddress, isPseudoCall, OP_LDDW } from '../bpf/insn.ts';
import { MAP_FLAG_NO_PREALLOC, MAP_FLAG_RDONLY_PROG, MAP_FLAG_WRONLY_PROG, mapTypeByName } from '../bpf/maps.ts';
import type { Insn, MapDef, Program, Subprog, ValueField } from '../bpf/program.ts';

/** One line of a file of raw-instruction cases: the program, and what a kernel said about it. */
export interface Case {
  readonly descr: string;
  readonly prog_type: number;
  readonly eat: number;
  readonly prog_flags: number;
  readonly hex: string;
  /** Map kind → instructions that load a map of that kind. */
  readonly fixups: Readonly<Record<string, readonly number[]>>;
  readonly kfuncs: readonly (readonly [name: string, insnIdx: number])[];
  readonly func_info: readonly (readonly [insnIdx: number, typeId: number])[];
  readonly needs_btf: boolean;
  readonly attach: string | null;
  readonly verdict618: 'accept' | 'reject';
  readonly last618: string;
  readonly processed: number;
  /** What a test run on `data`, in hexadecimal, returned. */
  readonly retvals: readonly { readonly retval: number; readonly data: string }[];
}

const SLEEPABLE = 16;
/** Functions of the kernel's test module, which the kernel that judged the cases did not have: their calls name nothing. */
const TEST_MODULE = /^bpf_kfunc_call_test_/;

interface Kind {
  readonly type: string;
  readonly key: number;
  readonly value: number;
  readonly entries: number;
  readonly flags?: number;
  readonly inner?: Kind;
  readonly lock?: number;
  readonly fields?: readonly ValueField[];
}

const ARRAY_48: Kind = { type: 'array', key: 4, value: 48, entries: 1 };

/** The maps that cases name, as `test_verifier` of the kernel's selftests makes them. */
const KINDS: Readonly<Record<string, Kind>> = {
  fixup_map_hash_8b: { type: 'hash', key: 8, value: 8, entries: 1 },
  fixup_map_hash_48b: { type: 'hash', key: 8, value: 48, entries: 1 },
  fixup_map_hash_16b: { type: 'hash', key: 8, value: 16, entries: 1 },
  fixup_map_array_48b: ARRAY_48,
  fixup_map_array_ro: { ...ARRAY_48, flags: MAP_FLAG_RDONLY_PROG },
  fixup_map_array_wo: { ...ARRAY_48, flags: MAP_FLAG_WRONLY_PROG },
  fixup_map_array_small: { ...ARRAY_48, value: 1 },
  fixup_prog1: { type: 'prog_array', key: 4, value: 4, entries: 4 },
  fixup_prog2: { type: 'prog_array', key: 4, value: 4, entries: 8 },
  fixup_map_in_map: { type: 'array_of_maps', key: 4, value: 4, entries: 1, inner: { type: 'array', key: 4, value: 4, entries: 1 } },
  fixup_cgroup_storage: { type: 'cgroup_storage', key: 16, value: 64, entries: 0 },
  fixup_percpu_cgroup_storage: { type: 'percpu_cgroup_storage', key: 16, value: 64, entries: 0 },
  fixup_map_sockmap: { type: 'sockmap', key: 4, value: 4, entries: 1 },
  fixup_map_sockhash: { type: 'sockhash', key: 4, value: 4, entries: 1 },
  fixup_map_xskmap: { type: 'xskmap', key: 4, value: 4, entries: 1 },
  fixup_map_stacktrace: { type: 'stack_trace', key: 4, value: 8, entries: 1 },
  fixup_map_spin_lock: { type: 'array', key: 4, value: 8, entries: 1, lock: 4 },
  fixup_sk_storage_map: { type: 'sk_storage', key: 4, value: 8, entries: 0, flags: MAP_FLAG_NO_PREALLOC, lock: 4 },
  fixup_map_timer: { type: 'array', key: 4, value: 16, entries: 1, fields: [{ kind: 'bpf_timer', byteOff: 0, size: 16 }] },
  fixup_map_kptr: {
    type: 'array',
    key: 4,
    value: 24,
    entries: 1,
    fields: [
      { kind: 'kptr_untrusted', byteOff: 0, size: 8, target: 'prog_test_ref_kfunc', targetSize: 32 },
      { kind: 'kptr', byteOff: 8, size: 8, target: 'prog_test_ref_kfunc', targetSize: 32 },
      { kind: 'kptr', byteOff: 16, size: 8, target: 'prog_test_member' },
    ],
  },
  fixup_map_event_output: { type: 'perf_event_array', key: 4, value: 4, entries: 1 },
  fixup_map_reuseport_array: { type: 'reuseport_sockarray', key: 4, value: 8, entries: 1 },
  fixup_map_ringbuf: { type: 'ringbuf', key: 0, value: 0, entries: 4096 },
};

function mapDef(kind: Kind): MapDef {
  return {
    name: '',
    type: mapTypeByName(kind.type) ?? 0,
    keySize: kind.key,
    valueSize: kind.value,
    maxEntries: kind.entries,
    flags: kind.flags ?? 0,
    ...(kind.inner ? { inner: mapDef(kind.inner) } : {}),
    ...(kind.lock !== undefined ? { spinLockOff: kind.lock } : {}),
    ...(kind.fields ? { fields: kind.fields } : {}),
  };
}

function unhex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** Functions that the code calls or takes the address of; a case with BTF describes all of them as static. */
function functionsOf(insns: readonly Insn[]): Subprog[] {
  const starts = new Set([0]);
  insns.forEach((insn, idx) => {
    if (isPseudoCall(insn) || isFuncAddress(insn)) starts.add(idx + insn.imm + 1);
  });
  return [...starts].sort((a, b) => a - b).map((start, i) => ({ name: i === 0 ? 'main' : `func${i}`, start, linkage: 'static' }));
}

/** The program of a case. Throws {@link InputError} for a map kind that does not exist. */
export function caseProgram(test: Case): Program {
  const insns: Insn[] = decodeInsns(unhex(test.hex));
  const maps: MapDef[] = [];
  for (const [name, places] of Object.entries(test.fixups)) {
    const kind = KINDS[name];
    if (!kind) throw new InputError(`unknown map kind ${name}`, test.descr);
    for (const idx of places) {
      const insn = insns[idx];
      if (!insn || insn.opcode !== OP_LDDW) throw new InputError(`instruction ${idx} loads no map`, test.descr);
      insns[idx] = { ...insn, imm: maps.length };
    }
    maps.push(mapDef(kind));
  }
  const functions = test.needs_btf ? functionsOf(insns) : [];
  return {
    name: test.descr,
    section: '',
    progType: test.prog_type,
    expectedAttachType: test.eat,
    ...(test.attach ? { attachTo: test.attach } : {}),
    sleepable: (test.prog_flags & SLEEPABLE) !== 0,
    loadFlags: test.prog_flags & ~SLEEPABLE,
    license: 'GPL',
    insns,
    subprogs: functions.length > 0 ? functions : [{ name: 'main', start: 0, linkage: 'global' }],
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(test.kfuncs.filter(([name]) => !TEST_MODULE.test(name)).map(([name, idx]) => [idx, name])),
  };
}

/** The cases of a JSON-lines file. Throws {@link InputError} for a line that is no case. */
export function parseCases(text: string): Case[] {
  const cases: Case[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    let value: Partial<Case>;
    try {
      value = JSON.parse(line) as Partial<Case>;
    } catch {
      throw new InputError('the line is no JSON', `line ${i + 1}`);
    }
    if (typeof value !== 'object' || value === null || typeof value.hex !== 'string' || !/^([0-9a-f]{16})*$/i.test(value.hex))
      throw new InputError('the case has no instructions in `hex`, 8 bytes each', `line ${i + 1}`);
    cases.push({
      descr: value.descr ?? `line ${i + 1}`,
      prog_type: value.prog_type ?? 1,
      eat: value.eat ?? 0,
      prog_flags: value.prog_flags ?? 0,
      hex: value.hex,
      fixups: value.fixups ?? {},
      kfuncs: value.kfuncs ?? [],
      func_info: value.func_info ?? [],
      needs_btf: value.needs_btf ?? false,
      attach: value.attach ?? null,
      verdict618: value.verdict618 ?? 'accept',
      last618: value.last618 ?? '',
      processed: value.processed ?? 0,
      retvals: value.retvals ?? [],
    });
  });
  return cases;
}

/** The programs of a JSON-lines file of cases, in order. */
export function parseCorpus(text: string): Program[] {
  return parseCases(text).map(caseProgram);
}
