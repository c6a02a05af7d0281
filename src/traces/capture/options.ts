// Options of pcapng blocks: code and length of 16 bits each, then the value padded to 32 (draft-ietf-opsawg-pcapng section 3.5).

export interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

export const OPT_COMMENT = 1;
const CUSTOM = new Set([2988, 2989, 19372, 19373]);

/** Lengths that an option must have, by code; Wireshark gives a file up where they are wrong, and so do we. */
export type OptionRules = (code: number, value: Uint8Array) => string | null;

/** The options in [from, to) of `view`, or what is wrong with them and where. */
export function readOptions(
  view: DataView,
  from: number,
  to: number,
  little: boolean,
  rules: OptionRules,
): Option[] | { at: number; what: string } {
  const options: Option[] = [];
  let at = from;
  while (at < to) {
    if (to - at < 4) return { at, what: `${to - at} bytes are left for an option, which has at least 4` };
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    const padded = (length + 3) & ~3;
    if (padded > to - at - 4) return { at, what: `an option of ${length} bytes does not fit into its block` };
    if (code === 0) break;
    const value = new Uint8Array(view.buffer, view.byteOffset + at + 4, length);
    const wrong = CUSTOM.has(code) && length < 4 ? 'a custom option is shorter than its number' : rules(code, value);
    if (wrong) return { at, what: wrong };
    options.push({ code, value });
    at += 4 + padded;
  }
  return options;
}

/** The text of a string option; what is no UTF-8 is replaced. */
export function optionText(options: readonly Option[], code: number): string {
  const option = options.find((one) => one.code === code);
  return option ? text(option.value) : '';
}

export const optionTexts = (options: readonly Option[], code: number): string[] =>
  options.filter((one) => one.code === code).map(({ value }) => text(value));

function text(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
