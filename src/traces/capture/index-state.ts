import { Pace, type Working } from '../../base/pace.ts';
import { GrowingColumns } from './columns.ts';
import { type ByteSource, Cursor, type Damage } from './source.ts';

/** An interface of a capture; a pcap file has one. */
export interface CaptureInterface {
  readonly linkType: number;
  /** Packets are cut to this many bytes; 0 where they are not. */
  readonly snapLength: number;
  /** Of pcapng; empty where it says nothing. */
  readonly name: string;
  readonly description: string;
  readonly comments: readonly string[];
  /** Ticks of its time stamps in a second, as text because 2^64 is allowed. */
  readonly ticksPerSecond: string;
  /** From 0; a pcapng file may hold several sections, each with interfaces of its own. */
  readonly section: number;
  /** What its statistics block counted; null without one. */
  readonly received: number | null;
  readonly dropped: number | null;
}

/** What a pcapng section says of itself. */
export interface CaptureSection {
  readonly bigEndian: boolean;
  readonly hardware: string;
  readonly os: string;
  readonly application: string;
  readonly comments: readonly string[];
}

/** A name that the capture gives to an address. */
export interface ResolvedName {
  readonly address: string;
  readonly name: string;
}

/** So many records are read between two looks at the clock. */
export const RECORDS_BETWEEN = 1024;

/** What the readers of both formats fill in as they go. */
export class IndexState {
  readonly columns = new GrowingColumns();
  readonly interfaces: CaptureInterface[] = [];
  readonly sections: CaptureSection[] = [];
  readonly comments = new Map<number, string[]>();
  readonly names: ResolvedName[] = [];
  /** Blocks of decryption secrets and blocks of unknown kinds that were passed over. */
  secrets = 0;
  unknownBlocks = 0;
  /** Where the capture ends early; in the capture as unpacked. */
  damage: Damage | null = null;
  readonly cursor: Cursor;
  readonly #pace: Pace;
  readonly #source: ByteSource;
  #step = 0;

  constructor(source: ByteSource, working: Working) {
    this.#source = source;
    this.cursor = new Cursor(source);
    this.#pace = new Pace(working);
  }

  /** Call it once a record: rests when it is time to. */
  breathe(at: number): Promise<void> | null {
    return (++this.#step & (RECORDS_BETWEEN - 1)) === 0 ? this.rest(at) : null;
  }

  /** Rests when it is time to; called once for as many records as {@link RECORDS_BETWEEN}. */
  rest(at: number): Promise<void> | null {
    return this.#pace.due ? this.#pace.rest('reading packets', at, this.#source.size ?? 0) : null;
  }
}
