import { describe, expect, it } from 'vitest';
import { ACCEL_FUNCTIONS } from '../bpf/accelerator/functions.ts';
import { ACCEL_HELPERS } from '../bpf/accelerator/helpers.ts';
import { ACCEL_HOOK_DEFS, ACCEL_HOOKS, type AccelHook } from '../bpf/accelerator/hooks.ts';
import { CONTEXT_LAYOUT, MATRIX_REGISTERS } from '../bpf/accelerator/layout.ts';
import { assemble } from '../bpf/asm.ts';
import { helperName } from '../bpf/helper-names.ts';
import type { Program } from '../bpf/program.ts';
import type { VerifyResult } from './api.ts';
import { helperProto } from './protos.ts';
import { verify } from './verify.ts';

function programOf(hook: AccelHook, lines: string): Program {
  const { program, diagnostics } = assemble(`.section accelerator/${hook}\n${lines}\n`);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return program;
}

const judge = (hook: AccelHook, lines: string): VerifyResult =>
  verify(programOf(hook, lines), { kernel: '6.18', privilege: 'root', logLevel: 0 });

/** What is said against a program; null when it is accepted. */
const against = (hook: AccelHook, lines: string): string | null => judge(hook, lines).message;

const END = 'r0 = 0\nexit';
const offOf = (name: string): number => CONTEXT_LAYOUT.fields.find((field) => field.name === name)!.byteOff;

/** A call of a device function with arguments that fit it. */
function call(name: string): string {
  const { params } = ACCEL_FUNCTIONS.get(name)!;
  const setUp = params.map(({ kind }, i) => {
    const r = `r${i + 1}`;
    if (kind === 'ctx') return `${r} = r6`;
    if (kind === 'mem' || kind === 'out') return `${r} = r10\n${r} += -64`;
    return `${r} = ${kind === 'size' ? 32 : 0}`;
  });
  const fill = Array.from({ length: 8 }, (_, i) => `*(u64 *)(r10 -${8 * (i + 1)}) = 0`);
  return ['r6 = r1', ...fill, ...setUp, `call kfunc ${name}`, END].join('\n');
}

