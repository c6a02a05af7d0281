import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { disassemble } from '../../bpf/listing.ts';
import type { Program } from '../../bpf/program.ts';
import { CASES, programOf } from '../explain/testing/cases.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { messageWords, reduce } from './reduce.ts';

const options = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

function assembled(text: string): Program {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return program;
}

const rejected = (): Program[] =>
  [...CASES.map((test) => programOf(test.text)), ...Array.from({ length: 25 }, (_, seed) => randomProgram(seed))].filter(
    (program) => !verify(program, options).accepted,
  );

describe('reduce', () => {
  it('keeps the message, never grows, and what is left can be assembled again', () => {
    let fewer = 0;
    for (const program of rejected()) {
      const { message } = verify(program, options);
      const found = reduce(program, { verify: options, tries: 150 });
      expect(messageWords(found.message)).toBe(messageWords(message!));
      expect(found.program.insns.length).toBeLessThanOrEqual(program.insns.length);
      expect(verify(found.program, options)).toMatchObject({ accepted: false, message: found.message, insnIdx: found.insnIdx });
      const again = assembled(disassemble(found.program));
      expect(verify(again, options).message).toBe(found.message);
      if (found.program.insns.length < program.insns.length) fewer++;
    }
    expect(fewer).toBeGreaterThan(15);
  });

  it('leaves what the refusal needs and nothing else', () => {
    const program = assembled(`.section xdp
.map hits hash 4 8 16
.map other array 4 8 1
r6 = r1
*(u32 *)(r10 -4) = 7
r2 = r10
r2 += -4
r1 = map[hits]
call bpf_map_lookup_elem
r7 = r0
r1 = *(u32 *)(r6 +0)
r2 = *(u32 *)(r6 +4)
r3 = r1
r3 += 14
if r3 > r2 goto out
r4 = *(u8 *)(r1 +12)
if r4 == 8 goto out
r8 = *(u64 *)(r7 +0)
out:
r0 = 2
exit
`);
    const found = reduce(program, { verify: options });
    expect(found).toMatchObject({ message: "R7 invalid mem access 'map_value_or_null'", minimal: true });
    expect(found.program.insns.length).toBeLessThanOrEqual(9);
    expect(found.program.maps.map(({ name }) => name)).toEqual(['hits']);
    // One by one nothing more goes.
    expect(reduce(found.program, { verify: options }).program.insns).toEqual(found.program.insns);
  });

  it('stops at its limits with what it has', () => {
    const program = assembled(`r3 = 0\n${'r3 += 1\n'.repeat(200)}r0 = r9\nexit`);
    const found = reduce(program, { verify: options, tries: 3 });
    expect(found).toMatchObject({ tries: 3, minimal: false, message: 'R9 !read_ok' });
    expect(reduce(program, { verify: options }).program.insns.length).toBe(2);
  });

  it('removes functions that nothing calls any more', () => {
    const program = assembled('r0 = r9\ncall helper\nexit\n.func helper static\nr0 = 1\nexit');
    expect(reduce(program, { verify: options }).program.subprogs).toHaveLength(1);
  });

  it('has nothing to keep of an accepted program', () => {
    expect(() => reduce(assembled('r0 = 0\nexit'), { verify: options })).toThrow(/accepted/);
  });
});
