import type { ExplanationClass } from './classes.ts';

/** A rule of the verifier, found by the message that it ends with. `$1`… stand for what the message says. */
export interface RuleText {
  readonly match: RegExp;
  readonly class: ExplanationClass;
  /** What the rule permits. */
  readonly allowed: string;
  /** What was found, where no register's value says it. */
  readonly known?: string;
  readonly why: string;
  readonly change: string;
}

const rule = (cls: ExplanationClass, match: RegExp, allowed: string, why: string, change: string, known?: string): RuleText => ({
  class: cls,
  match,
  allowed,
  why,
  change,
  ...(known ? { known } : {}),
});

const RESERVED = 'Fields that an instruction does not use must be zero, so that later kernels can give them a meaning.';
const CONST_OFFSET = 'The verifier checks the type of this field by its place. A place that varies could be any other field, too.';
const ONE_PATH = 'The kernel rewrites such an access for one kind of pointer, and there is one instruction for all paths.';
const SPECIAL =
  'The kernel itself keeps its state in this field. A program that could write it could unlock a lock or free an object that it does not own.';
const DYNPTR_STATE =
  'A dynptr is a handle that the verifier follows from its creation to its release. Bytes that were not made by the kernel are none.';
const ITER_STATE =
  'An iterator is created, advanced and destroyed in this order, and the verifier follows its state in the stack slots that hold it.';
const IRQ_STATE =
  'The saved state of interrupts is restored once, last saved first restored, or interrupts would stay off or come on too early.';
const SLEEPS =
  'Inside of such a section the processor must not be given up: another one may wait for it, or memory that the program still uses may be freed.';
const OFFSET_ZERO =
  'The function frees or links the object by its beginning. A pointer into its middle would free memory that was never allocated.';
const TRUSTED = 'Without a reference or an RCU section the object may be freed between two instructions.';
const OWN = 'This is a limit of this verifier, not of the kernel: it refuses what it cannot check.';
const LOCAL_TYPE =
  'An allocation has the layout that the type in the program describes; the verifier must find it to know which fields are special.';