describe('the verifier for the accelerator', () => {
  it('lets programs read the context as Linux lets syscall programs, aligned and to its end', () => {
    for (const size of [1, 2, 4, 8]) {
      const last = CONTEXT_LAYOUT.bytes - size;
      expect(against('telemetry', `r0 = *(u${size * 8} *)(r1 + ${last})\n${END}`)).toBeNull();
      expect(against('telemetry', `r0 = *(u${size * 8} *)(r1 + ${last + size})\n${END}`)).toBe(
        `invalid bpf_context access off=${last + size} size=${size} in accelerator/telemetry programs`,
      );
    }
    expect(against('submit', `r0 = *(u32 *)(r1 + 2)\n${END}`)).toBe(
      'invalid bpf_context access off=2 size=4 in accelerator/submit programs',
    );
  });

  it.each(ACCEL_HOOKS)('lets programs at %s write the fields of their hook and no others', (hook) => {
    const writable = CONTEXT_LAYOUT.fields
      .filter(({ type }) => type === 'u32' || type === 'u64')
      .map(({ name, type, byteOff }) => {
        const message = against(hook, `*(${type} *)(r1 + ${byteOff}) = 1\n${END}`);
        if (message !== null)
          expect(message).toBe(`invalid bpf_context access off=${byteOff} size=${type === 'u64' ? 8 : 4} in accelerator/${hook} programs`);
        return message === null ? name : '';
      });
    expect(writable.filter(Boolean).sort()).toEqual([...ACCEL_HOOK_DEFS[hook].writes].sort());
  });

  it('refuses a write that leaves a writable field', () => {
    expect(against('submit', `*(u64 *)(r1 + ${offOf('key') & ~7}) = 1\n${END}`)).toContain('invalid bpf_context access');
    expect(against('dispatch', `*(u8 *)(r1 + ${offOf('defer_ns') + 7}) = 1\n${END}`)).toBeNull();
  });

  it.each([...ACCEL_FUNCTIONS.values()].map(({ name, hooks }) => [name, hooks] as const))(
    'lets %s be called at its hooks only',
    (name, hooks) => {
      for (const hook of ACCEL_HOOKS) {
        expect(against(hook, call(name))).toBe(
          hooks.includes(hook) ? null : `calling kernel function ${name} is not allowed in accelerator/${hook} programs`,
        );
      }
    },
  );

  it('lets no other function and only its helpers be called', () => {
    expect(against('submit', `call kfunc bpf_rcu_read_lock\n${END}`)).toBe(
      'calling kernel function bpf_rcu_read_lock is not allowed in accelerator/submit programs',
    );
    for (let id = 1; id <= 211; id++) {
      const message = against('token', `call ${id}\n${END}`) ?? '';
      const isKnown = ACCEL_HELPERS.has(id);
      expect([id, message.includes('accelerator/token programs cannot use helper')]).toEqual([id, !isKnown]);
    }
    for (const { id, name } of ACCEL_HELPERS.values()) expect([helperName(id), helperProto(31, id) !== null]).toEqual([name, true]);
  });

  it('checks memory and its size together, as Linux checks such pairs', () => {
    const log = (lines: string): string => verify(programOf('submit', lines), { kernel: '6.18', privilege: 'root', logLevel: 1 }).log;
    const sha = (before: string): string => `${before}\nr1 = r10\nr1 += -64\nr3 = r10\nr3 += -32\nr4 = 32\ncall kfunc accel_sha256\n${END}`;
    expect(against('submit', sha('r2 = 64'))).toBeNull();
    expect(log(sha('r2 = 65'))).toContain(
      'invalid read from stack R1 off=-64 size=65\narg#0 arg#1 memory, len pair leads to invalid memory access',
    );
    expect(log(sha('call kfunc accel_now_ns\nr2 = r0'))).toContain("R2 min value is negative, either use unsigned or 'var &= const'");
    const uuid = 'r3 = 16\ncall kfunc accel_uuid';
    expect(against('submit', `r2 = r10\nr2 += -16\nr1 = r2\n${uuid}\n${END}`)).toBe('arg#0 expected pointer to ctx, but got fp');
    expect(against('submit', `r2 = r10\nr2 += -16\nr1 += 8\n${uuid}\n${END}`)).toBe('dereference of modified ctx ptr R1 off=8 disallowed');
    expect(log(`r2 = 1\n${uuid}\n${END}`)).toContain('R2 type=scalar expected=fp');
  });

  it.each([
    ['validate_tensor', -4095, 0],
    ['submit', -4095, 0],
    ['token', -4095, 1],
    ['dispatch', -4095, 2],
    ['complete', -4095, 0],
    ['telemetry', 0, 0],
  ] as const)('lets %s return from %i to %i', (hook, least, most) => {
    const returned = (value: number): string | null => against(hook, `w0 = ${value}\nexit`);
    expect([returned(least), returned(most)]).toEqual([null, null]);
    expect(returned(most + 1)).toContain(`should have been in [${least}, ${most}]`);
    expect(returned(least - 1)).toContain(`should have been in [${least}, ${most}]`);
  });

  it('refuses addresses that a program makes up, and says where the matrix registers are', () => {
    const { base, bytes } = MATRIX_REGISTERS;
    const load = (address: number): string => `r2 = 0x${address.toString(16)} ll\nr0 = *(u32 *)(r2 + 0)\n${END}`;
    const said = (address: number): string =>
      verify(programOf('dispatch', load(address)), { kernel: '6.18', privilege: 'root', logLevel: 1 }).log;
    expect(against('dispatch', load(base))).toBe("R2 invalid mem access 'scalar'");
    for (const address of [base, base + bytes - 4])
      expect(said(address)).toContain('R2 is the address of a register of the matrix units, which no program may touch');
    for (const address of [base - 4, base + bytes]) expect(said(address)).not.toContain('matrix');
  });

  it('judges by the rules of one kernel, whichever is asked for', () => {
    // A signed division is an instruction of later kernels, and its result is known nowhere.
    const program = programOf('submit', `r0 = 4\nr0 s/= 2\nr0 = 0\nexit`);
    for (const kernel of ['5.15', '6.1', '6.18'] as const)
      for (const privilege of ['root', 'unpriv'] as const) expect(verify(program, { kernel, privilege, logLevel: 0 }).message).toBeNull();
  });
});

