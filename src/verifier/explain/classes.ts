import { ruleOf } from './rule-texts.ts';

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
  'call-stack',
  'provenance',
  'return-range',
  'complexity',
  'reference',
  'pointer-arithmetic',
  'wrong-type',
  'context',
  'alignment',
  'section',
  'dynptr',
  'iterator',
  'special-field',
  'kernel-object',
  'map',
  'callback',
  'privilege',
  'environment',
  'control-flow',
  'encoding',
  'own-limit',
  'internal',
  'other',
] as const;
export type ExplanationClass = (typeof CLASSES)[number];

export interface ClassText {
  readonly title: string;
  /** What is permitted, where neither the message nor the values say it. */
  readonly allowed: string;
  /** Why the kernel has this rule. */
  readonly why: string;
  readonly change: string;
}

export const CLASS_TEXTS: Readonly<Record<ExplanationClass, ClassText>> = {
  'null-check': {
    title: 'A pointer that may be null is used without a check',
    allowed: 'a pointer that was compared with 0 on this path',
    why: 'A lookup or allocation can fail and then gives 0. Reading through address 0 would crash the kernel, so the verifier lets a pointer be used only where a comparison with 0 has ruled that out.',
    change: 'Compare the pointer with 0 right after the call that returned it, leave on 0, and use it only on the other branch.',
  },
  'packet-check': {
    title: 'Packet bytes are read without proof that they exist',
    allowed: 'bytes that a comparison with data_end has proved',
    why: 'A packet can be shorter than the header that the program expects. Only a comparison of data plus an offset with data_end, on this path, proves how many bytes are there.',
    change:
      'Before the access, add the offset and size of the access to the packet pointer, compare the sum with data_end, and leave when it lies beyond.',
  },
  index: {
    title: 'An offset is not bounded by the size of the memory',
    allowed: 'an offset within the object',
    why: 'The verifier must know the largest address that an access can have. A value that came from a packet, a map or a helper can be anything until a comparison or a mask bounds it.',
    change: 'Bound the value by a comparison (if index > max, leave) or by a mask before it is added to the pointer.',
  },
  sign: {
    title: 'An offset or a size may be negative',
    allowed: 'a value of at least 0',
    why: 'A signed comparison with an upper bound leaves negative values open, and a negative offset lies before the object; as a size, a negative number is huge.',
    change: 'Compare as unsigned, or also check that the value is at least 0.',
  },
  'fixed-offset': {
    title: 'A fixed offset lies outside of the object',
    allowed: 'an offset within the object',
    why: 'The position of this access is a constant of the program, and the object that the pointer points to has no byte there.',
    change: 'Access a field that lies within the object, or make the object (the value of the map) larger.',
  },
  clobbered: {
    title: 'A register is read after a call has overwritten it',
    allowed: 'r6 to r9 or the stack, which survive the call, or a value written after it',
    why: 'A call may change r0 to r5. After it r0 holds the result and r1 to r5 hold nothing that may be read; only r6 to r10 and the stack survive.',
    change: 'Keep the value in one of r6 to r9 or on the stack across the call.',
  },
  uninitialised: {
    title: 'A register or stack bytes are read before anything was written',
    allowed: 'a value written on every path that leads here',
    why: 'Unwritten registers and stack bytes hold whatever the kernel left there, which would leak its memory into the program.',
    change: 'Give it a value on every path that leads here.',
  },
  stack: {
    title: 'A stack access is misaligned or outside of the frame',
    allowed: 'a place inside of the frame',
    why: 'All frames on a call chain share 512 bytes of kernel stack. The verifier follows each slot, and for that an access must lie inside of the frame and at a multiple of its size.',
    change: 'Move the access to an offset between -512 and minus its size that is a multiple of its size; use a map for larger buffers.',
  },
  'call-stack': {
    title: 'Calls nest too deep, or their frames take too much stack',
    allowed: 'at most 8 frames with 512 bytes together',
    why: 'All frames of a chain of calls share 512 bytes of kernel stack, and at most 8 of them may be there at once.',
    change: 'Call less deeply, or keep less on the stack of these functions.',
  },
  provenance: {
    title: 'A number is used where a pointer is needed',
    allowed: 'a pointer whose origin is known',
    why: 'The verifier follows each pointer from where the kernel handed it out. Copying it in pieces, overwriting part of its slot, computing with it in other ways or a helper that may move packet data ends that trail, and what is left is a number.',
    change: 'Spill and fill pointers as whole 8-byte values, and derive packet pointers again after a helper that may change the packet.',
  },
  'return-range': {
    title: 'The value returned is not one that this program type may return',
    allowed: 'a value that this program type may return',
    why: 'The kernel acts upon the return value and knows only certain values for this hook.',
    change: 'Set r0 to a permitted value on each path before exit.',
  },
  complexity: {
    title: 'The program has an endless or too long way to go',
    allowed: 'a way that ends',
    why: 'A program must be shown to end. The verifier follows each path; a loop whose state never changes, or more than a million instructions on all paths, ends the proof.',
    change: 'Let a bounded counter decide the loop, or use may_goto, bpf_loop or an iterator.',
  },
  reference: {
    title: 'Something that was taken is not given back',
    allowed: 'everything given back',
    why: 'A socket, a ring buffer record or a lock that is held when the program ends would stay held for ever. Each path must give back what it took, once.',
    change: 'Call the release function on every path that leads from the acquiring call to an exit.',
  },
  'pointer-arithmetic': {
    title: 'This arithmetic is not permitted on this pointer',
    allowed: 'additions of bounded numbers',
    why: 'Only additions and subtractions of bounded numbers keep a pointer inside of its object; other operations, or pointers that must stay as they are, would forge addresses.',
    change: 'Compute the offset as a number first, bound it, and add it to the pointer once; copy values out by loading them.',
  },
  'wrong-type': {
    title: 'A value is not of the kind that is needed here',
    allowed: 'a pointer to memory that this instruction or function may use',
    why: 'A helper works on certain kinds of memory and maps only; the verifier compares what each register holds with what the helper declares.',
    change: 'Pass the pointer or map that the helper expects in this position.',
  },
  context: {
    title: 'This field of the context cannot be accessed so',
    allowed: 'a field of this program type’s context',
    why: 'The context that a program sees is a view. Each program type fixes which fields exist, at which offset and width, and which may be written; the kernel rewrites each access to the real structure.',
    change: 'Access a field that exists for this program type at its own offset and width, through the unmodified context pointer.',
  },
  alignment: {
    title: 'An access is not aligned',
    allowed: 'a multiple of the size',
    why: 'Atomic operations, and on some processors all accesses, fault unless their address is a multiple of their size.',
    change: 'Use an offset that is a multiple of the size of the access.',
  },
  section: {
    title: 'A lock or section is entered, left or used in a wrong way',
    allowed: 'what the section permits',
    why: 'While a lock is held, or sleeping, interrupts or preemption are off, others wait: the kernel limits what may happen then and how it ends.',
    change: 'Keep the section short, leave it once on every path, and call nothing in it that could wait.',
  },
  dynptr: {
    title: 'A dynptr is not in the state that the call needs',
    allowed: 'a dynptr in the right state',
    why: 'A dynptr is a handle that the verifier follows from its creation to its release.',
    change: 'Create it by its own helper, pass its stack slot unchanged, and release it once.',
  },
  iterator: {
    title: 'An iterator is not in the state that the call needs',
    allowed: 'an iterator in the right state',
    why: 'An iterator is created, advanced and destroyed in this order.',
    change: 'Call new, next until it gives null, and destroy, on every path.',
  },
  'special-field': {
    title: 'A field that the kernel keeps for itself is touched',
    allowed: 'the helpers of this field',
    why: 'Locks, timers, lists and kernel pointers inside of a value hold state of the kernel.',
    change: 'Use the helpers of this kind of field, at its own constant offset.',
  },
  'kernel-object': {
    title: 'A kernel object is used in a way that its type does not permit',
    allowed: 'what the type of the object permits',
    why: 'The verifier knows objects of the kernel by their types alone, and whether they may be freed meanwhile.',
    change: 'Use a member as the type states it, through a pointer that is guaranteed to live.',
  },
  map: {
    title: 'A map is used in a way that its kind does not permit',
    allowed: 'what the kind of the map permits',
    why: 'Instructions and helpers that name a map are checked against the kind of the map when the program is loaded.',
    change: 'Use a map of a kind that supports this, or another helper.',
  },
  callback: {
    title: 'A callback is not one that the kernel can call',
    allowed: 'a static function with the right prototype',
    why: 'The kernel calls it by itself, on a frame of its own.',
    change: 'Make the callback a static function with the documented arguments.',
  },
  privilege: {
    title: 'The user who loads the program may not do this',
    allowed: 'what this user may do',
    why: 'Where kernel memory lies must stay secret from users without CAP_PERFMON.',
    change: 'Load with CAP_BPF and CAP_PERFMON, or keep addresses inside of the program.',
  },
  environment: {
    title: 'This kernel or program type does not offer that',
    allowed: 'what this kernel and program type offer',
    why: 'What a program may use depends on where it is called, on its licence and on the version of the kernel.',
    change: 'Choose another program type or kernel, or do without it.',
  },
  'control-flow': {
    title: 'The control flow is not valid',
    allowed: 'jumps inside of the function',
    why: 'Each instruction must be reachable, each jump must land inside of its function, and each function must end in an exit or a jump: otherwise execution could leave the program.',
    change: 'Remove code that cannot be reached, and aim jumps at instructions of the same function.',
  },
  encoding: {
    title: 'The instruction is not encoded as the instruction set says',
    allowed: 'an encoding of the instruction set',
    why: 'Unknown operations and fields that must be zero are refused, so that they can get a meaning later.',
    change: 'Write the instruction with a compiler or assembler for this kernel version, with all reserved fields zero.',
  },
  'own-limit': {
    title: 'This verifier does not model that',
    allowed: 'what this verifier models',
    why: 'This is a limit of this verifier, not of the kernel: it refuses what it cannot check.',
    change: 'Ask the kernel itself.',
  },
  internal: {
    title: 'The verifier found a contradiction in its own reasoning',
    allowed: 'a state that agrees with itself',
    why: 'The kernel refuses a program rather than to go on with a contradiction.',
    change: 'Report it with the program.',
  },
  other: {
    title: 'The verifier refuses the program',
    allowed: 'what the rule that the message names permits',
    why: 'The message names the rule.',
    change: 'Read the message and the path that led here.',
  },
};

/** A number that never was a pointer, where an address is needed. */
export const NUMBER_AS_ADDRESS = {
  title: 'A number is used as an address',
  allowed: 'a pointer that the kernel handed out',
  why: 'Nothing on this path made a pointer of this value: it is a number, and memory at an address of the program’s choice could be anything of the kernel’s.',
  change: 'Use the register that holds the pointer, or check on which branch it is one.',
} as const;

/** The class that a final message names; traces of the path can refine it. */
export const classOfMessage = (message: string): ExplanationClass => ruleOf(message)?.class ?? 'other';

/** The register that a final message speaks of, or -1. */
export function registerOfMessage(message: string): number {
  const names = [...message.matchAll(/\bR(\d+)\b/g)];
  const possibly = /helper arg(\d)/.exec(message);
  return names.length > 0 ? Number(names[0]![1]) : possibly ? Number(possibly[1]) : -1;
}
