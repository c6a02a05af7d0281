import type { ByteOff, InsnIdx, MapIdx, OriginIdx } from '../base/units.ts';

/**
 * One 8-byte instruction slot (RFC 9669 section 3.1). A 16-byte `lddw` is two slots, the second with opcode 0 and the
 * high 32 bits in `imm`, so that an index into the array is the index in the kernel's log.
 */
export interface Insn {
  readonly opcode: number; // u8
  readonly dst: number; // 0..15 as encoded; the kernel allows 0..10
  readonly src: number; // 0..15
  readonly off: number; // s16
  readonly imm: number; // s32
}

/** Kernel map type numbers (uapi `enum bpf_map_type`); names in `maps.ts`. */
export type MapType = number;

/** A kernel object inside a map value, as the value's BTF says; the verifier keeps plain accesses away from it. */
export interface ValueField {
  /** The kernel's name: `bpf_timer`, `bpf_wq`, `bpf_list_head`, …; for a pointer `kptr_untrusted`, `kptr`, `percpu_kptr` or `uptr`. */
  readonly kind: string;
  readonly byteOff: ByteOff;
  readonly size: number;
  /** Name of the structure that a pointer points to, or that a list or tree holds. */
  readonly target?: string;
  /** Of a list or tree: where its nodes lie in that structure. */
  readonly nodeOff?: number;
  /** Bytes of that structure, where they are known. */
  readonly targetSize?: number;
}

/** A member of a structure that is none itself; those of nested structures are listed in their place. */
export interface LocalMember {
  readonly name: string;
  /** Structure that holds it, and where that one begins. */
  readonly struct: string;
  readonly structOff: ByteOff;
  readonly byteOff: ByteOff;
  readonly size: number;
  /** `pointer` to a structure, `memory` a pointer to anything else; `any` a bit field or union, which any access may touch. */
  readonly kind: 'scalar' | 'pointer' | 'memory' | 'any';
}

/** A structure of the program's own types, which it may allocate. */
export interface LocalStruct {
  readonly name: string;
  readonly size: number;
  /** It holds scalars alone. */
  readonly isScalar: boolean;
  readonly members: readonly LocalMember[];
  readonly fields: readonly ValueField[];
  readonly spinLockOff?: number;
}

/** A map that a program uses, as an object defines it. */
export interface MapDef {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Initial contents of a global-data map (`.data…`, `.rodata…`, `.bss`); exactly `valueSize` bytes. */
  readonly data?: Uint8Array;
  /** The section a global-data map stands for: `.data.weights`, `.rodata`, `.bss`. */
  readonly section?: string;
  /** Frozen before load (`.rodata`): the verifier reads its contents as constants. */
  readonly frozen?: boolean;
  /** Template of the inner map for array/hash of maps. */
  readonly inner?: MapDef;
  /** Byte offset of a `struct bpf_spin_lock` in the value, as the value's BTF says. */
  readonly spinLockOff?: number;
  /** Other kernel objects in the value. */
  readonly fields?: readonly ValueField[];
  /** `LIBBPF_PIN_BY_NAME`. */
  readonly pinByName?: boolean;
}

/** What BTF says about an argument of a global function; the verifier checks such functions apart from their callers. */
export type ArgType =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  /** Memory; `struct` names its type. */
  | { readonly kind: 'mem'; readonly size: number; readonly nonNull: boolean; readonly struct?: string }
  /** An address that the kernel is told nothing about: of functions that are verified with their callers, and `unfit` on their own. */
  | { readonly kind: 'pointer' }
  | { readonly kind: 'dynptr' }
  /** An address inside an arena, or a number. */
  | { readonly kind: 'arena' }
  /** Any value; reads through it are guarded. `struct` names the kernel's structure, absent for a number or for anything. */
  | { readonly kind: 'untrusted'; readonly struct?: string }
  /** A trusted pointer to a structure of the kernel. */
  | { readonly kind: 'btf'; readonly struct: string; readonly mayBeNull: boolean };

export interface Subprog {
  readonly name: string;
  readonly start: InsnIdx;
  readonly linkage: 'static' | 'global';
  /** Known for global functions with BTF; absent otherwise. */
  readonly args?: readonly ArgType[];
  readonly returns?: 'scalar' | 'void'; // static ones say `void` alone
  /** The object has no BTF of it, or none that the kernel takes: some instructions are then confined to the main function. */
  readonly untyped?: boolean;
  /** What the kernel says against the prototype of a global function, which then cannot be called. */
  readonly unfit?: string;
}

/** One record of `.BTF.ext` line info: `text` is the source line itself (an ONNX node or a line of C). */
export interface LineInfo {
  readonly insnIdx: InsnIdx;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** What an instruction serves: an ONNX node (with its rows), a C line, or the binding's own code. */
export interface Origin {
  readonly kind: 'node' | 'source' | 'binding' | 'runtime';
  /** ONNX node index for `node`; otherwise -1. */
  readonly nodeIdx: number;
  /** Name shown to people: node name, function, or what the runtime code does. */
  readonly label: string;
}

/**
 * A program ready to be verified and run: subprograms appended after the main one, calls resolved to relative ones, and
 * `lddw` with `src` 1 (map) or 2 (map value) holding an index into `maps` in `imm` in place of a file descriptor.
 */
export interface Program {
  readonly name: string;
  /** ELF section, which decides type and attach type as libbpf does. */
  readonly section: string;
  /** uapi `enum bpf_prog_type`. */
  readonly progType: number;
  /** What the program attaches to, where its type says so: a tracepoint, a function, an iterator. */
  readonly attachTo?: string;
  /** uapi `enum bpf_attach_type`, 0 when unspecified; of struct_ops programs the number of the member in the kernel's structure. */
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  /** `BPF_F_…` load flags other than sleepable (strict alignment and so on); 0 for most. */
  readonly loadFlags: number;
  readonly license: string;
  readonly insns: readonly Insn[];
  /** Sorted by `start`; `subprogs[0].start` is 0. */
  readonly subprogs: readonly Subprog[];
  readonly maps: readonly MapDef[];
  readonly lineInfo: readonly LineInfo[];
  /** Several origins may claim one instruction: shared loops and functions. Index by instruction; empty list: unknown. */
  readonly origins: readonly Origin[];
  readonly insnOrigins: readonly (readonly OriginIdx[])[];
  /** Structures by their id in the program's BTF, for programs that allocate objects. */
  readonly localStructs?: ReadonlyMap<number, LocalStruct>;
  /** Functions that BTF names as the program's exception callback; more than one is a mistake that the kernel refuses. */
  readonly exceptionCallbacks?: readonly string[];
  /** Why a loader refuses the program before the kernel sees it; the verifier refuses it with these words. */
  readonly unloadable?: string;
  /** Calls to kernel functions: instruction → name (the object reader keeps them unresolved). */
  readonly kfuncCalls: ReadonlyMap<InsnIdx, string>;
}

export type { ByteOff, InsnIdx, MapIdx, OriginIdx };
