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
