/**
 * What user space and a decoder program share. A request: u32 flags ({@link FLAG_RESET}), u32 prompt tokens, u32 tokens to generate,
 * u32 candidates (1 … {@link MAX_CANDIDATES}), u32 temperature in 1/65536 (0: the likeliest token), u32 seed, u32 token that ends a text, u32 where the program keeps the token that it reads; then
 * a u16 for each prompt token. An answer: u32 status, u32 tokens generated, u32 positions in use, u32 candidates of the last token; a u32 for each
 * generated token; {u32 token, s32 score} for each candidate, best first. The context of a syscall program is a request and behind it room for the
 * answer; while the program runs they stand in maps `input` and `output`.
 */
export const INPUT = {
  flags: 0,
  prompt: 4,
  generate: 8,
  candidates: 12,
  temperature: 16,
  seed: 20,
  stop: 24,
  token: 28,
  tokens: 32,
} as const;
export const OUTPUT = { status: 0, count: 4, position: 8, candidates: 12, tokens: 16 } as const;
export const CANDIDATE_BYTES = 8;
export const MAX_CANDIDATES = 64;
/** Start at position 0 with the random numbers of the seed. */
export const FLAG_RESET = 1;
export const NO_STOP = 0xffff_ffff;
export const TEMPERATURE_ONE = 65536;
/** Values of `status`, which is also what the program returns. */
export const STATUS = {
  done: 0,
  /** No position is left. */
  full: 1,
  stopped: 2,
  /** Another call is running; this one did nothing, and gave no answer. */
  busy: 3,
  /** The text was begun with weights that were replaced since: begin it again ({@link FLAG_RESET}). */
  stale: 4,
} as const;

/**
 * Map `state`: u32 position, u32 random number, u32 last token, u32 how often the weights had been replaced when the text was begun, u32 session of the
 * packet that began it, u32 what of it was not told to who sent it ({@link MISSED}).
 */
export const STATE = { position: 0, random: 4, last: 8, swaps: 12, session: 16, missed: 20, tops: 24 } as const;
/** Of a program in production: whether every packet of a text was answered, or some answers stayed here (shadow mode), or packets passed unread. */
export const MISSED = { nothing: 0, answers: 1, packets: 2 } as const;
/** Scores that one call looks through for the best. */
export const TOP_BLOCK = 64;

export const inputBytes = (positions: number): number => INPUT.tokens + 8 * Math.ceil(positions / 4);
export const candidatesOff = (positions: number): number => OUTPUT.tokens + 8 * Math.ceil(positions / 2);
export const outputBytes = (positions: number): number => candidatesOff(positions) + MAX_CANDIDATES * CANDIDATE_BYTES;
export const topBlocks = (vocabulary: number): number => Math.ceil(vocabulary / TOP_BLOCK);
/** Exponentials of the candidates stand behind the best key of each block of scores. */
export const weightsOff = (vocabulary: number): number => STATE.tops + 8 * topBlocks(vocabulary);
export const stateBytes = (vocabulary: number): number => weightsOff(vocabulary) + 8 * MAX_CANDIDATES;

/** Keys and values of a layer are read this many positions at a time. */
export const POSITION_BLOCK = 32;
export const paddedPositions = (positions: number): number => Math.ceil(positions / POSITION_BLOCK) * POSITION_BLOCK;
