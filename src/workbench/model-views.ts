/** The entries of an initializer as a matrix: rows along its first axis, all others side by side; a vector is one row. */
export interface WeightMapView {
  readonly name: string;
  readonly dims: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** Entries that share a cell of the map; 1 and 1 where each has one of its own. */
  readonly cellRows: number;
  readonly cellColumns: number;
  /** Row by row, the entry of largest magnitude in each cell. */
  readonly cells: Float32Array;
  /** Largest magnitude of all finite entries. */
  readonly largest: number;
  /** Entries that are no finite numbers. */
  readonly notFinite: number;
}

export interface WeightRowView {
  readonly row: number;
  readonly values: Float64Array;
}
