/** What a file of types holds. */
export interface BtfFileView {
  readonly key: string;
  readonly file: string;
  /** Types without void. */
  readonly count: number;
  /** How many there are of each kind, by the kernel's word. */
  readonly kinds: readonly (readonly [word: string, count: number])[];
  readonly relocations: number;
  readonly maps: number;
}

/** A row of the list of types. */
export interface BtfRow {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size: number;
}

/** A part of a type: member, parameter, enumerator or variable. */
export interface BtfPart {
  readonly name: string;
  /** The type in C; '' of an enumerator. */
  readonly text: string;
  /** 0 for none to go to. */
  readonly type: number;
  /** Bytes, with bits behind a colon; '' where a place means nothing. */
  readonly place: string;
  readonly size: string;
  /** The type has parts itself. */
  readonly opens: boolean;
}

export interface BtfTypeView extends BtfRow {
  readonly c: string;
  readonly parts: readonly BtfPart[];
  /** What it stands for: the type behind a pointer, typedef or array. */
  readonly target: BtfRow | null;
  readonly tags: readonly string[];
  /** Types that refer to this one, the first of them. */
  readonly users: readonly BtfRow[];
  readonly usersInAll: number;
  readonly maps: readonly string[];
}

/** A CO-RE relocation: what the compiler knew and what the target's types say. */
export interface RelocationView {
  readonly section: string;
  /** Instruction within the section. */
  readonly insn: number;
  readonly func: string;
  readonly kind: string;
  readonly type: number;
  readonly path: string;
  readonly local: string;
  /** Null without types to resolve against. */
  readonly target: { readonly value: string | null; readonly problem: string | null } | null;
}

export interface MapTypesView {
  readonly name: string;
  readonly key: { readonly type: number; readonly text: string };
  readonly value: { readonly type: number; readonly text: string };
}
