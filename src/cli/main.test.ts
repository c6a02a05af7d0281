import { spawnSync } from 'node:child_process';
import { afterAll, expect, it } from 'vitest';
import { inRepo, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

/** The command as npm starts it: in the repository, with INIT_CWD where the user was. */
function bpformer(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, INIT_CWD: scratch.path('') };
  return spawnSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], { cwd: inRepo(''), env, encoding: 'utf8' });
}

it('resolves relative paths from where the user was, and says 0, 1 or 2', () => {
  scratch.write('good.s', 'r0 = 2\nexit\n');
  scratch.write('bad.s', 'r0 = r3\nexit\n');
  expect(bpformer('asm', 'good.s', '-o', 'good.o')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const verified = bpformer('verify', 'good.o', 'bad.s', '--json');
  expect(verified).toMatchObject({ status: 1, stderr: '' });
  const rows = (JSON.parse(verified.stdout) as { programs: { file: string; accepted: boolean }[] }).programs;
  expect(rows.map(({ file, accepted }) => [file, accepted])).toEqual([
    ['good.o', true],
    ['bad.s', false],
  ]);
  expect(bpformer('verify', 'missing.o')).toEqual(
    expect.objectContaining({ status: 2, stdout: '', stderr: 'bpformer: missing.o: there is no such file\n' }),
  );
});

it('ends quietly when its reader goes', () => {
  const long = scratch.write('long.s', `${'r0 = 1\n'.repeat(20_000)}exit\n`);
  const command = `"${process.execPath}" --import tsx src/cli/main.ts disasm "${long}" | head -n 1`;
  expect(spawnSync('sh', ['-c', command], { cwd: inRepo(''), encoding: 'utf8' })).toMatchObject({ stdout: '.section xdp\n', stderr: '' });
});

it('refuses verbs that it does not have, by name', () => {
  expect(bpformer('frobnicate')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/^bpformer: .*no verb frobnicate.*\n$/),
  });
});
