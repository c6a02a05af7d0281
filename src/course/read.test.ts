import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { exercisesOf } from './lesson.ts';
import { lintLesson } from './lint.ts';
import { readLesson } from './read.ts';
import type { Stage } from './scene.ts';
import { testHost } from './testing/host.ts';

const STAGE: Stage = {
  samples: new Set(['payload']),
  desks: new Set(['debug']),
  panels: new Set(['program']),
  widgets: new Map([['bits', ['model']]]),
};

const EXERCISE = `::::exercise{id="two" kind="bpf" title="Two"}
Return 2.

\`\`\`bpf start
.section xdp
exit
\`\`\`

\`\`\`bpf solution
.section xdp
r0 = 2
exit
\`\`\`

\`\`\`bpf wrong says="it returned 1"
.section xdp
r0 = 1
exit
\`\`\`

\`\`\`yaml check
- accepted: true
- run: { packet: "00 11", returns: 2 }
\`\`\`

:::hint
r0 is the result.
:::
::::
`;
const HEAD = `---
lesson: a-lesson
title: A lesson
minutes: 10
---
`;
const LESSON = `${HEAD}
## A step

Text with a :term[tnum] and :fact[linux.stack] bytes.

${EXERCISE}`;

const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;
const read = (text: string) => readLesson(text, 'lesson.md', STAGE);

/** Every problem of a text, of its form or found by doing. */
async function problemsOf(text: string) {
  const { lesson, problems } = read(text);
  return problems.length > 0 || !lesson ? problems : lintLesson(lesson, testHost(lesson));
}

