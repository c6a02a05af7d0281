import { describe, expect, it } from 'vitest';
import { InputError } from './errors.ts';
import { shown } from './shown.ts';

describe('what a message quotes of a file', () => {
  it('stays on one line and short, whatever it is', () => {
    const { message, where } = new InputError(`no \`a\nb\x1b[31m\u2028\u202e\` ${'x'.repeat(30_000)} end`, 'x\r\n.onnx');
    expect(message).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    expect(message).toMatch(/^x\?\?\.onnx: no `a\?b\?\[31m\?\?` x+$/);
    expect(message.length).toBeLessThan(700);
    expect(where).toBe('x??.onnx');
  });

  it('is not followed into its depth', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    expect(shown(deep)).toBe('a list of 1');
    expect([undefined, null, {}, [], -0.5, 2n, 'x"', 'y'.repeat(99)].map(shown)).toEqual([
      'missing',
      'null',
      'an object',
      '[]',
      '-0.5',
      '2',
      '"x\\""',
      `"${'y'.repeat(60)}…"`,
    ]);
  });
});