describe('a stack of 64 KiB', () => {
  const at = (off: number, lines: string): string => `r2 = r10\nr2 += ${off}\n${lines}`;

  it('ends after 64 KiB, over all frames together', () => {
    expect(judge('submit', at(-65536, `*(u64 *)(r2 + 0) = 1\n${END}`))).toMatchObject({ accepted: true, stackDepth: '65536' });
    expect(against('submit', at(-65544, `*(u64 *)(r2 + 0) = 1\n${END}`))).toBe('invalid write to stack R2 off=-65544 size=8');
    const callee = (depth: number): string => `call pc+2\nr0 = 0\nexit\nr2 = r10\nr2 += ${depth}\n*(u64 *)(r2 + 0) = 1\nr0 = 0\nexit`;
    expect(against('submit', at(-32768, `*(u64 *)(r2 + 0) = 1\n${callee(-32768)}`))).toBeNull();
    expect(against('submit', at(-32768, `*(u64 *)(r2 + 0) = 1\n${callee(-32784)}`))).toBe(
      'combined stack size of 2 calls is 65552. Too large',
    );
  });

  it('keeps pointers and what is known of scalars', () => {
    expect(against('submit', at(-4096, `*(u64 *)(r2 + 0) = r1\nr3 = *(u64 *)(r2 + 0)\nr0 = *(u32 *)(r3 + 0)\n${END}`))).toBeNull();
    expect(
      against('submit', at(-4096, `*(u64 *)(r2 + 0) = r1\n*(u8 *)(r2 + 3) = 0\nr3 = *(u64 *)(r2 + 0)\nr0 = *(u32 *)(r3 + 0)\n${END}`)),
    ).toBe("R3 invalid mem access 'scalar'");
    const bounded = (most: number): string =>
      at(
        -4096,
        `r3 = *(u64 *)(r1 + ${offOf('seq')})\nr3 &= ${most}\n*(u64 *)(r2 + 0) = r3\nr4 = *(u64 *)(r2 + 0)\nr5 = r10\nr5 += -64\nr5 += r4\nr0 = *(u8 *)(r5 + 0)\n${END}`,
      );
    expect(against('submit', bounded(63))).toBeNull();
    expect(against('submit', bounded(127))).toContain('invalid variable-offset read from stack R5');
    expect(against('submit', at(-4096, `*(u32 *)(r2 + 0) = r1\n${END}`))).toBe('invalid size of register spill');
    expect(against('submit', at(-4096, `*(u64 *)(r2 + 0) = r1\nr0 = *(u32 *)(r2 + 0)\n${END}`))).toBe('invalid size of register fill');
  });

  it('forgets what a store at an unknown offset may have hit', () => {
    const lines = (off: number): string =>
      at(
        off,
        `*(u64 *)(r2 + 0) = r1\nr3 = *(u64 *)(r1 + ${offOf('seq')})\nr3 &= 1023\nr4 = r10\nr4 += -4096\nr4 += r3\n*(u8 *)(r4 + 0) = 7\nr5 = *(u64 *)(r2 + 0)\nr0 = *(u32 *)(r5 + 0)\n${END}`,
      );
    expect(against('submit', lines(-3968))).toBe("R5 invalid mem access 'scalar'");
    expect(against('submit', lines(-2048))).toBeNull();
    expect(against('submit', lines(-4104))).toBeNull();
  });

  it('does not take two different pointers for one', () => {
    const lines = `r2 = r10
r2 += -4096
r3 = *(u64 *)(r1 + ${offOf('seq')})
if r3 == 0 goto +2
*(u64 *)(r2 + 0) = r1
goto +1
*(u64 *)(r2 + 0) = r3
r4 = *(u64 *)(r2 + 0)
r0 = *(u32 *)(r4 + 0)
${END}`;
    expect(against('submit', lines)).toBe("R4 invalid mem access 'scalar'");
  });

  it('is walked through quickly', () => {
    // A loop over all of it: states are copied at every round, and none may cost 64 KiB.
    const lines = `r2 = r10\nr2 += -65536\nr3 = 0\n*(u64 *)(r2 + 0) = r3\nr2 += 8\nr3 += 1\nif r3 != 8192 goto -4\n${END}`;
    const result = judge('submit', lines);
    expect([result.accepted, result.processed]).toEqual([true, 3 + 8192 * 4 + 2]);
  });

  it('holds no iterator below its first 512 bytes', () => {
    const lines = (off: number): string =>
      `r1 = r10\nr1 += ${off}\nr2 = 0\nr3 = 4\ncall kfunc bpf_iter_num_new\nr1 = r10\nr1 += ${off}\ncall kfunc bpf_iter_num_destroy\n${END}`;
    expect(against('submit', lines(-512))).toBeNull();
    expect(against('submit', lines(-520))).toBe('expected uninitialized iter_num as arg #0');
  });
});
