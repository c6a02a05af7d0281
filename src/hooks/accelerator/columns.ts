type Column = Float64Array | Int32Array | Uint32Array | Uint8Array | Int16Array;
interface ColumnType {
  new (count: number): Column;
}

/** Rows as typed columns that grow: a million of them cost their bytes, and a panel reads the rows that it shows. */
export class Columns<Name extends string> {
  readonly #types: Readonly<Record<Name, ColumnType>>;
  readonly #names: readonly Name[];
  #held: Record<Name, Column>;
  #room = 256;
  #rows = 0;

  constructor(types: Readonly<Record<Name, ColumnType>>) {
    this.#types = types;
    this.#names = Object.keys(types) as Name[];
    this.#held = this.#made(this.#room);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The values of a column in all rows: a view, good until the next row is added. */
  column(name: Name): Column {
    return this.#held[name].subarray(0, this.#rows);
  }

  at(name: Name, row: number): number {
    return this.#held[name][row]!;
  }

  set(name: Name, row: number, value: number): void {
    this.#held[name][row] = value;
  }

  /** Index of a new row of zeros. */
  add(): number {
    if (this.#rows === this.#room) {
      const old = this.#held;
      this.#room *= 2;
      this.#held = this.#made(this.#room);
      for (const name of this.#names) this.#held[name].set(old[name]);
    }
    return this.#rows++;
  }

  #made(rows: number): Record<Name, Column> {
    return Object.fromEntries(this.#names.map((name) => [name, new this.#types[name](rows)])) as Record<Name, Column>;
  }
}
