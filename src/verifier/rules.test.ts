import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import type { KernelVersion, Privilege } from './api.ts';
import { isChecked } from './rules.ts';
import { verify } from './verify.ts';

/** Each expectation is what the kernel named says (6.1.192, 6.12.117, 6.18.44; `npm run long kernels`), not what we would like. */
function text(lines: string, progType = 6, expectedAttachType = 0): Program {
  const { program, diagnostics } = assemble(`${lines}\nexit\n`);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return { ...program, progType, expectedAttachType, license: 'GPL' };
}
const SOCKET_FILTER = 1;
const KPROBE = 2;
const CGROUP_SOCK = 9;
const says = (program: Program, kernel: KernelVersion, privilege: Privilege = 'root'): string =>
  verify(program, { kernel, privilege, logLevel: 0 }).message ?? 'accepted';

describe('kernels', () => {
  it('have the instructions of their time', () => {
    const bswap = text('r0 = 2\nr0 = bswap16 r0');
    expect(says(bswap, '6.18')).toBe('accepted');
    expect(says(bswap, '6.12')).toBe('accepted');
    expect(says(bswap, '6.1')).toBe('unknown opcode d7');
    const mayGoto = text('may_goto +0\nr0 = 0');
    expect(says(mayGoto, '6.18')).toBe('accepted');
    expect(says(mayGoto, '6.12')).toBe('invalid may_goto off 0 imm 0');
    expect(says(mayGoto, '6.6')).toBe('unknown opcode e5');
  });

  it('have the helpers of their time', () => {
    const pid = text('call 14\nr0 = 0');
    expect(says(pid, '6.12')).toBe('accepted');
    expect(says(pid, '6.1')).toBe('unknown func bpf_get_current_pid_tgid#14');
    const storage = text('r1 = 0\nr2 = 0\ncall 211\nr0 = 0', KPROBE);
    expect(says(storage, '6.1')).toBe('invalid func bpf_cgrp_storage_delete#211');
  });

  it('know less of numbers the older they are', () => {
    // A comparison of two unknown registers bounds both since 6.8.
    const pair = text(
      'r6 = r1\ncall 7\nr7 = r0\nr7 &= 7\ncall 7\nif r0 > r7 goto +4\nr1 = r10\nr1 += -8\nr1 += r0\n*(u8 *)(r1 + 0) = r7\nr0 = 0',
    );
    expect(says(pair, '6.18')).toBe('accepted');
    expect(says(pair, '6.12')).toBe('accepted');
    expect(says(pair, '6.1')).toMatch(/unbounded|min value|outside/);
  });

  it('word return ranges in their own way', () => {
    const five = text('r0 = 5', CGROUP_SOCK);
    expect(says(five, '6.18')).toBe('At program exit the register R0 has smin=5 smax=5 should have been in [0, 1]');
    expect(says(five, '6.1')).toBe('At program exit the register R0 has value (0x5; 0x0) should have been in (0x0; 0x1)');
  });

  it('are named where nobody could ask them', () => {
    expect((['5.15', '6.1', '6.6', '6.12', '6.18'] as const).filter((kernel) => !isChecked(kernel))).toEqual(['5.15', '6.6']);
  });
});

describe('privileges', () => {
  it('decide which kinds of programs may be loaded', () => {
    const xdp = text('r0 = 2');
    expect(says(xdp, '6.18', 'bpf')).toBe('accepted');
    expect(says(xdp, '6.18', 'unpriv')).toBe('xdp programs need CAP_BPF');
    expect(says(text('r0 = 0', KPROBE), '6.18', 'bpf')).toBe('kprobe programs need CAP_PERFMON');
    expect(says(text('r0 = 0', SOCKET_FILTER), '6.18', 'unpriv')).toBe('accepted');
  });

  it('keep addresses secret', () => {
    const leak = text('r0 = r10', SOCKET_FILTER);
    expect(says(leak, '6.18')).toBe('accepted');
    expect(says(leak, '6.18', 'bpf')).toBe('R0 leaks addr as return value');
  });

  it('keep what was never written on the stack secret', () => {
    const read = text('r0 = *(u64 *)(r10 - 8)', SOCKET_FILTER);
    expect(says(read, '6.18')).toBe('accepted');
    expect(says(read, '6.18', 'unpriv')).toBe('invalid read from stack R10 off=-8 size=8');
  });

  it('guard against wrong guesses of the processor', () => {
    const variable = text('*(u64 *)(r10 - 8) = 0\ncall 7\nr0 &= 7\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)', SOCKET_FILTER);
    expect(says(variable, '6.18')).toBe('accepted');
    expect(says(variable, '6.18', 'bpf')).toMatch(/^R1 variable stack access prohibited for !root, var_off=\(0x0; 0x7\) off=-8$/);
  });

  it('allow loops and long programs only with CAP_BPF', () => {
    const loop = text('r1 = 0\nr1 += 1\nif r1 < 10 goto -2\nr0 = 0', SOCKET_FILTER);
    expect(says(loop, '6.18')).toBe('accepted');
    // A processor may guess that the loop goes on for ever.
    expect(says(loop, '6.18', 'bpf')).toMatch(/^old state: R1=/);
    expect(says(loop, '6.18', 'unpriv')).toBe('back-edge from insn 2 to 1');
    const long = text('r0 = 0\n'.repeat(4096), SOCKET_FILTER);
    expect(says(long, '6.18', 'bpf')).toBe('accepted');
    expect(verify(long, { kernel: '6.18', privilege: 'unpriv', logLevel: 0 })).toMatchObject({ accepted: false, errno: 7 });
  });
});
