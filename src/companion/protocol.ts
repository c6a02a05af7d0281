import { encodeInsns } from '../bpf/insn.ts';
import type { MapDef, Program, ValueField } from '../bpf/program.ts';
import { programBtf } from '../object/program-btf.ts';
import { encodeFuncInfo, encodeLineInfo } from './btf-info.ts';

/** What the page asks of the companion and what it answers, but for the bytes that travel beside it (`envelope.ts`). Both sides share this file. */

/** Where the page keeps the session's key (`sessionStorage`). */
export const SESSION_KEY = 'bpformer.companion';

/** How a token looks: 256 bits in base64url. */
export const TOKEN = /^[\w-]{43}$/;

/** Index of a blob of the same message. */
export type BlobIndex = number;

export interface MapMessage {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly data?: BlobIndex;
  readonly frozen?: boolean;
  readonly inner?: MapMessage;
  readonly spinLockOff?: number;
  readonly fields?: readonly ValueField[];
}

/** A program as the kernel gets it: map references are indices into `maps`. */
export interface ProgramMessage {
  readonly name: string;
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly loadFlags: number;
  readonly sleepable: boolean;
  readonly license: string;
  readonly attachTo?: string;
  /** 8 bytes an instruction. */
  readonly code: BlobIndex;
  readonly kfuncs: readonly (readonly [insnIdx: number, name: string])[];
  readonly maps: readonly MapMessage[];
  readonly btf?: { readonly types: BlobIndex; readonly funcInfo: BlobIndex; readonly lineInfo: BlobIndex };
  /** The same program as an ELF object, for a companion that has bpftool alone. */
  readonly object?: BlobIndex;
}

export interface Hello {
  readonly version: 1;
  /** How it reaches the kernel: calls of its own, bpftool, or not at all. */
  readonly backend: 'helper' | 'bpftool' | 'none';
  /** Why it cannot do more; '' where it can do all. */
  readonly limits: string;
  readonly release: string;
  readonly arch: string;
  readonly cpus: number;
  readonly jit: boolean | null;
  readonly btf: boolean;
  /** Capabilities of the helper, by name. */
  readonly capabilities: readonly string[];
  /** The helper runs as another user than root and can gain no rights. */
  readonly confined: boolean;
  /** Value of `kernel.unprivileged_bpf_disabled`; null where it cannot be read. */
  readonly unprivileged: number | null;
  /** Writes were allowed when the companion was started; otherwise its terminal asks. */
  readonly writesAllowed: boolean;
  /** Versions that guests under QEMU can answer for. */
  readonly guests: readonly string[];
}

export interface LoadRequest {
  readonly lease: string;
  readonly program: ProgramMessage;
  readonly logLevel: number;
  /** The program stays loaded and gets a handle, if it is accepted. */
  readonly keep: boolean;
  /** A guest's kernel is asked instead of this machine's. */
  readonly guest?: string;
}

/** Beside it travels one blob, the log. */
export interface LoadReply {
  readonly accepted: boolean;
  readonly errno: number;
  readonly message: string | null;
  readonly insn: number | null;
  readonly processed: number | null;
  readonly totalStates: number | null;
  readonly peakStates: number | null;
  readonly stackDepth: string | null;
  readonly verificationUsec: number | null;
  readonly xlatedBytes: number | null;
  readonly jitedBytes: number | null;
  readonly tag: string | null;
  readonly handle: number | null;
  /** Release of the kernel that answered. */
  readonly release: string;
  /** Warnings of the companion: the log was cut. */
  readonly cut: boolean;
}

/** Test runs in a row, each with its own input. */
export interface RunRequest {
  readonly lease: string;
  readonly handle: number;
  /** Runs of each, of which the time is the mean. */
  readonly repeat: number;
  readonly count: number;
  /** `count` inputs one after another, and u32 lengths; packets, or contexts for programs that take no packets. */
  readonly input: { readonly kind: 'packet' | 'context'; readonly bytes: BlobIndex; readonly lengths: BlobIndex };
  /** Entry 0 of maps of the program, set before each run: `count` values one after another. */
  readonly set: readonly { readonly map: string; readonly values: BlobIndex }[];
  /** Maps whose entry 0 is read after each run. */
  readonly read: readonly string[];
  /** Packets or contexts come back. */
  readonly wantData: boolean;
}

