import { describe, expect, it } from 'vitest';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { CLASS_TEXTS, CLASSES, classOfMessage } from './classes.ts';
import { explain } from './explain.ts';
import { CASES, programOf } from './testing/cases.ts';
import { explanationText } from './text.ts';
import { MAX_STEPS, traceRejection } from './trace.ts';

const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;
const explained = (text: string) => {
  const program = programOf(text);
  const result = verify(program, options);
  expect(result.accepted).toBe(false);
  return { program, result, found: explain(program, result, { verify: options }) };
};
const caseNamed = (name: string) => CASES.find((c) => c.name === name)!;

describe('an explanation', () => {
  it.each(CASES)('of $name', (test) => {
    const { program, found, result } = explained(test.text);
    expect(found.message).toBe(result.message);
    expect({ class: found.class, insn: found.insnIdx, subject: found.subject }).toEqual({
      class: test.class,
      insn: test.insn,
      subject: test.subject,
    });
    const told = found.story.map((s) => s.insnIdx);
    expect(told.filter((idx) => test.story.includes(idx))).toEqual(test.story);
    expect(told.at(-1)).toBe(test.insn);
    if (test.provedAt !== undefined) expect(found.provedAt).toBe(test.provedAt);
    if (test.lostAt !== undefined) expect(found.lostAt).toBe(test.lostAt);
    expect(found.fixes.length > 0).toBe(test.mended);
    for (const step of found.story) for (const idx of step.insns) expect(program.insns[idx]).toBeDefined();
    const text = explanationText(found);
    for (const part of [found.title, found.message, found.why, found.change, ...found.fixes.map((f) => f.title)])
      expect(text).toContain(part);
  });

  it('says in numbers what was known and what is allowed', () => {
    const { found } = explained(caseNamed('an index without a bound').text);
    expect(found.known).toMatchObject({ min: 0n, max: 255n });
    expect(found.allowed).toMatchObject({ min: 0n, max: 47n });
    const { found: range } = explained(caseNamed('a return value out of range').text);
    expect(range.known).toMatchObject({ min: 5n, max: 5n });
    expect(range.allowed).toMatchObject({ min: 0n, max: 1n });
  });

  it('says which way each branch went on the failing path', () => {
    const { found } = explained(caseNamed('an index that is only bounded above').text);
    const branch = found.story.find((s) => s.role === 'proof')!;
    expect(branch.taken).toBe(false);
    expect(branch.after).toContain('smax=40');
    expect(branch.before).not.toContain('smax=40');
  });

  it('follows a value through a function and a stack slot of its caller', () => {
    const { found } = explained(
      `r6 = r1\nr1 = r10\nr1 += -8\ncall give\nr1 = *(u64 *)(r10 -8)\nr2 = *(u32 *)(r6 +0)\nr2 += r1\nr0 = *(u8 *)(r2 +0)\nr0 = 0\nexit\ngive:\nr2 = 5\nr2 <<= 3\n*(u64 *)(r1 +0) = r2\nr0 = 0\nexit`,
    );
    expect(found.class).toBe('packet-check');
    expect(found.story.map((s) => s.insnIdx)).toEqual([10, 11, 12, 4, 5, 6, 7].map((i) => i));
    expect(found.story.find((s) => s.insnIdx === 12)?.after).toBe('40');
  });

  it('takes the path of the failing visit, not of the last one before it', () => {
    // The path through the first branch is walked last and fails; the one through `fine` is accepted before.
    const { found } = explained(
      'r0 = 1\ncall bpf_ktime_get_ns\nif r0 == 5 goto bad\nr7 = 1\ngoto fine\nbad:\nr6 = 1\nfine:\nr0 = r7\nexit',
    );
    expect(found.path).toEqual([0, 1, 2, 5, 6]);
    expect(found.subject).toBe('r7');
  });

  it('gives line and origin of the instruction', () => {
    const program = programOf(caseNamed('a register that was never written').text);
    const lines = [{ insnIdx: 0, file: 'a.c', line: 3, column: 1, text: 'int x;' }];
    const origins = [{ kind: 'node', nodeIdx: 4, label: 'softmax.0' }] as const;
    const marked = { ...program, lineInfo: lines, origins, insnOrigins: program.insns.map(() => [0]) };
    const { source } = explain(marked, verify(marked, options), { verify: options, maxTries: 0 });
    expect(source).toEqual({ line: lines[0], labels: ['softmax.0'] });
  });

  it('keeps the whole path of a long loop but only the last states', () => {
    const program = programOf('r6 = 0\nagain:\nr6 += 1\nif r6 < 3000 goto again\nr0 = r7\nexit');
    const { path, steps, insnIdx } = traceRejection(program, options);
    expect(path.length).toBe(1 + 2 * 3000 + 1);
    expect(steps.length).toBe(MAX_STEPS);
    expect(steps.at(-1)!.insnIdx).toBe(insnIdx);
  });
});

describe('explanations of random programs', () => {
  it('name instructions of the program, and their edits are accepted', () => {
    let rejected = 0;
    for (let seed = 0; seed < 60; seed++) {
      const program = randomProgram(seed);
      const result = verify(program, options);
      if (result.accepted) continue;
      rejected++;
      const found = explain(program, result, { verify: options, maxTries: 8, maxProcessed: 5_000 });
      expect(found.path.at(-1)).toBe(result.insnIdx);
      expect(found.story.at(-1)!.insnIdx).toBe(result.insnIdx);
      for (const step of found.story) expect(program.insns[step.insnIdx]).toBeDefined();
      for (const fix of found.fixes) expect(verify(fix.program, options).accepted).toBe(true);
    }
    expect(rejected).toBeGreaterThan(10);
  });
});

describe('classes', () => {
  it('all have their text', () => {
    expect(Object.keys(CLASS_TEXTS).sort()).toEqual([...CLASSES].sort());
  });

  it.each([
    ['R3 !read_ok', 'uninitialised'],
    ["R0 invalid mem access 'map_value_or_null'", 'null-check'],
    ['combined stack size of 2 calls is 608. Too large', 'call-stack'],
    ['BPF program is too large. Processed 1000001 insn', 'complexity'],
    ['jump out of range from insn 1 to 9', 'control-flow'],
    ['unknown opcode ff', 'encoding'],
    ['R1 type=sock_or_null expected=sock_common', 'null-check'],
    ['something that nobody has seen', 'other'],
  ])('of the message %s', (message, cls) => {
    expect(classOfMessage(message)).toBe(cls);
  });
});
