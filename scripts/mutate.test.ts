import { expect, test } from 'vitest';
import { Dice } from '../bench/mutate/dice.ts';
import { judgeError, type Outcome } from '../bench/mutate/judge.ts';
import { PARSERS } from '../bench/mutate/parsers.ts';

// A taste of `npm run long mutate`, which watches each input from another process.
test.each(PARSERS.map((parser) => [parser.name, parser] as const))(
  'changed files are read or refused with a place: %s',
  async (_, parser) => {
    const findings: string[] = [];
    for (let index = 0; index < Math.ceil(60 * (parser.part ?? 1)); index++) {
      const dice = new Dice(index + 1);
      const bytes = parser.change(dice, dice.one(parser.seeds), parser.seeds);
      let outcome: Outcome = { kind: 'read' };
      try {
        await parser.open(bytes, dice);
      } catch (error) {
        outcome = judgeError(error);
      }
      if (outcome.kind === 'finding') findings.push(`${index}: ${outcome.what}`);
    }
    expect(findings).toEqual([]);
  },
);

// Seeds that are refused as they are let no change come past what refuses them.
test.each(PARSERS.map((parser) => [parser.name, parser] as const))('what is changed is read while it is whole: %s', async (_, parser) => {
  let read = 0;
  for (const seed of parser.seeds) {
    try {
      await parser.open(seed, new Dice(1));
      read++;
    } catch (error) {
      expect(judgeError(error).kind).toBe('refused');
    }
  }
  expect(read).toBeGreaterThan(0);
});

test('an error that is not ours, and a message of ours without a place, are findings', async () => {
  const { InputError } = await import('../src/base/errors.ts');
  expect(judgeError(new TypeError('x is not a function')).kind).toBe('finding');
  expect(judgeError(new InputError('it is cut')).kind).toBe('finding');
  expect(judgeError(new InputError('it has undefined bytes', 'x')).kind).toBe('finding');
  expect(judgeError(new InputError('it is cut', 'x.pcap, byte 7')).kind).toBe('refused');
});
