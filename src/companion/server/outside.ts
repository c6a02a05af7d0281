/**
 * Helpers by which a program reaches beyond its own maps and packet even in a test run: what it would do, in words, by number (uapi
 * `enum bpf_func_id`).
 */
const OUTSIDE: ReadonlyMap<number, string> = new Map([
  [13, 'send packets on this machine’s interfaces'],
  [36, 'write the memory of a process'],
  [58, 'change what a function of the kernel returns'],
  [109, 'send signals'],
  [117, 'send signals'],
  [166, 'call bpf(2) itself'],
  [168, 'close descriptors'],
  [176, 'write the memory of a process'],
]);

/** What a test run of a program may do outside of itself; '' for nothing. */
export function outsideEffects(helpers: ReadonlySet<number>): string {
  return [...new Set([...helpers].flatMap((id) => OUTSIDE.get(id) ?? []))].join(', ');
}
