import { InputError } from '../../base/errors.ts';
import type { DecoderMeta } from '../../compiler/api.ts';
import { Checker, integer, oneOf, parseJson, production } from '../parse.ts';
import type { Production } from '../production/binding.ts';

/** What becomes of a packet; answered ones and those that are no request. */
export type TextVerdict = 'PASS' | 'DROP' | 'TX' | 'ABORTED';
const VERDICTS: readonly TextVerdict[] = ['PASS', 'DROP', 'TX', 'ABORTED'];

/** A text generating program at a network interface: UDP packets to `port` carry a prompt, and the tokens come back in the same packet. */
export interface TextBinding {
  readonly $schema?: string;
  readonly hook: 'xdp';
  readonly input: {
    readonly kind: 'prompt';
    /** UDP port of requests. */
    readonly port: number;
    /** Most tokens of a prompt in one packet. */
    readonly length: number;
    /** Verdict of packets that are no request; PASS by default. */
    readonly otherwise?: TextVerdict;
  };
  readonly output: {
    readonly kind: 'tokens';
    /** Most tokens that one packet makes: they bound what a packet costs. */
    readonly length: number;
    /** Verdict of answered packets. With TX addresses and ports change places, so that the answer goes back. */
    readonly reply: TextVerdict;
  };
  /** For programs in production; a sample is by flow. */
  readonly production?: Production;
}

/** A packet of 1,500 bytes holds this many tokens behind IPv6 and UDP. */
const MAX_TOKENS = 512;

/** Whether a document is one for text generating programs, right or wrong. */
export const isTextBinding = (document: unknown): boolean => (document as { input?: { kind?: unknown } } | null)?.input?.kind === 'prompt';

/** A text binding from JSON text or from the object itself. Throws {@link InputError} with the JSON path. */
export function parseTextBinding(source: unknown, where: string): TextBinding {
  const value = typeof source === 'string' ? parseJson(source, where) : source;
  const c = new Checker(where);
  c.fields(value, '', {
    '$schema?': () => {},
    hook: oneOf(['xdp']),
    input: (_, input, path) =>
      c.fields(input, path, {
        kind: oneOf(['prompt']),
        port: integer(1, 65535),
        length: integer(1, MAX_TOKENS),
        'otherwise?': oneOf(VERDICTS),
      }),
    output: (_, output, path) =>
      c.fields(output, path, { kind: oneOf(['tokens']), length: integer(1, MAX_TOKENS), reply: oneOf(VERDICTS) }),
    'production?': production,
  });
  const binding = value as TextBinding;
  if (binding.production?.sample?.by === 'event')
    c.fail('/production/sample/by', '"event" would leave out packets of a text that others go on with: use "flow"');
  return binding;
}

/** Throws {@link InputError} for a binding that asks for more than the model has room for. */
export function checkTextBinding({ input, output }: TextBinding, { positions }: Pick<DecoderMeta, 'positions'>, where: string): void {
  for (const [path, length] of [
    ['/input/length', input.length],
    ['/output/length', output.length],
  ] as const)
    if (length > positions) throw new InputError(`${path} is ${length}, but the model has room for ${positions} tokens`, where);
}
