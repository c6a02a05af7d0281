import { InputError } from '../../base/errors.ts';
import type { Working } from '../../base/pace.ts';
import { packingOf } from './begins.ts';
import type { PacketColumns } from './columns.ts';
import { type CaptureInterface, type CaptureSection, IndexState, type ResolvedName } from './index-state.ts';
import { indexPcap, MAGICS } from './pcap.ts';
import { ahead, type ByteSource, type Damage, PIECE_BYTES } from './source.ts';
import type { UnpackedSource } from './unpacked.ts';

/** Section header block, the same in both byte orders. */
const MAGIC_PCAPNG = 0x0a0d0d0a;

export type CaptureFormat = 'pcap' | 'pcapng';
export type Packing = 'gzip' | 'zstd';

/** A capture whose packets are indexed; their bytes stay in the file until they are asked for. */
export interface Capture {
  readonly name: string;
  readonly format: CaptureFormat;
  readonly packing: Packing | null;
  readonly count: number;
  readonly columns: PacketColumns;
  readonly interfaces: readonly CaptureInterface[];
  /** Of pcapng. */
  readonly sections: readonly CaptureSection[];
  /** Packet → its comments. */
  readonly comments: ReadonlyMap<number, readonly string[]>;
  readonly names: readonly ResolvedName[];
  /** Blocks of decryption secrets: they are not used. */
  readonly secrets: number;
  /** Blocks of kinds that are not read. */
  readonly unknownBlocks: number;
  /** Where and why the capture ends early; the packets before it are all there. */
  readonly damage: Damage | null;
  /** Bytes of one packet, from 0; fewer than `captured` when the file became shorter. */
  packet(index: number): Promise<Uint8Array>;
  /** Packets [from, to) in order, read in large pieces. The bytes are views: copy what is to be kept. */
  packets(from?: number, to?: number): AsyncGenerator<PacketBatch>;
  linkType(index: number): number;
}

/** Neighbouring packets, of about a megabyte at most. */
export interface PacketBatch {
  readonly from: number;
  readonly data: readonly Uint8Array[];
}

/** Packets that are handed on at once. */
const BATCH_PACKETS = 4096;

/**
 * Opens a capture: pcap or pcapng, as it is or packed with gzip or zstd. Reads it once from the beginning to the end, never holding more
 * than a few megabytes, and yields every 10 ms. Throws {@link InputError} when no packet can be read from it, `Cancelled` when told to stop.
 */
export async function openCapture(file: ByteSource, working: Working = {}): Promise<Capture> {
  const head = await file.read(0, 32);
  const packing = packingOf(head);
  const packed = packing ? await unpacked(file, packing) : null;
  const source = packed ?? file;
  const first = packed ? await packed.read(0, 32) : head;
  const state = new IndexState(source, working);
  const damaged = () => packed?.damage ?? null;
  const format = await index(state, first, file.name, damaged());
  const broken = damaged();
  return new OpenCapture(source, file.name, format, packing, state, broken ?? state.damage);
}

async function unpacked(file: ByteSource, packing: Packing): Promise<UnpackedSource> {
  const decoder =
    packing === 'gzip' ? new (await import('./gzip.ts')).GzipDecoder() : await (await import('./zstd.ts')).ZstdDecoder.create();
  const { UnpackedSource } = await import('./unpacked.ts');
  return new UnpackedSource(file, decoder);
}

async function index(state: IndexState, head: Uint8Array, name: string, packed: Damage | null): Promise<CaptureFormat> {
  if (head.length < 4) {
    const why = head.length === 0 ? 'the file is empty' : `${head.length} bytes are too short for a capture`;
    const { offset, what } = packed ?? { offset: head.length, what: why };
    throw new InputError(`it stops being a capture at byte ${offset}: ${what}`, name, 'Open a pcap or pcapng file');
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  for (const bigEndian of [false, true]) {
    const magic = view.getUint32(0, !bigEndian);
    if (magic in MAGICS) {
      await indexPcap(state, magic, bigEndian, name);
      return 'pcap';
    }
    if (magic === MAGIC_PCAPNG) {
      await (await import('./pcapng.ts')).indexPcapng(state, name);
      return 'pcapng';
    }
  }
  const { fileKind } = await import('./file-kinds.ts');
  const kind = fileKind(head);
  if (kind) throw new InputError(`it stops being a capture at byte 0: it is ${kind.what}`, name, kind.advice);
  const magic = view.getUint32(0).toString(16).padStart(8, '0');
  throw new InputError(`it stops being a capture at byte 0: it begins with 0x${magic}`, name, 'Open a pcap or pcapng file');
}

class OpenCapture implements Capture {
  readonly name: string;
  readonly format: CaptureFormat;
  readonly packing: Packing | null;
  readonly count: number;
  readonly columns: PacketColumns;
  readonly interfaces: readonly CaptureInterface[];
  readonly sections: readonly CaptureSection[];
  readonly comments: ReadonlyMap<number, readonly string[]>;
  readonly names: readonly ResolvedName[];
  readonly secrets: number;
  readonly unknownBlocks: number;
  readonly damage: Damage | null;
  readonly #source: ByteSource;

  constructor(source: ByteSource, name: string, format: CaptureFormat, packing: Packing | null, state: IndexState, damage: Damage | null) {
    this.#source = source;
    this.name = name;
    this.format = format;
    this.packing = packing;
    this.columns = state.columns.finish();
    this.count = state.columns.count;
    this.interfaces = state.interfaces;
    this.sections = state.sections;
    this.comments = state.comments;
    this.names = state.names;
    this.secrets = state.secrets;
    this.unknownBlocks = state.unknownBlocks;
    this.damage = damage;
  }

  packet(index: number): Promise<Uint8Array> {
    return this.#source.read(this.columns.offset[index]!, this.columns.captured[index]!);
  }

  linkType(index: number): number {
    return this.interfaces[this.columns.interfaceIndex[index]!]!.linkType;
  }

  packets(from = 0, to = this.count): AsyncGenerator<PacketBatch> {
    return packetBatches(this.#source, this.columns, from, to);
  }
}

/**
 * Packets [from, to) of the places that `columns` name, read in large pieces, each on its way while those before are worked on. The bytes are views: copy
 * what is to be kept.
 */
export async function* packetBatches(
  source: ByteSource,
  { offset, captured }: Pick<PacketColumns, 'offset' | 'captured'>,
  from: number,
  to: number,
): AsyncGenerator<PacketBatch> {
  const piece = (first: number) => {
    const start = offset[first]!;
    let next = first + 1;
    // Packets lie in the order of the file; a piece ends before it grows beyond its size.
    while (next < to && offset[next]! + captured[next]! - start <= PIECE_BYTES) next++;
    return { first, next, start, bytes: ahead(source, start, offset[next - 1]! + captured[next - 1]! - start) };
  };
  let coming = from < to ? piece(from) : null;
  while (coming) {
    const { first, next, start } = coming;
    const bytes = await coming.bytes;
    coming = next < to ? piece(next) : null;
    for (let batch = first; batch < next; batch += BATCH_PACKETS) {
      const data: Uint8Array[] = [];
      for (let at = batch; at < Math.min(next, batch + BATCH_PACKETS); at++) {
        const begin = offset[at]! - start;
        if (begin + captured[at]! > bytes.length) {
          throw new InputError('the file has changed on disk: it is shorter than when it was opened', source.name, 'Open it again');
        }
        data.push(bytes.subarray(begin, begin + captured[at]!));
      }
      yield { from: batch, data };
    }
  }
}
