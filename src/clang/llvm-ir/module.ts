import type { MetaId, MetaNode } from './metadata.ts';
import type { Type } from './types.ts';

/** An operand: a result, an argument, or a constant. */
export type Value =
  | { readonly kind: 'local'; readonly name: string; readonly type: Type }
  | { readonly kind: 'global'; readonly name: string; readonly type: Type }
  | { readonly kind: 'int'; readonly value: bigint; readonly type: Type }
  /** `null` and `zeroinitializer`. */
  | { readonly kind: 'zero'; readonly type: Type }
  | { readonly kind: 'undef'; readonly type: Type }
  | { readonly kind: 'float'; readonly text: string; readonly type: Type }
  | { readonly kind: 'aggregate'; readonly elements: readonly Value[]; readonly type: Type }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: Type }
  | { readonly kind: 'expr'; readonly inst: Inst; readonly type: Type }
  | { readonly kind: 'metadata'; readonly id: MetaId | null; readonly type: Type }
  | { readonly kind: 'asm'; readonly template: string; readonly constraints: string; readonly type: Type };

export interface CallArg {
  readonly value: Value;
  /** `signext` or `zeroext`: how a narrow number fills its register. */
  readonly extend: 'sign' | 'zero' | null;
  /** `elementtype(…)`: what a pointer of `llvm.preserve.…` points to. */
  readonly element: Type | null;
  /** Bytes that a pointer is known to be aligned to. */
  readonly align: number;
}

export type Inst =
  | { readonly op: 'binary'; readonly code: string; readonly a: Value; readonly b: Value }
  | { readonly op: 'icmp'; readonly code: string; readonly a: Value; readonly b: Value }
  | { readonly op: 'cast'; readonly code: string; readonly value: Value }
  | { readonly op: 'select'; readonly cond: Value; readonly a: Value; readonly b: Value }
  | { readonly op: 'phi'; readonly incoming: readonly (readonly [Value, string])[] }
  | { readonly op: 'alloca'; readonly of: Type; readonly count: Value | null; readonly align: number }
  | { readonly op: 'load'; readonly ptr: Value; readonly align: number; readonly volatile: boolean; readonly ordering: string }
  | {
      readonly op: 'store';
      readonly value: Value;
      readonly ptr: Value;
      readonly align: number;
      readonly volatile: boolean;
      readonly ordering: string;
    }
  | { readonly op: 'gep'; readonly of: Type; readonly base: Value; readonly indices: readonly Value[] }
  | {
      readonly op: 'call';
      readonly callee: Value;
      readonly args: readonly CallArg[];
      /** Where `asm goto` may go besides on. */
      readonly indirect: readonly string[];
      readonly next: string | null;
    }
  | { readonly op: 'extractvalue'; readonly value: Value; readonly path: readonly number[] }
  | { readonly op: 'insertvalue'; readonly value: Value; readonly element: Value; readonly path: readonly number[] }
  | { readonly op: 'atomicrmw'; readonly code: string; readonly ptr: Value; readonly value: Value; readonly ordering: string }
  | { readonly op: 'cmpxchg'; readonly ptr: Value; readonly expected: Value; readonly value: Value }
  | { readonly op: 'fence'; readonly single: boolean }
  | { readonly op: 'br'; readonly cond: Value | null; readonly targets: readonly string[] }
  | { readonly op: 'switch'; readonly value: Value; readonly other: string; readonly cases: readonly (readonly [bigint, string])[] }
  | { readonly op: 'ret'; readonly value: Value | null }
  | { readonly op: 'unreachable' }
  /** What BPF has nothing for; `what` is the opcode. */
  | { readonly op: 'unsupported'; readonly what: string };

/** An instruction with its result. */
export interface Line {
  readonly inst: Inst;
  /** Name of the result, or null. */
  readonly name: string | null;
  readonly type: Type;
  readonly dbg: MetaId | null;
  /** Number of `!llvm.preserve.access.index`. */
  readonly access: MetaId | null;
}

export interface Block {
  readonly name: string;
  readonly lines: readonly Line[];
}

export interface Param {
  readonly name: string;
  readonly type: Type;
}

export type Linkage = 'global' | 'internal' | 'weak' | 'external';

export interface Func {
  readonly name: string;
  readonly linkage: Linkage;
  readonly hidden: boolean;
  /** `extern … __weak`: may be missing in the kernel. */
  readonly isWeak: boolean;
  readonly section: string | null;
  readonly params: readonly Param[];
  readonly returns: Type;
  readonly returnExtend: 'sign' | 'zero' | null;
  /** Empty for declarations. */
  readonly blocks: readonly Block[];
  readonly dbg: MetaId | null;
}

export interface Global {
  readonly name: string;
  readonly linkage: Linkage;
  readonly hidden: boolean;
  readonly isWeak: boolean;
  readonly constant: boolean;
  /** `unnamed_addr` private constants, which no symbol stands for. */
  readonly isPrivate: boolean;
  readonly type: Type;
  /** Null for external ones. */
  readonly init: Value | null;
  readonly section: string | null;
  readonly align: number;
  /** A `DIGlobalVariableExpression`. */
  readonly dbg: MetaId | null;
}

export interface Module {
  readonly globals: readonly Global[];
  readonly funcs: readonly Func[];
  readonly metadata: ReadonlyMap<string, MetaNode>;
}
