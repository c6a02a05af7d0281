/** What the Text panel and its worker tell each other. */
export interface TextFacts {
  readonly insns: number;
  readonly weights: number;
  readonly positions: number;
  readonly vocabulary: number;
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
