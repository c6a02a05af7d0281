/** Bytes of a text in hexadecimal; spaces are passed over. */
export function bytesOf(text: string): Uint8Array {
  const digits = text.replace(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Two digits a byte, spaces between them; the middle of long ones is left out. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** r0 as programs mean it. */
export const s32 = (value: number): number => value | 0;

const NUMBER = new Intl.NumberFormat('en');

/** A figure against a limit: `{ atMost, atLeast }`. */
export function limitRow(
  what: string,
  found: number | null,
  value: unknown,
  format: (figure: number) => string = (figure) => NUMBER.format(figure),
): { name: string; passed: boolean; observed: string } {
  const { atMost, atLeast } = value as { atMost?: number; atLeast?: number };
  const wanted = [
    ...(atLeast === undefined ? [] : [`at least ${format(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${format(atMost)}`]),
  ];
  const name = `${wanted.join(' and ')} ${what}`;
  if (found === null) return { name, passed: false, observed: `It could not be measured how many ${what} there are.` };
  const passed = (atMost === undefined || found <= atMost) && (atLeast === undefined || found >= atLeast);
  return { name, passed, observed: `It has ${format(found)} ${what}.` };
}
