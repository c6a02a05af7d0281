import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { CASES, programOf } from '../explain/testing/cases.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { defUse, lineBefore, lineBehind, otherSides, roundsAt, statesAround, touched } from './along.ts';
import { levelOf, verifyBeside } from './beside.ts';
import { LINE, lineText } from './lines.ts';
import { readLog } from './reader.ts';

const options = { kernel: '6.18', privilege: 'root' } as const;

function logOf(text: string, logLevel = 2) {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return { program, ...readLog(verify(program, { ...options, logLevel }).logBytes()) };
}

const LOOP = `.section xdp
r6 = *(u32 *)(r1 +0)
r7 = 0
r8 = 5
turn:
r7 += 2
*(u64 *)(r10 -8) = r7
r8 += -1
if r8 != 0 goto turn
r3 = *(u64 *)(r10 -8)
r0 = r3
exit
`;

describe('along the path of a log', () => {
  const { bytes, columns } = logOf(LOOP);
  const insnLines = Array.from(columns.kind, (kind, line) => (kind === LINE.insn ? line : -1)).filter((line) => line >= 0);
  const insnOf = (line: number) => columns.insn[line]!;

  it('steps there and back', () => {
    const there = [insnLines[0]!];
    for (let at = lineBehind(bytes, columns, there[0]!); at >= 0; at = lineBehind(bytes, columns, at)) there.push(at);
    expect(there.map(insnOf)).toEqual([0, 1, 2, ...Array(5).fill([3, 4, 5, 6]).flat(), 7, 8, 9]);
    const back = [there.at(-1)!];
    for (let at = lineBefore(bytes, columns, back[0]!); at >= 0; at = lineBefore(bytes, columns, at)) back.push(at);
    expect(back.reverse()).toEqual(there);
  });

  it('shows what differs between the rounds of a loop', () => {
    const { visits, names, rounds } = roundsAt(bytes, columns, 3, 1, 3);
    expect(visits).toBe(5);
    expect(names).toEqual(['r7', 'r8', 'fp-8']);
    expect(rounds.map(({ values }) => values)).toEqual([
      ['2', '4', '2'],
      ['4', '3', '4'],
      ['6', '2', '6'],
    ]);
  });

  it('knows both states of a line and what the instruction changed', () => {
    const line = insnLines.find((at) => insnOf(at) === 3)!;
    const { before, behind, changed } = statesAround(bytes, columns, line);
    expect(before.find(({ name }) => name === 'r7')?.text).toBe('0');
    expect(behind.find(({ name }) => name === 'r7')?.text).toBe('2');
    expect([...changed]).toEqual(['r7']);
  });

  it('finds definitions and uses, through the stack too', () => {
    const line = insnLines.findLast((at) => insnOf(at) === 7)!;
    const { definedAt, usedAt } = defUse(bytes, columns, line);
    expect(definedAt.map(({ name, line: at }) => [name, at < 0 ? -1 : insnOf(at)])).toEqual([
      ['r10', -1],
      ['fp-8', 4],
    ]);
    expect(usedAt.map(({ name, lines }) => [name, lines.map(insnOf)])).toEqual([['r3', [8]]]);
  });

  it('goes from a path to the branch that it left, and from there to its other sides', () => {
    const branchy = logOf('r0 = *(u32 *)(r1 +0)\ncall bpf_get_prandom_u32\nif r0 > 7 goto big\nr0 = 1\nexit\nbig:\nr0 = 2\nexit');
    const start = Array.from(branchy.columns.kind).indexOf(LINE.path);
    const first = lineBehind(branchy.bytes, branchy.columns, start);
    const left = lineBefore(branchy.bytes, branchy.columns, first);
    expect([branchy.columns.insn[first], branchy.columns.insn[left]]).toEqual([5, 2]);
    expect(otherSides(branchy.columns, branchy.bytes, left)).toEqual([start]);
  });

  it.each([
    ['r1 = r2', ['r2'], ['r1']],
    ['w1 += -4', ['r1'], ['r1']],
    ['r0 = *(u64 *)(r10 -16)', ['r10', 'fp-16'], ['r0']],
    ['*(u32 *)(r10 -4) = r3', ['r10', 'r3'], ['fp-8']],
    ['*(u8 *)(r1 +3) = 7', ['r1'], []],
    ['if w1 != 0x0 goto pc+3', ['r1'], []],
    ['exit', ['r0'], []],
  ])('%s', (code, reads, writes) => expect(touched(code)).toEqual({ reads, writes }));
});

describe('our verifier beside a log', () => {
  const programs = [...CASES.map((test) => programOf(test.text)), ...Array.from({ length: 40 }, (_, seed) => randomProgram(seed))];

  it.each([1, 2])('finds no difference to its own at level %i', (logLevel) => {
    for (const program of programs) {
      const { bytes, columns } = readLog(verify(program, { ...options, logLevel }).logBytes());
      const { difference, same } = verifyBeside(bytes, columns, program, options);
      expect(difference).toBeNull();
      if (columns.runs[0]!.insnLines > 0 && levelOf(columns) === logLevel) expect(same).toBeGreaterThan(0);
    }
  });

  it('names the first line that differs, and in what', () => {
    const { program, bytes, columns } = logOf(LOOP);
    const text = new TextDecoder().decode(bytes);
    const found = (changed: string) => {
      const log = readLog(new TextEncoder().encode(changed));
      const { difference } = verifyBeside(log.bytes, log.columns, program, options);
      return difference && [difference.what, difference.theirs?.text.replace(/ +/g, ' '), difference.ours?.text.replace(/ +/g, ' ')];
    };
    expect(found(text)).toBeNull();
    expect(found(text.replace(/r7 = 0 .*/, 'r7 = 1 ; R7=1'))?.[0]).toBe('code');
    expect(found(text.replace('; R7=4', '; R7=scalar()'))?.slice(0, 2)).toEqual(['state', expect.stringContaining('R7=scalar()')]);
    expect(found(text.replace('9: (95) exit\n', '9: (95) exit\nR0 is strange\n'))?.[0]).toBe('reason');
    expect(lineText(bytes, columns, 0)).toBe('func#0 @0');
  });

  it('compares what a cut log shows', () => {
    const { program, bytes } = logOf(LOOP);
    const { columns, bytes: cut } = readLog(bytes.slice(0, Math.floor(bytes.length * 0.8)));
    expect(verifyBeside(cut, columns, program, options).difference?.what ?? null).toBeNull();
  });
});