describe('reading a lesson', () => {
  test('a lesson without mistakes has none, and says what it holds', async () => {
    const { lesson } = read(LESSON);
    expect(await problemsOf(LESSON)).toEqual([]);
    expect(lesson).toMatchObject({ id: 'a-lesson', title: 'A lesson', minutes: 10, after: [], opens: {} });
    const [exercise] = exercisesOf(lesson!);
    expect(exercise).toMatchObject({ id: 'two', kind: 'bpf', solution: '.section xdp\nr0 = 2\nexit', wrong: [{ says: 'it returned 1' }] });
    expect(exercise.hints).toHaveLength(1);
    expect(exercise.checks.map(({ kind, line }) => [kind, line])).toEqual([
      ['accepted', lineOf(LESSON, '- accepted')],
      ['run', lineOf(LESSON, '- run')],
    ]);
  });

  const MISTAKES: readonly (readonly [what: string, text: string, at: string, message: RegExp, below?: number])[] = [
    ['no front matter', LESSON.slice(HEAD.length), '', /begins with front matter/],
    ['a name that is none', LESSON.replace('a-lesson', 'A lesson!'), 'lesson: A', /small letters/],
    ['front matter that it does not have', LESSON.replace('minutes: 10', 'minutes: 10\nauthor: me'), 'author', /no author/],
    ['a term that the glossary does not have', LESSON.replace('tnum', 'flux'), ':term', /no flux/],
    ['a fact that nobody computes', LESSON.replace('linux.stack', 'linux.heap'), ':fact', /no such fact/],
    ['HTML', LESSON.replace('Text with', 'Text <b>with</b>'), 'Text <b>', /HTML/],
    ['a link into a script', LESSON.replace('Text', '[Text](javascript:alert(1))'), '[Text]', /link goes to https/],
    [
      'a panel that the page does not have',
      LESSON.replace('Text with', '::show{panel="kitchen"}\n\nText with'),
      '::show',
      /no panel kitchen/,
    ],
    [
      'a tool that the page does not have',
      LESSON.replace('Text with', '::live[Touch]{widget="knob"}\n\nText with'),
      '::live',
      /no widget knob: there are bits/,
    ],
    [
      'a tool that is told what it does not know',
      LESSON.replace('Text with', '::live[Touch]{widget="bits" colour="red"}\n\nText with'),
      '::live',
      /bits has no colour/,
    ],
    ['an unknown check', LESSON.replace('- accepted: true', '- approved: true'), '- approved', /no check approved/],
    ['a check with a wrong value', LESSON.replace('packet: "00 11"', 'packet: "0 11"'), '- run', /hexadecimal/],
    [
      'a solution that does not pass',
      LESSON.replace('r0 = 2', 'r0 = 3'),
      '::::exercise',
      /solution of exercise two does not pass.*returned 3/,
    ],
    [
      'a beginning that passes',
      LESSON.replace('.section xdp\nexit', '.section xdp\nr0 = 2\nexit'),
      '::::exercise',
      /before anything is done/,
    ],
    ['a wrong answer that passes', LESSON.replace('r0 = 1', 'w0 = 2'), '```bpf wrong', /wrong answer passes/],
    ['a wrong answer met with something else', LESSON.replace('it returned 1', 'it returned 9'), '```bpf wrong', /met with.*returned 1/],
    ['no solution', LESSON.replace('bpf solution', 'bpf'), '::::exercise', /no solution/],
    ['two exercises of one name', `${LESSON}\n${EXERCISE}`, '', /a second exercise two/],
    ['no step', HEAD, '', /no step/],
    ['three colons around what holds a hint', LESSON.replaceAll('::::', ':::'), '\n:::\n:::\n', /close nothing/, 2],
    [
      'a hint outside of an exercise',
      LESSON.replace('Text with', ':::hint\nx\n:::\n\nText with'),
      ':::hint',
      /within an exercise that begins/,
    ],
    [
      'a command to a tensor of no role',
      LESSON.replace('- run:', '- command: { tensors: [{ dim: [2], role: input }], returns: 0 }\n- run:'),
      '- command',
      /role is one of activation/,
    ],
    ['no wrong answer', LESSON.replace('bpf wrong says="it returned 1"', 'bpf'), '::::exercise', /no wrong answer/],
    ['a wrong answer that promises nothing', LESSON.replace(' says="it returned 1"', ''), '```bpf wrong', /says what it is met with/],
    ['a kernel of which nothing is known', LESSON.replace('kind="bpf"', 'kind="bpf" kernel="4.19"'), '::::exercise', /kernel is one of/],
    ['a selection that is none', LESSON.replace('Text', ':go[Text]{select="line:3"}'), ':go', /none of insn:N/],
    ['a task without words', LESSON.replace('Text with', '::task{select="insn:3"}\n\nText with'), '::task', /task in words/],
    ['text before the first step', LESSON.replace('## A step', 'A word.\n\n## A step'), 'A word', /before the first step/],
    [
      'code of an exercise outside of one',
      LESSON.replace('Text with', '```bpf start\nexit\n```\n\nText with'),
      '```bpf start',
      /outside of one/,
    ],
  ];
  test.each(MISTAKES.map(([what, text, at, message, below = 0]) => [what, text, at, message, below] as const))(
    '%s is found at its line',
    async (_, text, at, message, below) => {
      const problems = await problemsOf(text);
      const found = problems.find((problem) => message.test(problem.message));
      expect(problems, 'problems').not.toEqual([]);
      expect(found, JSON.stringify(problems)).toBeDefined();
      if (at) expect(found!.line).toBe(lineOf(text, at) + below);
    },
  );

  test('what is too large or nested too deep is refused with the place', () => {
    expect(() => read(`${HEAD}${'x'.repeat(600_000)}`)).toThrow(InputError);
    expect(() => read(`${HEAD}## s\n${'> '.repeat(5000)}x`)).toThrow(/line 7/);
    expect(() => read(`${HEAD}## s\n${'['.repeat(15_000)}`)).toThrow(/line 7/);
    expect(() => read(`${HEAD}## s\n${':::exercise{id="a" kind="bpf" title="t"}\n'.repeat(300)}`)).toThrow(/line 71 nests deeper than 64/);
  });

  test('YAML that refers to itself does not grow', () => {
    const bomb = `---\nlesson: x\ntitle: &a [x]\nminutes: [*a, *a]\n---\n## s\n`;
    expect(read(bomb).problems[0].message).toMatch(/front matter/);
  });

  test.each([
    ['a name of thousands of letters', `---\nlesson: a\ntitle: t\nminutes: 1\n---\n## s\n:::${'hint'.repeat(3000)}\n:::\n`],
    ['a name with a control character', '---\nlesson: a\ntitle: t\nminutes: 1\n---\n## s\n:::no\u0085te\n:::\n'],
    ['front matter nested without end', `---\na: ${'{'.repeat(15_000)}\n---\n## s\n`],
  ])('problems are short, on one line, in our words: %s', (_, text) => {
    const { problems } = read(text);
    expect(problems.length).toBeGreaterThan(0);
    for (const { message } of problems) {
      expect(message.length).toBeLessThan(700);
      expect(message).not.toMatch(/[\p{Cc}\u2028]|call stack/u);
    }
  });

  test('any text is a lesson or a list of problems', () => {
    const pieces = [
      '---\n',
      '## s\n',
      ':::exercise{id="a" kind="c" title="t"}\n',
      ':::\n',
      '```yaml check\n',
      '- run: {',
      '```\n',
      '<script>',
      ':term[',
      ']',
      '{x="',
      '"}',
      '| a | b |\n|---|---|\n',
      '> ',
      '* ',
      '\u0000',
      'é',
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 8 })), { maxLength: 40 }), (parts) => {
        const { lesson, problems } = read(parts.join(''));
        expect(lesson !== null || problems.length > 0).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
