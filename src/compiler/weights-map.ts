import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from './api.ts';
import type { FuncBuilder, Reg } from './ir/builder.ts';
import { MAP_OF } from './kernels/frame.ts';

/**
 * The map `.data.weights`: a header, tables that are the same for every model, and one or two blocks. A block holds all that depends on the
 * weights: the weights, their multipliers and shifts, the tables of functions and of the hook's decision. A program reads once an event which
 * block is the live one, so that user space can fill the other and switch while events run.
 *
 *     0  u32  how often the weights were replaced; its lowest bit is the live block
 *     4  u32  blocks in the map
 *     8  u64  fingerprint of the code that reads the blocks
 *    16  u32  offset of block 0
 *    20  u32  bytes of a block
 */
export const WEIGHTS_HEADER = 32;
const OFF_SWAPS = 0;
const OFF_BLOCKS = 4;
const OFF_FINGERPRINT = 8;
const OFF_START = 16;
const OFF_SIZE = 20;

/** Blocks begin on a cache line. */
const ALIGN = 64;
/** Larger blocks are there once: a second one would cost more memory than a swap is worth. */
const MAX_DOUBLED = 32 << 20;

export interface WeightsLayout {
  readonly start: number;
  /** Bytes of a block, a multiple of 64. */
  readonly size: number;
  readonly blocks: 1 | 2;
  /** Bytes of the whole map. */
  readonly total: number;
}

const align = (n: number): number => Math.ceil(n / ALIGN) * ALIGN;

/** Places of header and shared tables (`shared` bytes) and of blocks of `block` bytes. */
export function weightsLayout(shared: number, block: number): WeightsLayout {
  const start = align(shared);
  const size = align(Math.max(8, block));
  const blocks = size > MAX_DOUBLED ? 1 : 2;
  return { start, size, blocks, total: start + size * blocks };
}

/** Emits a read of what is 0 where the map holds no weights: one that the loader made empty, or that someone emptied. */
export const weightsMark = (b: FuncBuilder): Reg => b.load(b.mapValue(MAP_OF.weights, OFF_FINGERPRINT), 0, 8);

/** Reads how often the weights were replaced. */
export const swapsSoFar = (b: FuncBuilder): Reg => b.load(b.mapValue(MAP_OF.weights, OFF_SWAPS), 0, 4);

/** Offset of the live block in the map, between the first block's and the second's for the verifier too: one load. */
export const liveBlock = (b: FuncBuilder, layout: WeightsLayout): Reg =>
  layout.blocks === 1 ? b.copy(layout.start) : blockAfter(b, swapsSoFar(b), layout);

/** Offset of the block that is live after so many replacements. */
export function blockAfter(b: FuncBuilder, swaps: Reg, { start, size, blocks }: WeightsLayout): Reg {
  if (blocks === 1) return b.copy(start);
  const live = b.and(swaps, 1);
  b.aluTo(live, 'mul', live, size);
  b.aluTo(live, 'add', live, start);
  return live;
}

/** Contents of the map as the object holds it: `shared` begins with room for the header, the second block is empty. */
export function weightsMapBytes(layout: WeightsLayout, shared: Uint8Array, block: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(layout.total);
  bytes.set(shared);
  bytes.set(block, layout.start);
  const view = new DataView(bytes.buffer);
  view.setUint32(OFF_BLOCKS, layout.blocks, true);
  view.setUint32(OFF_START, layout.start, true);
  view.setUint32(OFF_SIZE, layout.size, true);
  return bytes;
}

/** What the header of a weights map says; null where there is none that makes sense. */
export interface WeightsHeader extends Omit<WeightsLayout, 'total'> {
  readonly live: 0 | 1;
  /** How often the weights were replaced. */
  readonly swaps: number;
  readonly fingerprint: string;
}

export function readWeightsHeader(map: Uint8Array): WeightsHeader | null {
  if (map.length < WEIGHTS_HEADER) return null;
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
  const [swaps, blocks] = [view.getUint32(OFF_SWAPS, true), view.getUint32(OFF_BLOCKS, true)];
  const [start, size] = [view.getUint32(OFF_START, true), view.getUint32(OFF_SIZE, true)];
  if ((blocks !== 1 && blocks !== 2) || start < WEIGHTS_HEADER || start + size * blocks > map.length) return null;
  return { live: (swaps & 1) as 0 | 1, swaps, blocks, start, size, fingerprint: hex(view, OFF_FINGERPRINT) };
}

/** Writes the fingerprint into a map's header. */
export function setFingerprint(map: Uint8Array, fingerprint: string): void {
  const view = new DataView(map.buffer, map.byteOffset, map.byteLength);
  view.setBigUint64(OFF_FINGERPRINT, BigInt(`0x${fingerprint}`), true);
}

const hex = (view: DataView, off: number): string => view.getBigUint64(off, true).toString(16).padStart(16, '0');

/**
 * 64 bits over what has to be the same for a block to fit a program: its instructions, its maps, and what the integers of its inputs and
 * outputs mean. Two FNV-1a hashes with different starts: it tells architectures apart and is no protection against forgery.
 */
export function fingerprintOf(
  program: Pick<Program, 'insns' | 'maps'>,
  meta: Pick<ProgramMeta, 'inputs' | 'outputs' | 'decoder'>,
  { start, size }: WeightsLayout,
): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  const byte = (value: number): void => {
    a = Math.imul(a ^ value, 0x01000193);
    b = Math.imul(b ^ value, 0x01000193) ^ (b >>> 15);
  };
  const word = (value: number): void => {
    for (let shift = 0; shift < 32; shift += 8) byte((value >>> shift) & 255);
  };
  for (const { opcode, dst, src, off, imm } of program.insns) {
    word(opcode | (dst << 8) | (src << 12) | ((off & 0xffff) << 16));
    word(imm);
  }
  const text = JSON.stringify([
    start,
    size,
    program.maps.map(({ name, type, valueSize, maxEntries }) => [name, type, valueSize, maxEntries]),
  ]);
  const scores = meta.decoder && [meta.decoder.positions, meta.decoder.vocabulary, meta.decoder.scoreScale];
  const slots = JSON.stringify([meta.inputs, meta.outputs, ...(scores ? [scores] : [])]);
  for (const char of text + slots) word(char.codePointAt(0)!);
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
