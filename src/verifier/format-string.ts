/**
 * Formats of `bpf_snprintf`, which the kernel reads before it loads the program (`check_bpf_snprintf_call`, `bpf_bprintf_prepare`): `%%`,
 * `%s`, `%c`, whole numbers with `l` or `ll`, and pointers of the kinds that need nothing but their value; flags `0`, `+`, `-`, space and a
 * width are passed over.
 */

const CONVERSION =
  /^[0+\- ]*(?:[1-9][0-9]*)?(?:p[ku]s(?![^\s!-/:-@[-`{-~])|s(?![^\s!-/:-@[-`{-~])|p[KxsSB]|p[iI][46]|p(?![^\s!-/:-@[-`{-~])|c|(?:ll?)?[diuxX])/;
/** What C calls printable, white space, and bytes beyond ASCII, which 6.18.44 takes between conversions. */
const TEXT = /^[\x20-\x7e\t-\r\x80-\xff]*$/;

/** True for a format, one character a byte, that the kernel takes with `args` arguments. */
export function isFormat(text: string, args: number): boolean {
  if (!TEXT.test(text)) return false;
  let taken = 0;
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at)) {
    if (text[at + 1] === '%') {
      at += 2;
      continue;
    }
    const conversion = CONVERSION.exec(text.slice(at + 1));
    if (!conversion || ++taken > args) return false;
    at += 1 + conversion[0].length;
  }
  return true;
}
