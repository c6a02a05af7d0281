/** A record that a program put into the device's trace buffer. */
export interface TraceRecord {
  readonly timeNs: number;
  readonly program: string;
  /** The command and request that the program ran for; -1 at telemetry. */
  readonly seq: number;
  readonly request: number;
  readonly data: Uint8Array;
}

/** Records in the order in which programs put them in. The host may read them and take them out; it cannot change one. */
export class TraceBuffer {
  readonly capacity: number;
  #records: TraceRecord[] = [];
  #bytes = 0;
  #refused = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** False when there is no room. */
  append(record: TraceRecord): boolean {
    if (this.#bytes + record.data.length > this.capacity) {
      this.#refused++;
      return false;
    }
    this.#bytes += record.data.length;
    this.#records.push({ ...record, data: record.data.slice() });
    return true;
  }

  get records(): readonly TraceRecord[] {
    return this.#records;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** Records that found no room. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes all records out, as a reader on the host does to make room. */
  drain(): readonly TraceRecord[] {
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    return records;
  }
}
