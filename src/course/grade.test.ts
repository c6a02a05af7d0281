import { describe, expect, test } from 'vitest';
import { grade } from './grade.ts';
import { numberOf, quantised } from './grade-value.ts';
import { exercisesOf } from './lesson.ts';
import { readLesson } from './read.ts';
import { testHost } from './testing/host.ts';

/** A lesson with one exercise of these checks. */
function lessonOf(kind: string, checks: string, solution: string, more = '') {
  const text = `---\nlesson: x\ntitle: X\nminutes: 1\n---\n## s\n:::exercise{id="e" kind="${kind}" title="t"${more}}\n\`\`\`text start\nnothing\n\`\`\`\n\`\`\`text solution\n${solution}\n\`\`\`\n\`\`\`text wrong says="x"\ny\n\`\`\`\n\`\`\`yaml check\n${checks}\n\`\`\`\n:::\n`;
  const { lesson, problems } = readLesson(text, 'x.md', null);
  expect(problems).toEqual([]);
  return lesson!;
}

async function graded(kind: string, checks: string, answer: string, solution = '', more = '') {
  const lesson = lessonOf(kind, checks, solution, more);
  return grade(exercisesOf(lesson)[0], answer, testHost(lesson));
}

const XDP = '.section xdp\n';
/** The length of the packet, as far as 14 bytes. */
const CHECKED = `${XDP}r0 = 1\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 14\nif r4 > r3 goto pc+1\nr0 = *(u8 *)(r2 +12)\nexit\n`;

