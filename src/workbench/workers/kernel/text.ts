import { InputError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import type { ProgramMeta } from '../../../compiler/api.ts';
import { checkStatus, contextOf, decodeResult, decoderOfMeta, encodeRequest } from '../../../replay/generate.ts';
import { promptTokens, textOf, tokenizerFor } from '../../../traces/tokenizer.ts';
import type { EventRun, SideRun, TextSpec } from '../../kernel-views.ts';

interface TextCall {
  readonly context: Uint8Array;
  /** The run with what both sides wrote. Throws {@link InputError} where one gave no answer. */
  readonly read: (ran: EventRun) => EventRun;
}

/**
 * The context of one call that reads a prompt from the beginning and writes the likeliest tokens behind it. Throws {@link InputError} where the program
 * writes no text, or has no room for this one.
 */
export function textCall(program: Program, meta: ProgramMeta | null, { prompt, count }: TextSpec): TextCall {
  if (!meta) throw new InputError('this program does not say what it takes', program.name);
  const decoder = decoderOfMeta(meta, program, program.name);
  const tokenizer = tokenizerFor(decoder.tokenizer, decoder.vocabulary, program.name);
  const start = promptTokens(tokenizer, prompt);
  if (start.length === 0) throw new InputError('the prompt is empty', '', 'Write how the text begins');
  // The last token that is written takes no place.
  if (start.length + count - 1 > decoder.positions)
    throw new InputError(
      `${start.length} tokens of prompt and ${count} more; the program has room for ${decoder.positions}`,
      '',
      'Ask for fewer, or write a shorter prompt',
    );
  const request = encodeRequest(
    { reset: true, prompt: start, count, candidates: 1, temperature: 0, seed: 1, stop: tokenizer.end },
    decoder,
  );
  const written = (side: SideRun): string => {
    checkStatus(side.returnValue);
    const { tokens, status } = decodeResult(side.data!.subarray(request.length), decoder);
    return textOf(tokenizer, status === 'stopped' ? tokens.slice(0, -1) : tokens);
  };
  return {
    context: contextOf(request, program),
    read: (ran) => ({ ...ran, ours: { ...ran.ours, text: written(ran.ours) }, theirs: { ...ran.theirs, text: written(ran.theirs) } }),
  };
}
