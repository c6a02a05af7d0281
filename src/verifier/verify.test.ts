import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { decodeInsns } from '../bpf/insn.ts';
import type { Program } from '../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from './api.ts';
import { randomProgram } from './testing/random-programs.ts';
import { verify, verifyInSlices } from './verify.ts';

const ROOT: VerifyOptions = { kernel: '6.18', privilege: 'root', logLevel: 0 };

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

const judge = (text: string, options: Partial<VerifyOptions> = {}) => verify(program(text), { ...ROOT, ...options });

// [what, program, message, instruction]: messages and indices as Linux 6.18 gave them.
const REJECTED: readonly (readonly [string, string, string, number])[] = [
  ['an unread register', '.section xdp\nr0 = r3\nexit', 'R3 !read_ok', 0],
  ['no exit', '.section xdp\nr0 = 1\nr0 = 2', 'last insn is not an exit or jmp', 1],
  ['unreachable code', '.section xdp\nr0 = 1\nexit\nr0 = 2\nexit', 'unreachable insn 2', 2],
  ['an endless loop', '.section xdp\nr0 = 1\ngoto pc-1\nexit', 'unreachable insn 2', 2],
  ['a write of the frame pointer', '.section xdp\nr10 = 1\nexit', 'frame pointer is read only', 0],
  ['a division by zero', '.section xdp\nr0 = 1\nr0 /= 0\nexit', 'div by zero', 1],
  ['a shift too far', '.section xdp\nr0 = 1\nr0 <<= 64\nexit', 'invalid shift 64', 1],
  ['a stack write out of bounds', '.section xdp\n*(u64 *)(r10 -520) = 0\nr0 = 0\nexit', 'invalid write to stack R10 off=-520 size=8', 0],
  ['a misaligned stack access', '.section xdp\n*(u64 *)(r10 -12) = 0\nr0 = 0\nexit', 'misaligned stack access off 0+0+-12 size 8', 0],
  ['packet data without a check', '.section xdp\nr2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nexit', 'R2 offset is outside of the packet', 1],
  ['a context field that does not exist', '.section xdp\nr0 = *(u32 *)(r1 +200)\nexit', 'invalid bpf_context access off=200 size=4', 0],
  ['pointers multiplied', '.section xdp\nr1 *= 2\nr0 = 0\nexit', 'R1 pointer arithmetic with *= operator prohibited', 0],
];

