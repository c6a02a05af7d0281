/** Kinds of rejections, by what the author has to change. */
export const CLASSES = [
  'null-check',
  'packet-check',
  'index',
  'sign',
  'fixed-offset',
  'clobbered',
  'uninitialised',
  'stack',
  'provenance',
  'return-range',
  'complexity',
  'reference',
  'pointer-arithmetic',
  'wrong-type',
  'context',
  'control-flow',
  'encoding',
  'other',
] as const;
export type ExplanationClass = (typeof CLASSES)[number];

export interface ClassText {
  readonly title: string;
  /** Why the kernel has this rule. */
  readonly why: string;
  readonly change: string;
}

export const CLASS_TEXTS: Readonly<Record<ExplanationClass, ClassText>> = {
  'null-check': {
    title: 'A pointer that may be null is used without a check',
    why: 'A lookup or allocation can fail and then gives 0. Reading through address 0 would crash the kernel, so the verifier lets a pointer be used only where a comparison with 0 has ruled that out.',
    change: 'Compare the pointer with 0 right after the call that returned it, leave on 0, and use it only on the other branch.',
  },
  'packet-check': {
    title: 'Packet bytes are read without proof that they exist',
    why: 'A packet can be shorter than the header that the program expects. Only a comparison of data plus an offset with data_end, on this path, proves how many bytes are there.',
    change:
      'Before the access, add the offset and size of the access to the packet pointer, compare the sum with data_end, and leave when it lies beyond.',
  },
  index: {
    title: 'An offset is not bounded by the size of the memory',
    why: 'The verifier must know the largest address that an access can have. A value that came from a packet, a map or a helper can be anything until a comparison or a mask bounds it.',
    change: 'Bound the value by a comparison (if index > max, leave) or by a mask before it is added to the pointer.',
  },
  sign: {
    title: 'An offset or a size may be negative',
    why: 'A signed comparison with an upper bound leaves negative values open, and a negative offset lies before the object; as a size, a negative number is huge.',
    change: 'Compare as unsigned, or also check that the value is at least 0.',
  },
  'fixed-offset': {
    title: 'A fixed offset lies outside of the object',
    why: 'The position of this access is a constant of the program, and the object that the pointer points to has no byte there.',
    change: 'Access a field that lies within the object, or make the object (the value of the map) larger.',
  },
  clobbered: {
    title: 'A register is read after a call has overwritten it',
    why: 'A call may change r0 to r5. After it r0 holds the result and r1 to r5 hold nothing that may be read; only r6 to r10 and the stack survive.',
    change: 'Keep the value in one of r6 to r9 or on the stack across the call.',
  },
  uninitialised: {
    title: 'A register or stack bytes are read before anything was written',
    why: 'Unwritten registers and stack bytes hold whatever the kernel left there, which would leak its memory into the program.',
    change: 'Give it a value on every path that leads here.',
  },
  stack: {
    title: 'A stack access is misaligned or outside of the frame',
    why: 'All frames on a call chain share 512 bytes of kernel stack. The verifier follows each slot, and for that an access must lie inside of the frame and at a multiple of its size.',
    change: 'Move the access to an offset between -512 and minus its size that is a multiple of its size; use a map for larger buffers.',
  },
  provenance: {
    title: 'A number is used where a pointer is needed',
    why: 'The verifier follows each pointer from where the kernel handed it out. Copying it in pieces, overwriting part of its slot, computing with it in other ways or a helper that may move packet data ends that trail, and what is left is a number.',
    change: 'Spill and fill pointers as whole 8-byte values, and derive packet pointers again after a helper that may change the packet.',
  },
  'return-range': {
    title: 'The value returned is not one that this program type may return',
    why: 'The kernel acts upon the return value and knows only certain values for this hook.',
    change: 'Set r0 to a permitted value on each path before exit.',
  },
  complexity: {
    title: 'The program has an endless or too long way to go',
    why: 'A program must be shown to end. The verifier follows each path; a loop whose state never changes, or more than a million instructions on all paths, ends the proof.',
    change: 'Let a bounded counter decide the loop, or use may_goto, bpf_loop or an iterator.',
  },
  reference: {
    title: 'Something that was taken is not given back',
    why: 'A socket, a ring buffer record or a lock that is held when the program ends would stay held for ever. Each path must give back what it took, once.',
    change: 'Call the release function on every path that leads from the acquiring call to an exit.',
  },
  'pointer-arithmetic': {
    title: 'This arithmetic is not permitted on this pointer',
    why: 'Only additions and subtractions of bounded numbers keep a pointer inside of its object; other operations, or pointers that must stay as they are, would forge addresses.',
    change: 'Compute the offset as a number first, bound it, and add it to the pointer once; copy values out by loading them.',
  },
  'wrong-type': {
    title: 'An argument is not of the kind that the function takes',
    why: 'A helper works on certain kinds of memory and maps only; the verifier compares what each register holds with what the helper declares.',
    change: 'Pass the pointer or map that the helper expects in this position.',
  },
  context: {
    title: 'This field of the context cannot be accessed so',
    why: 'The context that a program sees is a view. Each program type fixes which fields exist, at which offset and width, and which may be written; the kernel rewrites each access to the real structure.',
    change: 'Access a field that exists for this program type at its own offset and width, through the unmodified context pointer.',
  },
  'control-flow': {
    title: 'The control flow is not valid',
    why: 'Each instruction must be reachable, each jump must land inside of its function, and each function must end in an exit or a jump: otherwise execution could leave the program.',
    change: 'Remove code that cannot be reached, and aim jumps at instructions of the same function.',
  },
  encoding: {
    title: 'The instruction is not encoded as the instruction set says',
    why: 'Unknown operations and fields that must be zero are refused, so that they can get a meaning later.',
    change: 'Write the instruction with a compiler or assembler for this kernel version, with all reserved fields zero.',
  },
  other: {
    title: 'The verifier refuses the program',
    why: 'The message names the rule.',
    change: 'Read the message and the path that led here.',
  },
};

