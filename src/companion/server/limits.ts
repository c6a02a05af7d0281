/** What the companion takes at most: of a page that is mistaken, or not ours. */
export const LIMITS = {
  /** Bytes of one message: a program of a million instructions with its maps fits. */
  messageBytes: 64 << 20,
  /** Time to send a message, and to send its headers. */
  requestMs: 30_000,
  headersMs: 10_000,
  /** Time that the kernel may take for one message before the call is ended. */
  workMs: 60_000,
  /** The same for a kernel under QEMU, which emulates every instruction. */
  guestMs: 300_000,
  /** Messages that wait or are under way at once. */
  waiting: 16,
  leases: 8,
  /** Programs that one lease keeps loaded. */
  programs: 8,
  instructions: 1_000_000,
  maps: 64,
  /** Memory of all maps of one program. */
  mapBytes: 256 << 20,
  logBytes: 64 << 20,
  runs: 4096,
  repeat: 1_000_000,
  /** `count` times `repeat`. */
  allRuns: 4_000_000,
  inputBytes: 1 << 16,
  runBytes: 32 << 20,
  mapEntries: 4096,
} as const;