describe('the verdict', () => {
  it.each(REJECTED)('refuses %s', (_, text, message, insnIdx) => {
    const result = judge(text);
    expect(result).toMatchObject({ accepted: false, message, insnIdx });
    expect(result.errno).toBeGreaterThan(0);
    expect(result.log).toBe('');
  });

  it('follows a bounded loop once for each round, and an endless one to its message', () => {
    const bounded = judge('.section xdp\nr1 = 0\nr1 += 1\nif r1 < 100 goto pc-2\nr0 = 2\nexit');
    expect(bounded).toMatchObject({ accepted: true, message: null, insnIdx: null, errno: 0, processed: 203 });
    expect([...bounded.visits]).toEqual([1, 100, 100, 1, 1]);
    const endless = judge('.section xdp\nr0 = 0\nif r0 == 0 goto pc-1\nexit', { logLevel: 1 });
    expect(endless.log).toMatch(/infinite loop detected at insn 1\ncur state:.*\nold state:.*\nprocessed /);
  });

  it('leaves functions that no path reaches out of the stack depths', () => {
    const text = '.section xdp\nr1 = 7\ncall pc+2\nexit\nexit\nr0 = 7\nif r1 >= 7 goto pc+1\ncall pc-4\nexit';
    expect(judge(text)).toMatchObject({ accepted: true, processed: 6, stackDepth: '0+0' });
  });

  it('tells the functions found before a call that leads nowhere', () => {
    expect(judge('.section xdp\ncall pc+0')).toMatchObject({ accepted: false, message: 'call to invalid destination', stackDepth: '0' });
  });

  it.each([
    ['*(u8 *)(r0 +7)', 'kptr access misaligned expected=0 off=7'],
    ['*(u32 *)(r0 +0)', 'kptr access size must be BPF_DW'],
    ['*(u64 *)(r0 +24)', 'bpf_timer cannot be accessed directly by load/store'],
    ['*(u64 *)(r0 +16)', null],
    ['*(u64 *)(r0 +0)', null],
  ])('of a read of %s, beside kernel objects, is %s', (operand, message) => {
    const made = program(
      `.section xdp\n.map a array 4 40 1\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[a]\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = ${operand}\nout: r0 = 2\nexit`,
    );
    const fields = [
      { kind: 'kptr_untrusted', byteOff: 0, size: 8, target: 'task_struct' },
      { kind: 'kptr', byteOff: 8, size: 8, target: 'task_struct' },
      { kind: 'bpf_timer', byteOff: 24, size: 16 },
    ];
    const { accepted, message: said } = verify({ ...made, maps: made.maps.map((map) => ({ ...map, fields })) }, ROOT);
    expect([accepted, said]).toEqual([message === null, message]);
  });

  it('stops when too many paths wait', () => {
    const text =
      '.section xdp\nr6 = 0\ntop: call bpf_get_prandom_u32\nr6 += 1\nif r0 == 0 goto out\nif r6 < 10000 goto top\nout: r0 = 2\nexit';
    expect(judge(text)).toMatchObject({ accepted: false, message: 'The sequence of 8193 jumps is too complex.', errno: 7 });
  });

  it('stops when it is told to', () => {
    let calls = 0;
    const result = judge('.section xdp\nr1 = 0\nr1 += 1\nif r1 < 400000 goto pc-2\nr0 = 2\nexit', {
      onProgress: () => ++calls > 0,
    });
    expect(result).toMatchObject({ accepted: false, message: 'stopped' });
    expect(calls).toBe(1);
  });

  it('sees read-only data as constants and other data as anything', () => {
    const text = (flags: string): string =>
      `.section xdp\n.map m array 4 8 1 ${flags}\n.data 0700000000000000\nr1 = map_value[m]+0\nr0 = *(u64 *)(r1 +0)\nif r0 == 7 goto pc+1\nr0 = *(u8 *)(r1 +8)\nexit`;
    expect(judge(text('128 section=.rodata frozen'))).toMatchObject({ accepted: true });
    expect(judge(text('0 section=.data'))).toMatchObject({
      accepted: false,
      message: 'R1 min value is outside of the allowed memory range',
    });
  });
});

describe('what is told beside the verdict', () => {
  const text = '.section xdp\nr2 = *(u32 *)(r1 +12)\nr2 &= 15\n*(u64 *)(r10 -8) = r2\nr0 = 2\nexit';

  it('is the state before an instruction, in the log’s words and in numbers', () => {
    const result = judge(text, { recordStates: true });
    const rows = result.stateBefore(3)!;
    expect(rows.map(({ name, text: t }) => `${name}=${t}`)).toEqual([
      'r1=ctx()',
      'r2=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))',
      'r10=fp0',
      'fp-8=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))',
    ]);
    expect(rows[1]).toMatchObject({ smin: 0n, smax: 15n, tnumValue: 0n, tnumMask: 15n });
    expect(judge(text).stateBefore(3)).toBeNull();
  });

  it('is the state before one instruction on each of its visits', () => {
    const loop = '.section xdp\nr6 = 0\nagain:\nr6 += 1\nif r6 != 4 goto again\nr0 = 2\nexit';
    const result = judge(loop, { recordStates: true, recordVisits: { insnIdx: 1, most: 3 } });
    const r6 = (visit?: number) => result.stateBefore(1, visit)?.find(({ name }) => name === 'r6')?.text;
    expect(result.visits[1]).toBe(4);
    expect([r6(0), r6(1), r6(2), r6()]).toEqual(['0', '1', '2', '3']);
    expect(r6(3)).toBeUndefined();
    expect(result.stateBefore(2, 0)).toBeNull();
  });

  it('is the log at the level asked for', () => {
    expect(judge(text).log).toBe('');
    expect(judge(text, { logLevel: 4 }).log).toMatch(/^verification time \d+ usec\nstack depth 8\nprocessed 5 insns /);
    expect(judge(text, { logLevel: 1 }).log).toMatch(/^processed 5 insns /);
    const detail = judge(text, { logLevel: 2 }).log.split('\n');
    expect(detail[0]).toBe('func#0 @0');
    expect(detail).toContain(
      '1: (57) r2 &= 15                      ; R2=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))',
    );
  });
});

