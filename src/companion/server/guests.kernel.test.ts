import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { sampleInProduction } from '../../hooks/testing/production-runs.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { structuredProgram } from '../../verifier/testing/generator/program.ts';
import { randomProgram } from '../../verifier/testing/random-programs.ts';
import { verify } from '../../verifier/verify.ts';
import { Blobs, type LoadReply, type LoadRequest, programMessage } from '../protocol.ts';
import type { Answer } from './ask-kernel.ts';
import { Stopped } from './desk.ts';
import { Guests } from './guests.ts';

// Each guest takes a processor for a minute or two, so that it boots for those who ask for it.
const folder = process.env.BPFORMER_GUESTS;
const found = folder ? new Guests(folder).versions : [];
const isThere = (command: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
};
const missing = ['qemu-system-x86_64', 'busybox', 'cpio', 'dpkg-deb', 'setpriv', 'cc'].filter((command) => !isThere(command));
const absence = !folder
  ? 'BPFORMER_GUESTS names no folder with Debian’s linux-image-….deb'
  : found.length === 0
    ? `no linux-image-….deb in ${folder}`
    : missing.length > 0
      ? `not installed: ${missing.join(', ')}`
      : '';
if (absence !== '') console.warn(`tests of guests skipped: ${absence}`);

const text = (source: string): Program => assemble(source).program!;
const GOOD = text('.section xdp\n.name good\n.license GPL\nr0 = 2\nexit');
const BAD = text('.section xdp\n.name bad\n.license GPL\nr0 = *(u64 *)(r10 -8)\nr0 = r3\nexit');
/** Its verification goes on for long, and emulated for longer. */
const SLOW = text('.section xdp\n.name slow\n.license GPL\nr6 = 0\nr7 = 0\ntop: r7 += 3\nr6 += 1\nif r6 < 240000 goto top\nr0 = 0\nexit');
const BOOT_MS = 600_000;
/** What our rules are known to say otherwise than that version. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  '6.12': ['structured 17: it says accepted after 165; ours is accepted after 174'],
};

function ask(guests: Guests, version: string, program: Program, signal = new AbortController().signal): Promise<Answer<LoadReply>> {
  const blobs = new Blobs();
  const request: LoadRequest = { lease: 'a', program: programMessage(program, blobs), logLevel: 1, keep: false, guest: version };
  return guests.load(version, request, { head: {}, blobs: blobs.list }, signal);
}

describe.skipIf(absence !== '').each(found)('the guest with Linux %s', (version) => {
  const guests = new Guests(folder!);
  afterAll(() => guests.close());

  /** What differs between the guest's answer and ours by the rules of its version; '' where nothing does. Our logs are written as the newest kernel writes them, so that they are not compared. */
  async function difference(name: string, program: Program): Promise<string> {
    const { head, blobs } = await ask(guests, version, program);
    const ours = verify(program, { kernel: version as KernelVersion, privilege: 'root', logLevel: 0 });
    expect(head.release.startsWith(`${version}.`)).toBe(true);
    expect(new TextDecoder().decode(blobs[0])).toContain(`processed ${head.processed} insns`);
    // Of a large program the two may go through some instructions more or less (docs/verifier.md).
    const isLarge = program.insns.length > 1000;
    const [theirs, mine] = [head, ours].map(({ accepted, message, processed }) =>
      accepted ? `accepted after ${isLarge ? 'many' : processed}` : `${message}`,
    );
    return theirs === mine ? '' : `${name}: it says ${theirs}; ours is ${mine}`;
  }

  it(
    'says what our rules of its version say',
    async () => {
      const programs: [string, Program][] = [
        ['good', GOOD],
        ['bad', BAD],
        ['sample', sampleInProduction(undefined, undefined, version as KernelVersion).program],
      ];
      for (let seed = 1; seed <= 20; seed++) programs.push([`random ${seed}`, randomProgram(seed)]);
      for (let seed = 1; seed <= 20; seed++) programs.push([`structured ${seed}`, structuredProgram(seed, { engine: true })]);
      const mayBeAsked = programs.filter(([, { kfuncCalls, attachTo }]) => kfuncCalls.size === 0 && attachTo === undefined);
      expect(mayBeAsked.length).toBeGreaterThan(20);
      const differences: string[] = [];
      for (const [name, program] of mayBeAsked) differences.push(await difference(name, program));
      expect(differences.filter((line) => line !== '')).toEqual(KNOWN[version] ?? []);
    },
    BOOT_MS,
  );

  it(
    'is ended when nobody waits for its answer, and boots again for the next question',
    async () => {
      const stop = new AbortController();
      const asked = ask(guests, version, SLOW, stop.signal);
      setTimeout(() => stop.abort(), 100);
      await expect(asked).rejects.toBeInstanceOf(Stopped);
      expect(await difference('good', GOOD)).toBe('');
    },
    BOOT_MS,
  );
});

describe('packages of guests', () => {
  const made = mkdtempSync(join(tmpdir(), 'bpformer-guests-'));
  afterAll(() => rmSync(made, { recursive: true }));

  it('are known by their names, older kernels first', () => {
    for (const name of ['linux-image-6.12.1-x.deb', 'linux-image-6.1.0-x.deb', 'linux-image-amd64.deb', 'notes.txt'])
      writeFileSync(join(made, name), 'no package');
    expect(new Guests(made).versions).toEqual(['6.1', '6.12']);
    expect(new Guests(null).versions).toEqual([]);
  });

  it('that are none are named, and nothing is left behind', async () => {
    const temporary = join(made, 'temporary');
    mkdirSync(temporary);
    const before = process.env.TMPDIR;
    process.env.TMPDIR = temporary;
    mkdirSync(join(made, 'linux-image-5.15.0-folder.deb'));
    const guests = new Guests(made);
    for (const version of ['5.15', '6.1'])
      await expect(ask(guests, version, GOOD)).rejects.toMatchObject({ where: expect.stringMatching(`linux-image-${version}`) });
    await expect(ask(guests, '6.6', GOOD)).rejects.toMatchObject({ what: 'there is no guest with this kernel' });
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    expect(readdirSync(temporary)).toEqual([]);
  });
});
