import type { FeatureInput } from './features/binding.ts';
import type { Production } from './production/binding.ts';
import type { SyscallInput } from './syscalls/binding.ts';

/**
 * The binding: how an event becomes input tensors and how outputs become a verdict. The same document drives the compiled
 * program and the reference, so both see the same tokens and decide by the same rule. JSON schema: `binding.schema.json`.
 */
export interface Binding {
  readonly $schema?: string;
  /** `tracepoint` goes with system calls, `xdp` with everything else. */
  readonly hook: 'xdp' | 'tracepoint';
  readonly input: PayloadInput | FeatureInput | SyscallInput | TensorInput;
  readonly output: ArgmaxOutput | ThresholdOutput | TensorOutput;
  /** For programs in production; goes with every input but tensors. Verdicts are counted and the last score is kept, in maps `verdicts` and `score`, with and without it. */
  readonly production?: Production;
}

/** The first `length` bytes at `layer` as tokens 0–255, then `pad` beyond the end of the packet. */
export interface PayloadInput {
  readonly kind: 'payload';
  /** Model input; optional where the model has one input. */
  readonly tensor?: string;
  readonly layer: 'l2' | 'l3' | 'l4' | 'l4_payload';
  readonly length: number;
  readonly pad: number;
  /** Of the layers `l4` and `l4_payload`: only packets from or to one of these ports of TCP or UDP go to the model. */
  readonly ports?: readonly number[];
  /** What happens to packets without that layer (not IP, fragments, no TCP/UDP) or those ports: the verdict they get, without inference. Default PASS. */
  readonly otherwise?: VerdictName;
}

/** Inputs come from map `input`, outputs are left in map `output`: models that read tensors, not packets. */
export interface TensorInput {
  readonly kind: 'tensor';
}

export type VerdictName = 'PASS' | 'DROP' | 'TX' | 'REDIRECT' | 'ABORTED' | 'TAG';

export interface ArgmaxOutput {
  readonly kind: 'argmax';
  readonly tensor?: string;
  /** Verdict of each class, in class order. */
  readonly verdicts: readonly VerdictName[];
  readonly redirectIfindex?: number;
}

/** Probability of `class` (softmax over the logits, sigmoid for a single one, or the value itself if the model ends in softmax) against `threshold`. */
export interface ThresholdOutput {
  readonly kind: 'threshold';
  readonly tensor?: string;
  readonly class: number;
  readonly threshold: number;
  readonly above: VerdictName;
  readonly below: VerdictName;
  readonly redirectIfindex?: number;
}

export interface TensorOutput {
  readonly kind: 'tensor';
}
