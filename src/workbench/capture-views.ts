/** What the page knows of a capture that a worker holds. */
export interface CaptureView {
  readonly format: string;
  readonly packing: string | null;
  readonly count: number;
  /** Link type, snap length and name of each interface, as texts. */
  readonly interfaces: readonly {
    readonly link: string;
    readonly snapLength: number;
    readonly name: string;
    readonly dissected: boolean;
  }[];
  /** Comments of sections and interfaces. */
  readonly comments: readonly string[];
  readonly commented: number;
  readonly names: number;
  readonly damage: { readonly offset: number; readonly what: string } | null;
  /** Between the first packet and the last, in seconds; NaN without times. */
  readonly seconds: number;
}

export interface PacketRow {
  readonly index: number;
  /** Since the first packet; NaN without a time. */
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly length: number;
  readonly info: string;
  readonly comment: string;
}

/** A line of a packet's tree. */
export interface TreeItem {
  readonly depth: number;
  /** Empty for lines that group others. */
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly start: number;
  readonly length: number;
  /** Which of `PacketDetail.sources` the bytes lie in. */
  readonly source: number;
}

export interface PacketDetail {
  readonly index: number;
  readonly items: readonly TreeItem[];
  /** Lines of its tree, of which `items` are the first. */
  readonly lines: number;
  /** The frame, then what was put together from pieces. */
  readonly sources: readonly Uint8Array[];
  /** The flow that it belongs to; -1 while flows are not known, or without one. */
  readonly flow: number;
}

export interface FlowRow {
  readonly index: number;
  readonly protocol: string;
  readonly stream: number;
  readonly ends: string;
  readonly packets: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly first: number;
  readonly last: number;
  readonly state: string;
}

export type FlowOrder = 'first' | 'packets' | 'bytes';

/** A filter that cannot be used, with the part that is wrong. */
export interface FilterProblem {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}
