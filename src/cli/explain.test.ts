import { afterAll, describe, expect, it } from 'vitest';
import { call, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const short = scratch.write('short.s', 'r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +13)\nexit\n');

interface Document {
  readonly programs: readonly {
    readonly accepted: boolean;
    readonly explanation: {
      readonly fixes: readonly { readonly edits: readonly (readonly { readonly insert: readonly { readonly code: string }[] }[])[] }[];
    } | null;
  }[];
}

describe('explain', () => {
  it('prints one JSON document with the edits as instructions', async () => {
    const { status, value } = await json<Document>('explain', short);
    expect(status).toBe(1);
    expect(value.programs).toEqual([
      {
        name: 'prog',
        accepted: false,
        explanation: expect.objectContaining({ class: 'packet-check', insn: 1, subject: 'r2', lostAt: null }),
      },
    ]);
    expect(value.programs[0]!.explanation!.fixes[0]!.edits[0]![0]!.insert.map(({ code }) => code)).toContain('(95) exit');
  });

  it('tells the story as text', async () => {
    const { status, out } = await call('explain', short);
    expect(status).toBe(1);
    expect(out).toContain('instruction 1: r0 = *(u8 *)(r2 +13)');
    expect(out).toContain('Edits that the verifier accepts:');
  });

  it('has nothing to explain about an accepted program', async () => {
    const { status, value } = await json<Document>('explain', scratch.write('fine.s', 'r0 = 2\nexit\n'));
    expect(status).toBe(0);
    expect(value.programs).toEqual([{ name: 'prog', accepted: true, explanation: null }]);
  });

  it('tells a log by its lines, with the rule behind its message', async () => {
    const log = scratch.write(
      'kernel.log',
      "0: R1=ctx() R10=fp0\n0: (b7) r2 = 7                  ; R2_w=7\n1: (61) r0 = *(u32 *)(r2 +0)\nR2 invalid mem access 'scalar'\n",
    );
    const { status, out } = await call('explain', log);
    expect(status).toBe(1);
    expect(out).toContain('0: r2 = 7\n    line 2: r2 is 7');
    expect(out).toContain('needed: a pointer whose origin is known');
    const { value } = await json<{ log: { insn: number; subject: string; class: string } }>('explain', log);
    expect(value.log).toMatchObject({ insn: 1, subject: 'r2', class: 'provenance' });
  });

  it('refuses what is neither program nor log', async () => {
    const { status, out, err } = await call('explain', scratch.write('letter.txt', 'hello\n'));
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/no verifier log/);
  });
});