/**
 * Blobs: u32 return values, u32 nanoseconds, then for each map read its values, then with `wantData` the bytes and u32 lengths.
 * A run that the kernel refuses ends the row: `done` are the runs before it.
 */
export interface RunReply {
  readonly done: number;
  readonly errno: number;
}

export interface MapInfo {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** Blobs: keys and values of the entries, one after another. Values of per-CPU maps are those of all processors. */
export interface MapReply {
  readonly entries: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** There are more entries than were asked for. */
  readonly more: boolean;
}

export interface FeatureRow {
  readonly group: 'program types' | 'map types' | 'instructions';
  readonly name: string;
  readonly there: boolean;
}

/** A refusal or failure: HTTP status 4xx or 5xx and this. */
export interface ErrorReply {
  readonly error: string;
  readonly where: string;
  readonly advice: string;
}

/** Collects the blobs of a message. */
export class Blobs {
  readonly list: Uint8Array[] = [];

  add(bytes: Uint8Array): BlobIndex {
    return this.list.push(bytes) - 1;
  }
}

function mapMessage(def: MapDef, blobs: Blobs): MapMessage {
  const { name, type, keySize, valueSize, maxEntries, flags, data, frozen, inner, spinLockOff, fields } = def;
  return {
    name,
    type,
    keySize,
    valueSize,
    maxEntries,
    flags,
    ...(data ? { data: blobs.add(data) } : {}),
    ...(frozen ? { frozen } : {}),
    ...(inner ? { inner: mapMessage(inner, blobs) } : {}),
    ...(spinLockOff !== undefined ? { spinLockOff } : {}),
    ...(fields ? { fields } : {}),
  };
}

/**
 * The program as the companion loads it: a name of its own for each map, by which the companion knows them, and, where some lines are known, one for each
 * function, without which the kernel takes none.
 */
export function asLoaded(program: Program): Program {
  const names = program.maps.map(({ name }) => name);
  const maps = program.maps.map((def, i) => (names.indexOf(def.name) === i ? def : { ...def, name: `${def.name.slice(0, 10)}_${i}` }));
  const lined = new Set(program.lineInfo.map(({ insnIdx }) => insnIdx));
  const bare = lined.size === 0 ? [] : program.subprogs.filter(({ start }) => !lined.has(start));
  const file = program.lineInfo[0]?.file ?? '';
  const heads = bare.map(({ start, name }) => ({ insnIdx: start, file, line: 0, column: 0, text: name }));
  const lineInfo = heads.length === 0 ? program.lineInfo : [...program.lineInfo, ...heads].sort((a, b) => a.insnIdx - b.insnIdx);
  return { ...program, maps, lineInfo };
}

/** A program for {@link LoadRequest}. BTF travels with it where the program has functions or lines that the kernel should know. */
export function programMessage(program: Program, blobs: Blobs, object?: Uint8Array): ProgramMessage {
  const { name, progType, expectedAttachType, loadFlags, sleepable, license, attachTo } = program;
  const described = program.subprogs.length > 1 || program.lineInfo.length > 0;
  const btf = described ? programBtf(program) : null;
  return {
    name: name.slice(0, 64),
    progType,
    expectedAttachType,
    loadFlags,
    sleepable,
    license,
    ...(attachTo === undefined ? {} : { attachTo }),
    code: blobs.add(encodeInsns(program.insns)),
    kfuncs: [...program.kfuncCalls],
    maps: program.maps.map((def) => mapMessage(def, blobs)),
    ...(btf
      ? {
          btf: {
            types: blobs.add(btf.btf),
            funcInfo: blobs.add(encodeFuncInfo(btf.funcInfo)),
            // Of a program without lines its functions would get lines of our making.
            lineInfo: blobs.add(program.lineInfo.length > 0 ? encodeLineInfo(btf.lineInfo) : new Uint8Array(0)),
          },
        }
      : {}),
    ...(object ? { object: blobs.add(object) } : {}),
  };
}