describe('grading', () => {
  test('a program is judged by the verifier, and told what it says', async () => {
    const { passed, rows } = await graded('bpf', '- accepted: true', CHECKED.replace('r4 += 14', 'r4 += 12'));
    expect(passed).toBe(false);
    expect(rows[0].observed).toMatch(/refused instruction 6: R2 offset is outside of the packet/);
    expect(rows[0].advice).not.toBeNull();
    expect((await graded('bpf', '- accepted: true', CHECKED)).passed).toBe(true);
  });

  test('a refused program does not pass, whether or not the author asked', async () => {
    const { passed, rows } = await graded('bpf', '- uses: "exit"', `${XDP}exit\n`);
    expect([passed, rows.at(-1)!.name]).toEqual([false, 'Linux 6.18 accepts it']);
  });

  test('a refusal can be what is asked for', async () => {
    expect((await graded('bpf', '- rejected: "!read_ok"', `${XDP}exit\n`)).passed).toBe(true);
    expect((await graded('bpf', '- rejected: "!read_ok"', CHECKED)).passed).toBe(false);
  });

  test('runs say what came out; comparison with the reference names an input that parts them', async () => {
    const wrong = CHECKED.replace('+12)', '+11)');
    const checks = '- run: { packet: "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d", returns: 12 }\n- same: { inputs: 100, packets: [0, 20] }';
    const { rows } = await graded('bpf', checks, wrong, CHECKED);
    expect(rows.map(({ passed }) => passed)).toEqual([false, false]);
    expect(rows[0].observed).toMatch(/it returned 11\.$/);
    expect(rows[1].observed).toMatch(/the reference returned \d+\.$/);
    expect((await graded('bpf', checks, CHECKED, CHECKED)).passed).toBe(true);
  });

  test('maps hold what the exercise gives them, in every run', async () => {
    const reads = (off: number, name = 'table') =>
      `${XDP}.license GPL\n.map ${name} array 4 8 1\nr1 = 0\n*(u32 *)(r10 -4) = r1\nr1 = map[${name}]\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto none\nr1 = *(u8 *)(r0 +${off})\n*(u8 *)(r0 +1) = 9\nr0 = r1\nexit\nnone:\nr0 = 0\nexit\n`;
    const runs = '- run: { packet: "00", returns: 7 }\n- run: { packet: "00", returns: 7 }';
    const one = `- given: { map: table, key: "00 00 00 00", value: "05 07" }\n${runs}`;
    expect((await graded('bpf', one, reads(1))).passed).toBe(true);
    const { rows } = await graded('bpf', one, reads(2));
    expect(rows.map(({ passed }) => passed)).toEqual([false, false]);
    expect((await graded('bpf', one, reads(1, 'other'))).rows[0].observed).toBe('The program has no map table.');
    const all = '- given: { map: table, random: 1 }\n- same: { inputs: 1, packets: [0, 0] }';
    expect((await graded('bpf', all, reads(3), reads(3))).passed).toBe(true);
    expect((await graded('bpf', all, reads(3), reads(4))).passed).toBe(false);
  });

  test('what a packet looks like afterwards counts', async () => {
    const writes = `${XDP}r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 2\nif r4 > r3 goto pc+2\nr5 = 255\n*(u8 *)(r2 +1) = r5\nr0 = 2\nexit\n`;
    expect((await graded('bpf', '- run: { packet: "00 00 00", leaves: "00 ff 00" }', writes)).passed).toBe(true);
    const { rows } = await graded('bpf', '- run: { packet: "00 00 00", leaves: "ff 00 00" }', writes);
    expect(rows[0].observed).toMatch(/left 00 ff 00\.$/);
  });

  test('runs one after another see what the ones before left in maps', async () => {
    const counts = `${XDP}.license GPL\n.map seen array 4 8 1\nr1 = 0\n*(u32 *)(r10 -4) = r1\nr1 = map[seen]\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto none\nr1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\nr0 = r1\nexit\nnone:\nr0 = 0\nexit\n`;
    const checks = (second: number) => `- runs:\n  - { packet: "00", returns: 1 }\n  - { packet: "01", returns: ${second} }`;
    const holds = '\n- map: { name: seen, key: "00 00 00 00", value: "02 00 00 00 00 00 00 00" }';
    expect(await graded('bpf', checks(2) + holds, counts)).toMatchObject({ passed: true });
    const { rows } = await graded('bpf', checks(1), counts);
    expect(rows[0].observed).toMatch(/^Run 2 of 2: For the packet 01 \(1 bytes\) it returned 2\./);
  });

  test('commands of the simulated accelerator: what is returned, and what is left in the context', async () => {
    const priority =
      '.section accelerator/submit\nr2 = *(u32 *)(r1 +0)\n*(u32 *)(r1 +204) = r2\nr0 = 0\nif r2 < 5 goto pc+1\nr0 = -1\nexit\n';
    const of = (rows: number, returns: number, left: number) =>
      `{ tensors: [{ dim: [${rows}, 2], role: weight }], returns: ${returns}, leaves: { priority: ${left} } }`;
    const observed = async (checks: string) => (await graded('bpf', checks, priority)).rows[0].observed;
    expect((await graded('bpf', `- command: ${of(4, 0, 4)}\n- command: [${of(4, 0, 4)}, ${of(5, -1, 5)}]`, priority)).passed).toBe(true);
    expect(await observed(`- command: ${of(5, 0, 5)}`)).toMatch(/weight 5 × 2 it returned -1, not 0\.$/);
    expect(await observed(`- command: [${of(4, 0, 4)}, ${of(3, 0, 4)}]`)).toMatch(/^Command 2 of 2: .* it left 3 in priority, not 4\.$/);
    expect(await observed(`- command: ${of(4, 0, 4).replace('priority', 'prio')}`)).toMatch(/no field prio/);
  });

  test('a typical mistake is met with words of its own', async () => {
    const checks = '- equals: { value: 12, mistakes: { "1,024": "That is the square.", seven: "In digits." } }\n  else: Add them.';
    const advice = async (answer: string) => (await graded('value', checks, answer)).rows[0].advice;
    expect(await Promise.all(['1024', 'Seven', '13', '12'].map(advice))).toEqual(['That is the square.', 'In digits.', 'Add them.', null]);
  });

  test('limits and patterns', async () => {
    const { rows } = await graded(
      'bpf',
      '- insns: { atMost: 3 }\n- uses: "if r4 > r3*"\n- avoids: "exit"\n- stack: { atMost: 0 }',
      CHECKED,
    );
    expect(rows.map(({ passed }) => passed)).toEqual([false, true, false, true]);
    expect(rows[0].observed).toBe('It has 8 instructions.');
  });

  test('what cannot be assembled is told with its line', async () => {
    expect(await graded('bpf', '- accepted: true', `${XDP}r0 = 1\nbogus\n`)).toMatchObject({ passed: false, answerLine: 3 });
  });

  test('numbers, words and facts', async () => {
    expect((await graded('value', '- equals: 4096', '4,096')).passed).toBe(true);
    expect((await graded('value', '- equals: { value: 0.5, within: 0.01 }', '.495')).passed).toBe(true);
    expect((await graded('value', '- equals: { fact: linux.stack }', '0x200')).passed).toBe(true);
    expect((await graded('value', '- equals: "Bounded loop"', ' bounded  LOOP')).passed).toBe(true);
    expect((await graded('value', '- equals: 7', 'seven')).rows[0].observed).toMatch(/is no number/);
    expect(numberOf('1,2')).toBeNull();
    expect(numberOf('-0x10')).toBe(-16);
  });

  test('a scale is judged by what it does to the values', async () => {
    const checks = '- quantise: { values: [-2, 0.3, 1.9], bits: 8, maxError: 0.01 }';
    expect((await graded('value', checks, '0.0158')).passed).toBe(true);
    expect((await graded('value', checks, '0.1')).rows[0].observed).toMatch(/worst error is/);
    expect((await graded('value', checks, '0.01')).rows[0].observed).toMatch(/beyond the largest integer/);
    expect(quantised([1], 8, 1 / 127)).toMatchObject({ saturated: 0 });
  });

  test('options go to the compiler', async () => {
    const checks = '- accepted: true\n- processed: { atMost: 500 }\n- agreement: { atLeast: 0.99 }';
    const { rows } = await graded('options', checks, 'quant: w8a8', '', ' model="payload"');
    expect(rows.map(({ passed, observed }) => [passed, observed])).toEqual([
      [true, 'The verifier accepted it after 1000 instructions.'],
      [false, 'It has 1,000 instructions processed by the verifier.'],
      [true, 'It has 99.50 % of events on which program and reference agree.'],
    ]);
  });
});
