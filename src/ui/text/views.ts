/** What the Text panel, the lesson's tool and their worker tell each other. */
export interface TextFacts {
  readonly insns: number;
  readonly weights: number;
  readonly positions: number;
  readonly vocabulary: number;
  /** Bytes of keys and values, of all positions. */
  readonly cache: number;
}

export interface StepArgs {
  readonly prompt: string;
  /** Tokens that were taken behind it. */
  readonly taken: readonly number[];
  /** Whether all is read again, as without a cache. */
  readonly anew: boolean;
}

/** The tokens that may come next. */
export interface StepView {
  readonly next: readonly { readonly token: number; readonly text: string; readonly end: boolean; readonly share: number }[];
  /** Positions in use. */
  readonly position: number;
  /** Positions that this step computed. */
  readonly computed: number;
  readonly ns: number;
}

export interface WriteArgs {
  readonly prompt: string;
  readonly temperature: number;
  readonly topK: number;
  readonly seed: number;
}

export interface Likely {
  readonly text: string;
  /** The token that ends a text. */
  readonly end: boolean;
  readonly share: number;
  readonly chosen: boolean;
}

export interface TokenEvent {
  readonly text: string;
  readonly likeliest: readonly Likely[];
  readonly position: number;
  /** Tokens a second since the prompt was read; 0 for the first. */
  readonly perSecond: number;
}

export interface WriteEnd {
  readonly reason: 'ended' | 'full';
}