/** First match wins; the message is the last line that was said. */
const RULES: readonly (readonly [RegExp, ExplanationClass])[] = [
  [
    /invalid mem access '\w*_or_null|null-check it first|Possibly NULL|type=\w*_or_null_?\w* expected|expected to be non-NULL/,
    'null-check',
  ],
  [/offset is outside of the packet/, 'packet-check'],
  [
    /bpf_context access|misaligned context access|ctx ptr|(invalid|not allowed).* ctx access|variable ctx access|R\d+ ctx is not allowed/,
    'context',
  ],
  [/!read_ok|invalid read from stack|invalid indirect read/, 'uninitialised'],
  [/invalid size of register (fill|spill)|corrupted spill|invalid mem access 'scalar'/, 'provenance'],
  [/min value is negative|unbounded min value|zero-sized read/, 'sign'],
  [
    /(min|max) value is outside of the allowed memory|unbounded memory access|pointer be out of bounds|unbounded variable-offset|invalid variable-offset/,
    'index',
  ],
  [/combined stack size|stack frame|(write to|read from|access to) stack|to stack R|misaligned stack|stack pointer to the caller/, 'stack'],
  [/should have been in|R0 is not a known value|R0 is not a scalar|R0 not a scalar value/, 'return-range'],
  [/infinite loop|^(old|cur) state:|too large\. Processed|too complex|frames is too deep|loop detected|back-edge/, 'complexity'],
  [
    /reference leak|must be referenced|has not been acquired|inside bpf_\w+-ed region|holding a lock|bpf_spin_unlock|Locking two/,
    'reference',
  ],
  [
    /pointer arithmetic|pointer \S+ pointer|bitwise operator|subtract pointer|subtraction from stack|math between|pointer offset|makes \w+ pointer/,
    'pointer-arithmetic',
  ],
  [
    /type=\S+ expected=|cannot pass map_type|is not a known constant|constant offset|is not a scalar|helper access to the packet|cannot use helper|invalid mem access|invalid \w+ access|cannot write into|access beyond/,
    'wrong-type',
  ],
  [
    /unreachable insn|jump out of range|jump into the middle|last insn is not|invalid func|invalid insn idx|call to invalid destination/,
    'control-flow',
  ],
  [
    /reserved fields|unknown opcode|bpf_ld_imm|R1[1-5] is invalid|invalid BPF_|atomic op|invalid shift|div by zero|frame pointer is read only|not pointing to valid|insn can only/,
    'encoding',
  ],
];

/** The class that a final message names; traces of the path can refine it. */
export function classOfMessage(message: string): ExplanationClass {
  return RULES.find(([pattern]) => pattern.test(message))?.[1] ?? 'other';
}

/** The register that a final message speaks of, or -1. */
export function registerOfMessage(message: string): number {
  const names = [...message.matchAll(/\bR(\d+)\b/g)];
  const possibly = /helper arg(\d)/.exec(message);
  return names.length > 0 ? Number(names[0]![1]) : possibly ? Number(possibly[1]) : -1;
}
