import { InputError } from '../base/errors.ts';
import type { Compiled } from '../compiler/api.ts';
import type { Model } from '../onnx/model.ts';
import { createReference } from '../reference/reference.ts';
import { scoresOf } from '../replay/generate.ts';
import { textFeeds, textMachine } from './decoder.ts';
import { fileName, readInput } from './io.ts';

/** How a text generating program compares with ONNX Runtime after every token of some texts. */
export interface TextAccuracy {
  readonly argmaxAgreement: number;
  readonly maxAbsError: number;
  readonly relativeError: number;
  readonly tokens: number;
  /** Instructions for a token, on average. */
  readonly insns: number;
}

/** Tokens that are compared; more say little more and take long in our engine. */
const MOST_TOKENS = 1024;
/** ONNX Runtime's WebAssembly has no room for larger models beside ours. */
const MOST_PARAMETERS = 30_000_000;

type Scores = { readonly text: readonly number[]; readonly scores: Float64Array };

/** ONNX Runtime's scores after every token of texts, as the model gives them: of the last place alone where that is all. Null for a model that is too large for it. */
export async function referenceScores(
  path: string,
  model: Model,
  texts: readonly (readonly number[])[],
  room: number,
): Promise<Scores[] | null> {
  if (model.parameterCount > MOST_PARAMETERS) return null;
  const reference = await createReference(readInput(path), { fileName: fileName(path) });
  const made: Scores[] = [];
  let left = MOST_TOKENS;
  try {
    for (const whole of texts) {
      const text = whole.slice(0, Math.min(left, room));
      if (text.length === 0) break;
      left -= text.length;
      const outputs = await reference.run(textFeeds(reference.inputs, text, model));
      const name = reference.outputNames.find((output) => /logit|score/i.test(output)) ?? reference.outputNames[0]!;
      made.push({ text, scores: Float64Array.from(outputs[name]!.data as Float32Array) });
    }
  } finally {
    await reference.release();
  }
  if (made.length === 0) throw new InputError('the texts hold no tokens', path);
  return made;
}

/** Compares a program with {@link referenceScores}. */
export async function textAccuracy(compiled: Compiled, wanted: readonly Scores[], where: string): Promise<TextAccuracy> {
  const decoder = compiled.meta.decoder!;
  const { vocabulary } = decoder;
  const { machine, close } = await textMachine(compiled, 'wasm', where);
  let [same, all, worst, error, power, tokens] = [0, 0, 0, 0, 0, 0];
  try {
    for (const { text, scores } of wanted) {
      const ours = await scoresOf(machine, text, decoder);
      tokens += text.length;
      const every = scores.length >= text.length * vocabulary;
      for (let at = every ? 0 : text.length - 1; at < text.length; at++) {
        const [a, b] = [ours.subarray(at * vocabulary, (at + 1) * vocabulary), scores.subarray(every ? at * vocabulary : 0)];
        let [topA, topB] = [0, 0];
        for (let i = 0; i < vocabulary; i++) {
          if (a[i]! > a[topA]!) topA = i;
          if (b[i]! > b[topB]!) topB = i;
          worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
          error += (a[i]! - b[i]!) ** 2;
          power += b[i]! ** 2;
        }
        all++;
        if (topA === topB) same++;
      }
    }
  } finally {
    close();
  }
  return {
    argmaxAgreement: same / all,
    maxAbsError: worst,
    relativeError: Math.sqrt(error / power),
    tokens: all,
    insns: Math.round((machine.insnsExecuted?.() ?? 0) / tokens),
  };
}
