import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { writeObject } from '../../object/writer.ts';
import { verify } from '../../verifier/verify.ts';
import type { LoadRequest } from '../protocol.ts';
import { kernelForTests } from '../vitest-kernel.ts';
import { confined, hasBpftool, loadByBpftool } from './bpftool.ts';
import { maskOf } from './privileges.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const there = kernel !== null && (await hasBpftool());

describe.skipIf(!there)('bpftool alone', () => {
  const ask = (text: string) => {
    const { program } = assemble(text);
    const request = { lease: 'a', program: { object: 0 }, logLevel: 1, keep: false } as unknown as LoadRequest;
    const loading = loadByBpftool(request, { head: {}, blobs: [writeObject(program!)] }, new AbortController().signal);
    return { program: program!, loading };
  };
  const pins = (): string[] => readdirSync('/sys/fs/bpf').filter((name) => name.startsWith('bpformer_companion'));

  it('says what the kernel says of a program that it accepts, and leaves no pin', async () => {
    const { loading } = ask('.section xdp\n.license GPL\n.name pass\nr0 = 2\nexit');
    const { head } = await loading;
    expect(head).toMatchObject({ accepted: true, message: null, handle: null });
    expect(head.jitedBytes).toBeGreaterThan(0);
    expect(pins()).toEqual([]);
  });

  it('and of one that it refuses, with its log', async () => {
    const { program, loading } = ask('.section xdp\n.license GPL\n.name bad\nr0 = *(u64 *)(r10 -8)\nr0 = r3\nexit');
    const { head, blobs } = await loading;
    const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 7 });
    expect(head).toMatchObject({ accepted: false, message: ours.message, insn: ours.insnIdx, processed: ours.processed });
    expect(new TextDecoder().decode(blobs[0])).toContain(ours.message!);
    expect(pins()).toEqual([]);
  });

  it('has no more of root’s capabilities than loading needs', () => {
    if (process.getuid?.() !== 0) return;
    const [program, args] = confined('cat', '/proc/self/status');
    const status = execFileSync(program, args, { encoding: 'utf8' });
    const few = maskOf('CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYSLOG');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
      expect(BigInt(`0x${new RegExp(`${set}:\\s*(\\w+)`).exec(status)![1]}`) & ~few).toBe(0n);
    expect(status).toMatch(/NoNewPrivs:\s*1/);
  });

  it('pins no map for good', async () => {
    const { program } = assemble('.section xdp\n.license GPL\n.map kept array 4 4 1\nr0 = 2\nr1 = map[kept]\nexit');
    const pinned = { ...program!, maps: program!.maps.map((def) => ({ ...def, pinByName: true })) };
    const request = { program: { object: 0 } } as unknown as LoadRequest;
    await expect(loadByBpftool(request, { head: {}, blobs: [writeObject(pinned)] }, new AbortController().signal)).rejects.toThrow(
      'pinned for good',
    );
  });
});
