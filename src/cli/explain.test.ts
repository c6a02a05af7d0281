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
    expect(out).toContain('needed: a pointer that the kernel handed out');
    const { value } = await json<{ log: { insn: number; subject: string; class: string } }>('explain', log);
    expect(value.log).toMatchObject({ insn: 1, subject: 'r2', class: 'wrong-type' });
  });

  describe('a log with its program', () => {
    const asm = 'r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +13)\nexit\n';
    const logged = `0: R1=ctx() R10=fp0
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
1: (71) r0 = *(u8 *)(r2 +13)
invalid access to packet, off=13 size=1, R2(id=0,off=13,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
    interface Beside {
      readonly beside: { readonly linesAlike: number; readonly difference: { readonly what: string } | null };
      readonly explanation: { readonly fixes: readonly unknown[] } | null;
    }

    it('is held against our verifier, and the program is explained with edits', async () => {
      const program = scratch.write('same.s', asm);
      const { status, out } = await call('explain', scratch.write('same.log', logged), '--with', program);
      expect(status).toBe(1);
      expect(out).toMatch(/No difference in 3 lines/);
      expect(out).toMatch(/Edits that the verifier accepts:/);
      const { value } = await json<Beside>('explain', scratch.path('same.log'), '--with', program);
      expect(value.beside).toMatchObject({ linesAlike: 3, difference: null });
      expect(value.explanation!.fixes.length).toBeGreaterThan(0);
    });

    it('names the first line that differs', async () => {
      const other = scratch.write('other.s', asm.replace('+13', '+14'));
      const { out } = await call('explain', scratch.write('other.log', logged), '--with', other);
      expect(out).toMatch(/First difference, after 1 lines alike: the instruction is another one/);
      expect(out).toMatch(/the log {2}line 3: 1: \(71\) r0 = \*\(u8 \*\)\(r2 \+13\)/);
    });
  });

  it('hands on the report of newer kernels, also where nothing else is left of the log', async () => {
    const log = scratch.write(
      'new.log',
      'load program: permission denied:\n\tVerification failed: Register Type Safety: Unreadable register\n\n\tReason:\n\t  R0 has no value here.\n\n\tAt:\n\t  insn 0\n\t        | ^-- error: R0 is not readable\n\t  Instruction context:\n\t  >>> 0 | (95) exit\n\n\tSuggestion:\n\t  Give R0 a value.\n',
    );
    const { status, out } = await call('explain', log);
    expect(status).toBe(1);
    expect(out).toMatch(
      /own report: Register Type Safety: Unreadable register\n {2}R0 has no value here.\n {2}0: exit\n {4}error: R0 is not readable/,
    );
    expect(out).toMatch(/It suggests: Give R0 a value./);
    expect(out).toMatch(/it was cut off/);
  });

  it('refuses what is neither program nor log', async () => {
    const { status, out, err } = await call('explain', scratch.write('letter.txt', 'hello\n'));
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/no verifier log/);
    // Bytes in which something may look like a register by chance.
    const noise = Uint8Array.from({ length: 200_000 }, (_, at) => (Math.imul(at, 2654435761) >>> 13) & 0xff);
    expect((await call('explain', scratch.write('noise.bin', noise))).status).toBe(2);
  });
});