describe('hostile programs', () => {
  const bytes = fc.uint8Array({ minLength: 8, maxLength: 160 }).map((b) => b.subarray(0, b.length & ~7));
  // Opcodes that exist, with any fields.
  const plausible = fc
    .array(
      fc.tuple(
        fc.constantFrom(
          0xb7,
          0xbf,
          0x07,
          0x0f,
          0x61,
          0x79,
          0x7b,
          0x62,
          0x05,
          0x15,
          0x2d,
          0x85,
          0x95,
          0x18,
          0,
          0xdb,
          0x06,
          0xe5,
          0xdc,
          0x87,
        ),
        fc.nat(11),
        fc.nat(11),
        fc.integer({ min: -4, max: 4 }),
        fc.constantFrom(0, 1, 2, 12, 25, 131, 181, -1, 64),
      ),
      { minLength: 1, maxLength: 24 },
    )
    .map((list) => list.map(([opcode, dst, src, off, imm]) => ({ opcode, dst, src, off, imm })));

  it('are judged, whatever their bytes are', () => {
    const base = randomProgram(1);
    fc.assert(
      fc.property(fc.oneof(bytes.map(decodeInsns), plausible), fc.constantFrom(1, 3, 6, 9, 17, 18, 31, 99), (insns, progType) => {
        const result = verify(
          { ...base, progType, insns, subprogs: [{ name: 'main', start: 0, linkage: 'global' }] },
          { ...ROOT, logLevel: 2 },
        );
        expect(result.accepted).toBe(result.errno === 0);
        expect(result.log).toMatch(/processed \d+ insns/);
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  it('are judged when they are random but sensible', () => {
    for (let seed = 1; seed <= 300; seed++) expect(verify(randomProgram(seed), ROOT).processed).toBeGreaterThan(10);
  });
});

describe('a verification in slices', () => {
  it('ends as one at a stretch does, whatever another kernel’s rules decide meanwhile', () => {
    const loop =
      '.section xdp\ncall bpf_get_prandom_u32\nr6 = r0\nr6 &= 63\nr7 = 0\nr8 = 0\nagain: r8 += r6\nr8 &= 1023\nr8 = -r8\nr7 += 1\nif r7 < 3000 goto again\nr0 = r8\nexit';
    const { program } = assemble(loop);
    const kernels = ['6.18', '6.1'] as const;
    const works = kernels.map((kernel) => verifyInSlices(program!, { kernel, privilege: 'root', logLevel: 2 }));
    const results: (VerifyResult | undefined)[] = [];
    let pauses = 0;
    while (results.filter(Boolean).length < works.length) {
      works.forEach((work, i) => {
        if (results[i]) return;
        const { done, value } = work.next();
        if (done) results[i] = value;
        else pauses++;
      });
    }
    expect(pauses).toBeGreaterThan(4);
    kernels.forEach((kernel, i) => {
      const whole = verify(program!, { kernel, privilege: 'root', logLevel: 2 });
      expect([results[i]!.accepted, results[i]!.processed, results[i]!.log]).toEqual([whole.accepted, whole.processed, whole.log]);
    });
  });
});
