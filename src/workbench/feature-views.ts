/** The numbers that one packet gives the model, each with where it comes from. */
export interface FeatureRow {
  readonly name: string;
  /** Unit and meaning of the feature, and what is done with its integer. */
  readonly says: string;
  /** The integer of the program's map `features`, as the reference computes it and as the program left it. */
  readonly value: number;
  readonly program: number;
  /** The model's number. */
  readonly number: number;
}

export interface FeatureValuesView {
  /** Null for a packet without the binding's layer. */
  readonly rows: readonly FeatureRow[] | null;
  /** Packets that were run up to this one, and numbers of theirs that differ between program and reference. */
  readonly packets: number;
  readonly numbers: number;
  readonly differ: number;
}