/** First match wins: the particular before the general. */
export const RULE_TEXTS: readonly RuleText[] = [
  // Of the simulated accelerator, which has hooks and functions of its own
  rule(
    'context',
    /bpf_context access off=(-?\d+) size=(\d+) in (\S+) programs/,
    'aligned reads of the whole command, and writes of the fields that programs at $3 may set',
    'The command is the driver’s: where a program stands decides what of it may still change. Before a command is dispatched its priority may, after the units ran nothing may.',
    'Write only fields of this hook (docs/accelerator.md lists them), each at its own offset in its own width; return a negative errno to refuse the command.',
    'an access of $2 bytes at offset $1',
  ),
  rule(
    'environment',
    /calling kernel function (\S+) is not allowed in (\S+) programs/,
    'functions of the device at the hooks that have them',
    'Each function of the device works on what is there at its hook: tensors before and after the units ran, a signature only when there is an output to sign.',
    'Move the call to a program at a hook that has the function (docs/accelerator.md lists them).',
    'a call of $1 at $2',
  ),
  rule(
    'wrong-type',
    /^(\S+) programs cannot use helper (\S+)/,
    'maps, ring buffers, loops, time and random numbers',
    'The device has no packets, sockets or processes: helpers that work on them have nothing to work on.',
    'Use a helper that the device has, or one of its own functions (docs/accelerator.md lists both).',
    'a call of $2 at $1',
  ),
  rule(
    'provenance',
    /is the address of (.+), which no program may touch/,
    'memory that the program was given a pointer to',
    'Hooks run beside the units, not on them: their registers are outside of every sandbox, and functions of the device take tensors by number, never by address.',
    'Ask the device with one of its functions, or steer the command by what the program returns.',
    '$1',
  ),
  rule(
    'iterator',
    /has to lie in the first (\d+) bytes of the stack/,
    'iterators within the first $1 bytes of a frame',
    'A frame on the device may be larger than Linux allows; the state of iterators is followed in the slots next to the frame pointer only.',
    'Put large arrays into a function of their own, or use bpf_loop.',
  ),
  // Of this verifier, and of the kernel about itself
  rule(
    'own-limit',
    /verifier here|which is not at hand|was not checked|^cannot be judged/,
    'what this verifier models',
    OWN,
    'Ask the kernel itself, with the companion or bpftool.',
  ),
  rule(
    'internal',
    /verifier bug|INVARIANTS|misconfigured|__bpf_trap|stopped/,
    'a state that agrees with itself',
    'The kernel checks its own reasoning, and refuses rather than to go on with a contradiction.',
    'Report it with the program; writing the comparison in another way often avoids it.',
  ),
  // Pointers that may be null
  rule(
    'null-check',
    /invalid mem access '\w*_or_null/,
    'a pointer that was compared with 0 on this path',
    'A lookup or allocation can fail and then gives 0. Reading through address 0 would crash the kernel.',
    'Compare the pointer with 0 right after the call that returned it, leave on 0, and use it only on the other branch.',
  ),
  rule(
    'null-check',
    /null-check it first/,
    'arithmetic on a pointer that was compared with 0',
    'Adding to a null pointer gives an address that no longer compares equal to 0, so that the check would come too late.',
    'Compare the pointer with 0 first, and compute with it on the branch where it is not 0.',
  ),
  rule(
    'null-check',
    /Possibly NULL pointer|type=\w*_or_null_?\w* expected|expected to be non-NULL/,
    'a pointer that cannot be null',
    'The function reads through this argument without asking whether it is 0.',
    'Compare the pointer with 0 before the call and call only where it is not 0.',
  ),
  // Packets
  rule(
    'packet-check',
    /offset is outside of the packet|invalid access to packet/,
    'bytes that a comparison with data_end has proved to be there',
    'A packet can be shorter than the header that the program expects. Only a comparison of a packet pointer with data_end, on this path, proves how many bytes are there.',
    'Before the access, add its offset and size to the packet pointer, compare the sum with data_end, and leave when it lies beyond.',
  ),
  // The context
  rule(
    'context',
    /same insn cannot be used with different pointers/,
    'one kind of pointer at this instruction, whatever the path',
    ONE_PATH,
    'Make the access on each branch by itself, before the paths join.',
  ),
  rule(
    'context',
    /dereference of modified ctx|negative offset ctx|variable ctx access|ctx ptr/,
    'the context pointer as the program got it',
    'Accesses to the context are rewritten by their constant offset. From a pointer that was moved the offset cannot be told.',
    'Keep the context pointer unmodified and put the offset into the load or store.',
  ),
  rule(
    'context',
    /misaligned context access/,
    'an offset that is a multiple of the size',
    'A field of the context is read as a whole; an access across two fields has no counterpart in the kernel structure.',
    'Use the offset and the width of one field.',
  ),
  rule(
    'context',
    /bpf_context access off=(-?\d+) size=(\d+)/,
    'a field that this program type has at this offset and in this width, for reading or for writing',
    'The context is a view: each program type fixes which fields exist, at which offset and width, and which may be written. The kernel rewrites each access to the real structure.',
    'Look up the field in the context of this program type; read it at its own offset in its own width; write only fields that may be written.',
    'an access of $2 bytes at offset $1',
  ),
  rule(
    'context',
    /into R\d+ ctx is not allowed|ctx is not allowed|not allowed.* ctx access/,
    'plain stores of registers to writable fields',
    'Stores of constants and atomic operations cannot be rewritten to the real structure.',
    'Load the field, compute in a register, and store the register.',
  ),
  rule(
    'context',
    /R6 != pointer to skb/,
    'the context in r6',
    'BPF_LD_ABS and BPF_LD_IND take the packet from r6 without naming it.',
    'Copy the context into r6 before the load (r6 = r1 at the start of the program).',
  ),
  rule(
    'context',
    /invalid access to flow keys/,
    'an offset within the flow keys',
    'The keys are a structure of fixed size that the kernel lends to the program.',
    'Use an offset and size within struct bpf_flow_keys.',
  ),
  rule(
    'wrong-type',
    /BPF_ATOMIC \S+ \S+ R\d+ \S+ is not allowed|BPF_ATOMIC .* is not allowed/,
    'atomic operations on the stack, on map values and on memory of the program',
    'Packets, sockets and the context are shown through rewritten accesses, and an atomic operation cannot be rewritten.',
    'Load, compute and store, or keep the counter in a map.',
  ),
  // Unread registers and stack
  rule(
    'uninitialised',
    /R(\d+) !read_ok/,
    'r$1 was given a value on every path that leads here',
    'An unwritten register holds whatever the kernel left there: it would leak kernel memory or be taken for an address.',
    'Give the register a value on every path, or use the one that holds the value meant.',
    'nothing was written to r$1',
  ),
  rule(
    'uninitialised',
    /invalid (?:indirect )?read from stack|invalid (?:\w+ )?read from stack/,
    'bytes of the stack that were written on this path',
    'The stack is not cleared: unwritten bytes hold what earlier kernel code left there.',
    'Write all bytes that are read, on every path, before they are read or passed to a helper.',
    'bytes that nothing has written',
  ),
  // Pointers that became numbers
  rule(
    'provenance',
    /invalid size of register fill/,
    'a fill of all eight bytes',
    'A slot holds a spilled pointer. A part of an address is neither a pointer nor a number that a program may see.',
    'Load the slot with an 8-byte load, or store a number into it first.',
  ),
  rule(
    'provenance',
    /invalid size of register spill/,
    'a spill of all eight bytes',
    'A pointer that is stored in part cannot be put together again under the eyes of the verifier.',
    'Store the pointer with an 8-byte store to a slot at a multiple of 8.',
  ),
  rule(
    'provenance',
    /attempt to corrupt spilled|corrupted spill|spilled ptr in range/,
    'stores that leave spilled pointers whole',
    'Overwriting a part of a spilled pointer would make an address of the program’s choice.',
    'Use another stack slot for the new value.',
  ),
  rule(
    'provenance',
    /invalid mem access 'scalar'/,
    'a pointer whose origin is known',
    'The verifier follows each pointer from where the kernel handed it out. Copying in pieces, overwriting a part of its slot, arithmetic other than adding numbers, or a helper that may move packet data ends that trail.',
    'Keep pointers whole: 8-byte spills and fills, additions of numbers only, and packet pointers loaded again after a helper that may change the packet.',
  ),
  rule(
    'provenance',
    /partial copy of pointer|sign-extension part of pointer/,
    'a copy of all 64 bits',
    'The lower half of an address is no pointer, and showing it to the program leaks where kernel memory lies.',
    'Copy the register with a 64-bit move.',
  ),
  // Indices and sizes
  rule(
    'sign',
    /min value is negative|unbounded min value/,
    'a value of at least 0',
    'A signed comparison with an upper bound leaves negative values open: a negative offset lies before the object, and as a size a negative number is huge.',
    'Compare as unsigned, mask the value, or check as well that it is at least 0.',
  ),
  rule(
    'sign',
    /invalid zero-sized read/,
    'a size of at least 1',
    'The function reads at least one byte; for none the pointer would not have to be valid.',
    'Leave when the size is 0, or start its range at 1.',
  ),
  rule(
    'index',
    /invalid (un)?bounded variable-offset|invalid (un)?bounded \w+ (?:read|write)|variable-offset|variable offset stack/,
    'a bounded offset that stays inside of the frame',
    'The verifier must know which slots of the stack an access can touch, because they may hold pointers.',
    'Bound the offset from below and from above before it is added to the stack pointer.',
  ),
  rule(
    'index',
    /(min|max) value is outside of the allowed memory|unbounded memory access|invalid access to (?:map|memory|mem)/,
    'an offset within the object, with the size of the access',
    'A value from a packet, a map or a helper can be anything until a comparison or a mask bounds it; the largest offset that remains possible must lie inside of the object.',
    'Bound the value by a comparison (leave when it is above the maximum) or by a mask before it is added to the pointer.',
  ),
  rule(
    'index',
    /pointer be out of bounds|makes \w+ pointer be|pointer offset -?\d+ is not allowed/,
    'offsets between -2^29 and 2^29',
    'Beyond that the sums of offsets that the verifier keeps could overflow.',
    'Bound the number before it is added to the pointer.',
  ),
  rule(
    'index',
    /invalid variable buffer offset|invalid \w+ buffer access/,
    'a constant offset that is at least 0',
    'How long the buffer is becomes known only when the program is attached; the largest constant offset is remembered until then.',
    'Access the buffer at constant offsets.',
  ),
  rule(
    'index',
    /math between .* and -?\d+ is not allowed/,
    'a constant that keeps the pointer inside of bounds that can be computed',
    'A constant this large moves the pointer further than any object reaches.',
    'Use an offset of the size of the object.',
  ),
  // Stack
  rule(
    'call-stack',
    /combined stack size of (\d+) calls is (\d+)/,
    'at most 512 bytes on a chain of calls',
    'All frames of a chain of calls share one small kernel stack. Each function takes what its deepest access needs, rounded up to 16 bytes.',
    'Keep less on the stack in one of these functions, use a map for larger buffers, or call less deeply.',
    '$2 bytes in $1 frames',
  ),
  rule(
    'call-stack',
    /stack size of subprog (\d+) is (\d+)/,
    'at most 512 bytes',
    'Each frame lies on a small kernel stack.',
    'Keep less on the stack of this function.',
    '$2 bytes',
  ),
  rule(
    'call-stack',
    /call stack of (\d+) frames is too deep/,
    'at most 8 frames',
    'Each call takes a frame of the kernel’s stack, and recursion has no bound that could be proved.',
    'Call less deeply: inline functions, or turn recursion into a loop.',
    '$1 frames',
  ),
  rule(
    'call-stack',
    /tail_calls are not allowed when call stack of previous frames is (\d+)/,
    'less than 256 bytes in the frames before a tail call',
    'A program that is entered by a tail call starts with a new frame, up to 33 times, on top of those that stay.',
    'Keep less on the stack of the functions that lead to the tail call.',
    '$1 bytes',
  ),
  rule(
    'stack',
    /misaligned stack access/,
    'an offset that is a multiple of the size',
    'The verifier keeps account of the stack in slots of eight bytes; an access across a boundary would mix what two slots hold.',
    'Move the access to a multiple of its size.',
  ),
  rule(
    'stack',
    /stack pointer to the caller|pointers to stack into stack frame/,
    'pointers to frames that still exist',
    'The frame of a function is gone when it returns; a pointer to it would reach whatever comes next.',
    'Let the caller pass a pointer to its own frame, and return a number.',
  ),
  rule(
    'stack',
    /(write to|read from|access to) stack|to stack R|invalid \w*\s?stack R|stack R\d+ off/,
    'an offset from -512 to minus the size of the access',
    'A frame has 512 bytes below the frame pointer. What lies above belongs to the caller or the kernel.',
    'Access the stack at a negative offset within 512 bytes; use a map for larger buffers.',
  ),
  rule(
    'alignment',
    /misaligned packet access/,
    'a place that is a multiple of the size, counted from 2 bytes before the packet',
    'On some processors an access at another place faults. The program asked for that to be checked, or the machine needs it.',
    'Read in smaller pieces, or choose the header so that the field is aligned.',
  ),
  rule(
    'alignment',
    /misaligned/,
    'an offset that is a multiple of the size',
    'Atomic operations, and on some processors all accesses, fault at other places.',
    'Use an offset that is a multiple of the size of the access.',
  ),
  // Return values
  rule(
    'return-range',
    /should have been in (?:\[|\(0x)/,
    'a value in the range that the message names',
    'The kernel acts upon the return value and knows only these values for this hook.',
    'Set r0 to a permitted value on each path before exit.',
  ),
  rule(
    'return-range',
    /R0 is not a known value|is not a known value \(|R0 is not a scalar|R0 not a scalar value|is not a scalar value/,
    'a number whose range is known',
    'The kernel acts upon the returned number; a pointer would tell the caller an address.',
    'Return a number: copy out what the pointer points to, or return a constant.',
  ),
  // Too long
  rule(
    'complexity',
    /infinite loop|^(old|cur) state:|loop detected/,
    'a loop whose state changes in each round',
    'The loop came back to an instruction with the same state as before: nothing that decides its end has changed, so it would run for ever.',
    'Let a counter with a constant bound decide the loop, or use may_goto, bpf_loop or an iterator.',
    'the same state as in the round before',
  ),
  rule(
    'complexity',
    /too large\. Processed (\d+)/,
    '1,000,000 instructions on all paths together',
    'The verifier walks every path that it cannot prove to be covered by an earlier one, and gives up after a million instructions.',
    'Give loops fewer rounds, make branches inside of loops branchless, or move the body into a global function, which is verified once.',
    '$1 instructions',
  ),
  rule(
    'complexity',
    /sequence of (\d+) jumps is too complex/,
    'at most 8,192 branches that wait on one path',
    'Each branch leaves a state behind that still has to be walked, and the kernel keeps only so many.',
    'Split the function, or replace branches by arithmetic.',
    '$1 branches',
  ),
  rule(
    'complexity',
    /back-edge/,
    'jumps that lead forward',
    'Without CAP_BPF a loop may not be there at all: its end is not looked for.',
    'Unroll the loop, or load the program with CAP_BPF.',
  ),
  // References, locks and sections
  rule(
    'reference',
    /Unreleased reference|reference leak/,
    'every reference given back before the program ends',
    'A socket, a ring buffer record or an object that is held when the program ends would stay held for ever.',
    'Call the release function on every path that leads from the acquiring call to an exit.',
  ),
  rule(
    'reference',
    /reference has not been acquired|must be referenced when passed|expects refcounted|unacquired reference|must be referenced$|allocated object must/,
    'a pointer that the program has acquired and not yet released',
    'Giving back what was not taken lowers a count that belongs to someone else, and the object would be freed under their hands.',
    'Release only what an acquiring call has returned, once on each path.',
  ),
  rule(
    'reference',
    /more than one arg with ref_obj_id/,
    'one reference at most among the arguments',
    'A call gives back or passes on one reference; with two it is not clear which one.',
    'Pass one of them, and deal with the other by a call of its own.',
  ),
  rule(
    'reference',
    /must have zero offset when passed to release/,
    'a pointer to the beginning of the object',
    OFFSET_ZERO,
    'Pass the pointer as it was returned.',
  ),
  rule(
    'reference',
    /cannot be mixed with socket references|BPF_LD_\[ABS\|IND\].*mixed/,
    'no reference held at this instruction',
    'The load can end the program at once, and what is held would never be given back.',
    'Release what is held before the load, or read the packet with bpf_skb_load_bytes.',
  ),
  rule(
    'section',
    /inside bpf_(\w+)-ed region/,
    'an end of the section before this instruction',
    'What the section has locked or switched off would stay so after the program has ended, or while it sleeps.',
    'Unlock or enable again on every path that leads here.',
  ),
  rule(
    'section',
    /holding a lock|Locking two|_unlock (?:without|of different|cannot)|AA deadlock|spin_lock can|can't spin_|must be held for|not in the same allocation/,
    'one lock at a time, taken and given back in one function, and nothing but plain instructions between',
    'While the lock is held another processor spins. A second lock or a call could make both wait for each other.',
    'Keep the locked part short: load and store in it, and do everything else before or after.',
  ),
  rule(
    'section',
    /sleepable within|might sleep|may sleep|sleepable helper|sleepable kfunc|program must be sleepable/,
    'functions that cannot sleep',
    SLEEPS,
    'Call it outside of the section, or load the program as a sleepable one.',
  ),
  rule(
    'section',
    /unmatched|nested rcu|requires RCU|RCU CS|rcu_read_(?:lock|unlock|\{)/,
    'sections that begin and end in pairs',
    'An RCU or preemption section that is ended twice or never leaves the kernel in a state that the rest of it does not expect.',
    'Enter the section once and leave it once on each path, around what needs it.',
  ),
  rule(
    'section',
    /irq (?:flag|state)|cannot restore irq/,
    'an interrupt flag that was saved last and not restored yet',
    IRQ_STATE,
    'Restore in the opposite order of saving, with the function that belongs to the saving one.',
  ),
  rule(
    'section',
    /rbtree cb/,
    'comparison code without calls that lock or change the tree',
    'The callback runs while the tree is locked and half changed.',
    'Compare the two nodes in the callback and do the rest outside.',
  ),
  // Dynptrs and iterators
  rule(
    'dynptr',
    /dynptr/i,
    'a dynptr in the state that this call needs, at the place where it was made',
    DYNPTR_STATE,
    'Create the dynptr by its own helper, pass its stack slot unchanged, and release it once.',
  ),
  rule(
    'iterator',
    /iter_|iterator|iter next/,
    'an iterator in the state that this call needs',
    ITER_STATE,
    'Call new, then next until it gives null, then destroy, on every path, with the same stack slot.',
  ),
  // Special fields
  rule(
    'special-field',
    /kptr|uptr/,
    'a load, store or exchange of eight bytes at the constant place of the pointer',
    SPECIAL,
    'Use bpf_kptr_xchg for referenced pointers, and 8-byte loads at the constant offset for others.',
  ),
  rule(
    'special-field',
    /cannot be accessed (directly|indirectly)/,
    'plain accesses to the other fields',
    SPECIAL,
    'Use the helpers of this kind of field, and keep plain accesses away from its bytes.',
  ),
  rule(
    'wrong-type',
    /doesn't point to a (?:const string|map value)/,
    'what the prototype of the function names',
    'The function reads this argument as its prototype says.',
    'Pass a constant string of read-only data, or a pointer into a map value, as the function asks.',
  ),
  rule(
    'special-field',
    /constant offset|doesn't have field|doesn't point to|has no valid|access cannot have variable|access misaligned|not found at offset|expects arg#1|but expected|doesn't match map pointer|access size must be/,
    'the constant place where the type has this field',
    CONST_OFFSET,
    'Pass a pointer to the field itself: the object plus the constant offset of the field.',
  ),
  rule(
    'special-field',
    /(?:socket filter|tracing) progs cannot use/,
    'program types that may use this kind of field',
    'A tracing program can interrupt the very code that holds the lock or runs the timer, and would wait for itself.',
    'Do this part in a program of another type that shares the map.',
  ),
  rule(
    'environment',
    /GPL/,
    'a licence that is compatible with the GPL',
    'The kernel offers this function to such programs only.',
    'State the licence of the program (SEC("license")), or do without the function.',
  ),
  rule(
    'environment',
    /^ldimm64 |pseudo btf_id/,
    'a variable or function that this kernel has, with its type',
    'The address is filled in when the program is loaded, and the type decides how many bytes may be read there.',
    'Name a symbol of this kernel, or mark it as weak and check the address for 0.',
  ),
  rule(
    'environment',
    /attach_btf_id|attach to (?:invalid|unsupported)/,
    'a member of a structure of operations that this kernel lets programs implement',
    'The program becomes one of the functions that the kernel calls through this structure.',
    'Name a member that exists in this kernel and may be implemented.',
  ),
  rule(
    'wrong-type',
    /pointer to arena/,
    'a pointer into the arena, or a number',
    'The function was verified for an argument that lies in the arena, whose accesses are kept inside of it.',
    'Pass a pointer that comes from the arena, or a number.',
  ),
  // Kernel objects
  rule(
    'kernel-object',
    /access beyond|only access to|write access for struct|beyond the (?:end|member)|invalid negative access|nf_conn at off|no write support|ptr_\w* invalid|is ptr_|only read is supported|ptr member|type=\w+ expected=ptr_|struct nesting|'struct|struct .* access is allowed/,
    'a read of a member as the kernel’s BTF describes it',
    'Only the layout that the kernel’s types state is known; everything else of the object is not for programs.',
    'Read a member at its own offset and in its own width; copy others with bpf_probe_read_kernel.',
  ),
  rule(
    'kernel-object',
    /must be a rcu pointer|must be referenced or trusted|owning|untrusted|invalid kptr/,
    'a pointer that the program holds a reference to, or that the kernel guarantees',
    TRUSTED,
    'Acquire a reference, or use the pointer inside of an RCU section where it was loaded.',
  ),
  rule(
    'kernel-object',
    /type ID|prog BTF|local type|allocated object|has no types of the program|size \(\d*\w*\) is greater|percpu_obj|non-owning|bpf_obj_new|bpf_refcount/,
    'a structure of the program’s own types',
    LOCAL_TYPE,
    'Compile with BTF, and allocate a structure that the program defines.',
  ),
  rule(
    'kernel-object',
    /is of type .* but .* is expected|expected pointer to STRUCT|pointer type .* (?:must|is not)/,
    'a pointer to the structure that the function names',
    'The function reads members of that structure at its places.',
    'Pass a pointer to that structure, or to a member at its beginning.',
  ),
  // Privileges
  rule(
    'privilege',
    /prohibited for !root|leaks addr|leaking pointer|pointer comparison prohibited|CAP_|for !root/,
    'what a program may do without CAP_PERFMON',
    'Where kernel memory lies must stay secret from users without that right, also from wrong guesses of the processor.',
    'Load with CAP_BPF and CAP_PERFMON, or keep addresses out of maps, comparisons and return values.',
  ),
  // Maps
  rule(
    'map',
    /cannot pass map_type (\d+) into func (\S+)/,
    'a kind of map that $2 takes',
    'Helpers know the layout of certain kinds of maps only.',
    'Use a map of a kind that this helper takes, or the helper for this kind of map.',
    'a map of type $1',
  ),
  rule(
    'map',
    /(write into|read from) map forbidden/,
    'the access that the map’s flags permit',
    'The map was created read-only or write-only for programs, or it is frozen.',
    'Create the map without that flag, or use another map.',
  ),
  rule(
    'map',
    /write to change key/,
    'a key that stays as it is',
    'The key decides where the entry lies; a changed one could never be found again.',
    'Delete the entry and add one under the other key.',
  ),
  rule(
    'wrong-type',
    /helper access to the packet/,
    'memory that is not part of a packet',
    'Packets can be shared with other readers, and not every helper may read or write there.',
    'Copy the bytes to the stack and pass that.',
  ),
  rule(
    'environment',
    /calling kernel function/,
    'functions that this program may call',
    'Each kernel function is registered for certain program types.',
    'Call it from a program type that may, or use a helper.',
  ),
  rule(
    'map',
    /direct value offset of (\d+)/,
    'an offset inside of the map’s value',
    'The address is computed when the program is loaded, and the value has to have a byte there.',
    'Use an offset below the size of the value.',
    'offset $1',
  ),
  rule(
    'map',
    /not pointing to valid bpf_map|direct value|isn't map pointer|only read from \w*|bpf_array|map_uid|sockmap|sockhash|cgroup storage|local_storage|maps of type|maps$|prog array/,
    'a map in a way that its kind permits',
    'An instruction that names a map is resolved when the program is loaded: the map must exist then and support what is done with it.',
    'Check the map that the instruction names: its kind, its descriptor, and the offset into its value.',
  ),
  // Arithmetic on pointers
  rule(
    'pointer-arithmetic',
    /subtract pointer|subtraction from stack/,
    'pointer minus number',
    'A number minus a pointer has no object that it would point into.',
    'Subtract the number from the pointer, or negate the number and add it.',
  ),
  rule(
    'pointer-arithmetic',
    /R\d+ pointer \S+ pointer|pointer \S* ?pointer prohibited/,
    'a pointer and a number',
    'The sum of two addresses points nowhere.',
    'Compute the offset as a number and add that to one pointer.',
  ),
  rule(
    'pointer-arithmetic',
    /bitwise operator|with \S+ operator prohibited|32-bit pointer arithmetic/,
    '64-bit addition and subtraction of numbers',
    'Other operations change the address in a way that leaves no bound on where it points.',
    'Compute the offset as a number first, bound it, and add it to the pointer once.',
  ),
  rule(
    'pointer-arithmetic',
    /pointer arithmetic|math between|makes \w+ pointer/,
    'no arithmetic on this kind of pointer, or with a number in bounds',
    'Some pointers (to maps, to the end of the packet, to sockets) must stay as the kernel gave them; for others the number must be bounded.',
    'Leave this pointer as it is; load the field that is meant, or bound the number.',
  ),
  rule(
    'pointer-arithmetic',
    /frame pointer is read only/,
    'reads of r10',
    'r10 is how the kernel finds the frame; a program that changed it could reach the caller’s memory.',
    'Copy r10 to another register and change that.',
    'a write to r10',
  ),
  // Arguments
  rule(
    'context',
    /expected=ctx|pointer to ctx/,
    'the context pointer as the program got it',
    'The function takes the event from its context.',
    'Keep the context in r6 to r9 and pass that register.',
  ),
  rule(
    'encoding',
    /Invalid format string/,
    'a format of printable text with conversions that the helper knows, one for each argument',
    'The kernel prints with this format later, in places where nothing may fail. So it reads the constant text now and counts what it asks for.',
    'Use the conversions that bpf_snprintf documents, as many as there are arguments of 8 bytes.',
  ),
  rule(
    'wrong-type',
    /type=(\S+) expected=(.*)$/,
    'one of: $2',
    'The helper reads or writes through this argument as its declaration says. The verifier compares that with what the register holds.',
    'Pass a pointer of a kind that the helper takes in this position.',
    'a value of kind $1',
  ),
  rule(
    'wrong-type',
    /must be a known constant|is not a const|known constant/,
    'a number that is the same on this path whatever the input',
    'The verifier computes with this argument: it decides how much memory the result has or which type it is.',
    'Pass a constant.',
  ),
  rule(
    'wrong-type',
    /is not a scalar|exceeds u32 max|buf_size/,
    'a number',
    'The function takes this argument by value.',
    'Pass a number, not a pointer.',
  ),
  rule(
    'wrong-type',
    /cannot write into|may write into memory|does not allow writes|readonly map|const string|zero-terminated|constant address/,
    'memory of a kind that the function may use in this way',
    'Packets can be shared with other readers, and some memory is read-only: not every function may write or even read there.',
    'Copy the bytes to the stack and pass that, or use a program type that may write packets.',
  ),
  rule(
    'wrong-type',
    /len pair|func '.*' (?:arg|offset|size|doesn't)|Caller passes invalid args|arg#?\d+ (?:is|expect|doesn't|pointer|expected)|expected pointer to func/,
    'an argument as the function’s prototype says',
    'A function that is verified apart trusts its prototype; so each caller must keep to it.',
    'Pass what the prototype names, with a size that is bounded.',
  ),
  rule(
    'wrong-type',
    /invalid mem access/,
    'a pointer to memory',
    'This kind of pointer names something of the kernel and is not itself memory for programs.',
    'Pass it to a helper that takes it, and use what that returns.',
  ),
  rule(
    'wrong-type',
    /invalid \w+ access off|access to \w+ off/,
    'a member that this kind of pointer shows, at its own offset and width',
    'Sockets and other objects show programs certain fields only, and each access is rewritten to the real one.',
    'Use the offset and width of a field that is shown.',
  ),
  rule(
    'wrong-type',
    /direct access to|variable \w+ access|cannot pass in|at an offset|ptr R\d+ off/,
    'this pointer at a constant offset, unmodified',
    'For this kind of pointer only what lies at constant offsets is known.',
    'Use the pointer as the kernel gave it.',
  ),
  rule(
    'wrong-type',
    /cannot use helper|helper call is not allowed|supported only for|not supported for program type|unknown func|program of this type/,
    'helpers that this program type has on this kernel',
    'Helpers rely on where the program is called: what is locked, which context there is, and what may be changed.',
    'Use a helper that this program type has, or another program type.',
  ),
  // Callbacks, exceptions, functions
  rule(
    'callback',
    /callback|exception|bpf_throw|async cb/,
    'a static function with the prototype that the caller of callbacks expects',
    'The kernel calls it with arguments of its own, on a frame of its own, when the program has perhaps long ended.',
    'Make the callback a static function with the documented arguments, and leave throwing and releasing to the main program.',
  ),
  // Control flow
  rule(
    'control-flow',
    /unreachable insn (\d+)/,
    'code that some path reaches',
    'Code that no path reaches was never looked at by the verifier, and a wrong guess of the processor could still run it.',
    'Remove it, or check the jumps before it.',
    'no path leads to instruction $1',
  ),
  rule(
    'control-flow',
    /jump out of range from insn (\d+) to (-?\d+)/,
    'targets inside of the same function',
    'A jump out of the function would leave its frame behind, or leave the program.',
    'Aim the jump at an instruction of the same function.',
    'a jump from $1 to $2',
  ),
  rule(
    'control-flow',
    /middle of ldimm64/,
    'targets at the beginning of an instruction',
    'A 16-byte load takes two slots; its second half is no instruction.',
    'Aim the jump at the first half.',
  ),
  rule(
    'control-flow',
    /last insn is not|fall/,
    'an exit or a jump at the end of each function',
    'Execution would run on into the next function or out of the program.',
    'End each function with exit or a jump.',
    'a function that runs on at its end',
  ),
  rule(
    'control-flow',
    /invalid func|invalid insn idx|call to invalid destination|too many subprograms|No program to jit|invalid func_info|exception cb directly/,
    'calls to the first instruction of at most 256 functions',
    'A function is verified from its beginning; entering it elsewhere would skip what was proved.',
    'Call a function by its first instruction.',
  ),
  // Encoding
  rule(
    'encoding',
    /unknown opcode ([0-9a-f]+)/,
    'the opcodes of the instruction set of this kernel',
    'An opcode without a meaning cannot be run.',
    'Write the instruction with a compiler or assembler for this kernel version.',
    'opcode 0x$1',
  ),
  rule(
    'encoding',
    /R(\d+) is invalid/,
    'registers r0 to r10',
    'The machine has eleven registers; a program may use no other.',
    'Use a register from r0 to r10.',
    'register $1',
  ),
  rule(
    'encoding',
    /div by zero/,
    'a constant divisor other than 0',
    'A division by the constant 0 is a mistake on every path.',
    'Divide by another constant, or by a register (0 then gives 0).',
    'the constant divisor 0',
  ),
  rule(
    'encoding',
    /invalid shift (-?\d+)/,
    'a constant from 0 to 31 or 63',
    'A shift by the width of the register or more has no result.',
    'Shift by less than the width of the register.',
    'a shift by $1',
  ),
  rule(
    'encoding',
    /BPF_LD_IMM64 uses reserved|bpf_ld_imm64|bpf_ld_imm|invalid BPF_LD_IMM/,
    'two slots whose second has only its constant',
    'A 16-byte load is two slots that belong together; everything but the two halves of the constant must be zero or name what is loaded.',
    'Write the 16-byte load as one instruction with its second half behind it.',
  ),
  rule(
    'encoding',
    /uses reserved fields/,
    'zeros in the fields that this instruction does not use',
    RESERVED,
    'Set unused registers, offset and constant of the instruction to 0.',
  ),
  rule(
    'encoding',
    /invalid BPF_|atomic op|invalid may_goto|addr_space_cast|insn can only|invalid atomic/,
    'operations and widths that the instruction set defines',
    'Other combinations have no meaning yet.',
    'Use an operation that this kernel version has (atomics: 4 or 8 bytes).',
  ),
  // Environment
  rule(
    'environment',
    /BPF_LD_\[ABS\|IND\] instructions not allowed/,
    'program types that see a socket buffer',
    'The instruction reads from a socket buffer, which this type does not have.',
    'Read through data and data_end.',
  ),
  rule(
    'environment',
    /LD_ABS|tail_call is (?:only|not)|func_info|without BTF/,
    'functions with BTF that return an int',
    'A failed load or a tail call ends the function at once, and its caller then gets a 0 as its result.',
    'Compile with BTF, and let the function return int.',
  ),
  rule(
    'environment',
    /can be sleepable|Sleepable programs|Syscall programs|non-sleepable|in (?:a )?non-sleepable|_iter is only allowed/,
    'what sleepable programs, or programs that are none, may do',
    'A program that may wait for memory must run where waiting is permitted, with maps that survive that.',
    'Change the sleepable flag of the program, or its type.',
  ),
  rule(
    'environment',
    /must provide btf_id|has no matches/,
    'types and functions that this kernel has',
    'The name is looked up among the kernel’s own types, and there is none, or the program gives no name.',
    'Name a function or structure of this kernel.',
  ),
  rule(
    'environment',
    /device-bound/,
    'a program bound to one device',
    'These functions are the driver’s, and each driver has its own.',
    'Bind the program to the device when it is loaded.',
  ),
  rule(
    'environment',
    /kernel function|kfunc|verifier pass/,
    'kernel functions that this program type may call',
    'Each kernel function is registered for certain program types, with the types of its arguments.',
    'Call it from a program type that may, or use a helper.',
  ),
  rule(
    'environment',
    /Linux \S+ has no/,
    'what this kernel version has',
    'The kernel that was chosen is older than what the program uses.',
    'Choose a newer kernel, or do without it.',
  ),
];

/** The rule that a message names, with what it says put in; null for a message that nobody has classified. */
export function ruleOf(message: string): RuleText | null {
  for (const text of RULE_TEXTS) {
    const found = text.match.exec(message);
    if (!found) continue;
    const put = (words: string): string => words.replace(/\$(\d)/g, (_, n: string) => found[Number(n)] ?? '');
    return { ...text, allowed: put(text.allowed), ...(text.known ? { known: put(text.known) } : {}) };
  }
  return null;
}
