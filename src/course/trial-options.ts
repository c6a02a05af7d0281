import { InputError } from '../base/errors.ts';

/** Options of the compiler that an answer may choose. */
export interface TrialOptions {
  readonly quant?: string;
  readonly strategy?: string;
  readonly specialise?: boolean;
}

const KEYS = ['quant', 'strategy', 'specialise'];

/** The options of an answer; throws an {@link InputError} for others than there are. Their values are checked by the compiler. */
export function readTrialOptions(value: unknown): TrialOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError('An answer has a line for each option, such as "quant: w8a8"');
  for (const [key, one] of Object.entries(value)) {
    if (!KEYS.includes(key)) throw new InputError(`There is no option ${key}: there are ${KEYS.join(', ')}`);
    if (typeof one !== (key === 'specialise' ? 'boolean' : 'string'))
      throw new InputError(`${key} is ${key === 'specialise' ? 'true or false' : 'a word'}`);
  }
  return value;
}
