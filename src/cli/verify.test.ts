import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { call, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const accepted = scratch.write('accepted.s', 'r0 = 2\nexit\n');
const rejected = scratch.write('rejected.s', 'r0 = 1\nr0 = r5\nexit\n');

interface Row {
  name: string;
  accepted: boolean;
  message: string | null;
  insn: number | null;
}

describe('verify', () => {
  it('decides several files and ends with 1 when one is rejected', async () => {
    const { status, value } = await json<{ programs: Row[] }>('verify', accepted, rejected);
    expect(status).toBe(1);
    expect(value.programs).toEqual([
      {
        file: accepted,
        name: 'prog',
        section: 'xdp',
        type: 'xdp',
        accepted: true,
        message: null,
        insn: null,
        processed: 2,
        totalStates: expect.any(Number),
        stackDepth: '0',
      },
      expect.objectContaining({ file: rejected, accepted: false, message: 'R5 !read_ok', insn: 1, processed: 2 }),
    ]);
    expect((await call('verify', accepted)).status).toBe(0);
  });

  it('prints the log at the level asked for', async () => {
    expect((await call('verify', rejected)).out).toMatch(/1: \(bf\) r0 = r5\nR5 !read_ok\n/);
    expect((await call('verify', accepted, '--log-level', '0')).out.trim()).toBe('');
    expect((await call('verify', accepted, '--log-level', '2')).out).toMatch(/0: \(b7\) r0 = 2 +; R0=2\n/);
  });

  it.each([
    [['--log-level', '9'], /--log-level/],
    [['--kernel', '4.4'], /--kernel takes one of 5.15, 6.1, 6.6, 6.12, 6.18, not 4.4/],
    [['--privilege', 'admin'], /--privilege takes one of root, bpf, unpriv/],
    [['--program', 'other'], /it has no program other. It has prog/],
    [['--frobnicate'], /frobnicate/],
  ])('refuses options that make no sense (%#)', async (options, message) => {
    expect(await call('verify', accepted, ...options)).toMatchObject({ status: 2, out: '', err: expect.stringMatching(message) });
  });
});

describe('verify --against', () => {
  const source = (line: number, text: string): string => `; ${text} @ loop.c:${line}\n`;
  const loop = (rounds: number): string =>
    `${source(3, 'int i = 0;')}r6 = 0\nturn:\n${source(4, 'i++;')}r6 += 1\nif r6 < ${rounds} goto turn\n${source(6, 'return 2;')}r0 = 2\nexit\n`;
  const before = scratch.write('before.s', loop(4));
  const after = scratch.write('after.s', loop(40));

  it('says what changed in verdict, counts and budget by line', async () => {
    const { status, value } = await json<{ against: unknown[] }>('verify', after, '--against', before);
    expect(status).toBe(0);
    expect(value.against).toEqual([
      {
        file: after,
        name: 'prog',
        change: 'counts',
        was: expect.objectContaining({ accepted: true, processed: 11 }),
        now: expect.objectContaining({ accepted: true, processed: 83 }),
        budget: [{ file: 'loop.c', line: 4, text: 'i++;', was: 8, now: 80 }],
      },
    ]);
    const { out } = await call('verify', after, '--against', before);
    expect(out).toMatch(/prog: same verdict, other counts\n {2}processed 11 → 83 \(\+654.5 %\)/);
    expect(out).toMatch(/8 → 80 \(\+900 %\) +loop.c:4 {2}i\+\+;/);
    expect((await call('verify', after, '--against', after)).out).toMatch(/unchanged/);
  });

  it('tells what is broken, mended, new and gone', async () => {
    const old = scratch.write(
      'old.s',
      '.section xdp\n.name a\nr0 = 2\nexit\n.section xdp\n.name b\nr0 = r5\nexit\n.section xdp\n.name gone\nr0 = 2\nexit\n',
    );
    const now = scratch.write(
      'now.s',
      '.section xdp\n.name a\nr0 = r9\nexit\n.section xdp\n.name b\nr0 = 2\nexit\n.section xdp\n.name fresh\nr0 = 2\nexit\n',
    );
    const { status, value } = await json<{ against: { name: string; change: string }[] }>('verify', now, '--against', old);
    expect(status).toBe(1);
    expect(value.against.map(({ name, change }) => [name, change])).toEqual([
      ['a', 'broken'],
      ['b', 'fixed'],
      ['fresh', 'added'],
      ['gone', 'removed'],
    ]);
  });

  it('takes several files against a folder', async () => {
    const { status, err } = await call('verify', before, after, '--against', before);
    expect([status, err]).toEqual([2, expect.stringMatching(/name a folder/)]);
    const { value } = await json<{ against: { change: string }[] }>('verify', before, after, '--against', scratch.path('.'));
    expect(value.against.map(({ change }) => change)).toEqual(['same', 'same']);
  });

  it('annotates for GitHub, at the source line', async () => {
    const bad = scratch.write('bad.s', `${source(7, 'return x; // 100 %')}r0 = r5\nexit\n`);
    const { status, out } = await call('verify', bad, after, '--format', 'github');
    expect([status, out]).toEqual([1, '::error file=loop.c,line=7,title=The verifier rejects prog::R5 !read_ok (instruction 0)\n']);
    const { out: grown } = await call('verify', after, '--against', before, '--format', 'github');
    expect(grown).toBe(
      '::warning file=loop.c,line=4,title=prog costs the verifier more::11 instructions were processed before and 83 now. Most of it: i++; (8 before, 80 now).\n',
    );
  });
});

describe('reduce', () => {
  it('prints the smallest program with the same message, which assembles', async () => {
    const file = scratch.write('long.s', `r3 = 0\n${'r3 += 1\n'.repeat(50)}r0 = r5\nexit\n`);
    const { status, out, err } = await call('reduce', file);
    expect(status).toBe(0);
    expect(err).toMatch(/53 instructions became 2 in \d+ verifications: R5 !read_ok/);
    const again = scratch.write('small.s', out);
    expect((await json<{ programs: Row[] }>('verify', again)).value.programs[0]).toMatchObject({ message: 'R5 !read_ok', insn: 0 });
    expect(await call('reduce', accepted)).toMatchObject({ status: 2, err: expect.stringMatching(/it is accepted/) });
  });
});

describe('cases', () => {
  const line = (hex: string, more: object = {}): string => JSON.stringify({ prog_type: 6, hex, ...more });

  it('get one line each, in order, whatever the verdicts', async () => {
    const good = line('b7000000020000009500000000000000');
    const bad = line('bf500000000000009500000000000000');
    const wild = line('ff00000000000000');
    const foreign = line('b7000000020000009500000000000000', { fixups: { fixup_map_of_tomorrow: [0] } });
    const path = scratch.write('cases.jsonl', `${[good, bad, wild, foreign, '', good].join('\n')}\n`);
    const { status, out, err } = await call('verify', '--cases', path, '--jsonl');
    const rows = out
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Row);
    expect(status).toBe(0);
    expect(err).toMatch(/^case 4: not decided: .*unknown map kind fixup_map_of_tomorrow\n$/);
    expect(rows).toEqual([
      { accepted: true, message: null, insn: null, processed: 2 },
      { accepted: false, message: 'R5 !read_ok', insn: 0, processed: 1 },
      expect.objectContaining({ accepted: false }),
      { accepted: null, message: null, insn: null, processed: null },
      { accepted: true, message: null, insn: null, processed: 2 },
    ]);
  });

  it('name file and line where the file is no list of cases', async () => {
    const path = scratch.write('broken.jsonl', `${line('95')}\n`);
    expect((await call('verify', '--cases', path, '--jsonl')).err).toMatch(/broken\.jsonl, line 1: .*hex/);
    const prose = scratch.write('prose.jsonl', '\nhello\n');
    expect((await call('verify', '--cases', prose, '--jsonl')).err).toMatch(/prose\.jsonl, line 2: the line is no JSON/);
    expect((await call('conformance', prose)).err).toMatch(/prose\.jsonl, line 2: not a conformance case/);
  });
});

const corpus = process.env.BPFORMER_CORPUS ?? '';
const hasCorpus = existsSync(`${corpus}/verifier-raw.jsonl`);
if (!hasCorpus) console.warn('the command line on the corpus: skipped, BPFORMER_CORPUS names no folder with verifier-raw.jsonl');

describe.skipIf(!hasCorpus)('the corpus', () => {
  it('gets a line for each case, and most verdicts are the kernel’s', async () => {
    const path = `${corpus}/verifier-raw.jsonl`;
    const expected = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as { verdict618: string });
    const { out, err } = await call('verify', '--cases', path, '--jsonl');
    const rows = out
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Row);
    expect(rows).toHaveLength(expected.length);
    expect(err).not.toMatch(/not decided/);
    const same = rows.filter((row, i) => row.accepted === (expected[i]!.verdict618 === 'accept')).length;
    expect(same / rows.length).toBeGreaterThan(0.9);
  });
});
