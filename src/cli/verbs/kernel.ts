import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../base/errors.ts';
import { Terminal } from '../../companion/server/consent.ts';
import { Guests } from '../../companion/server/guests.ts';
import { Companion } from '../../companion/server/server.ts';
import { parse } from '../args.ts';
import { printJson, tell, userPath } from '../io.ts';
import type { Verb } from '../main.ts';

/** Fixed, so that the browser keeps projects of one visit for the next, and tunnels lead to the same port on both ends. */
const PORT = 4174;
const BUILT = fileURLToPath(new URL('../../../dist', import.meta.url));

/** `kernel`: the IDE with this machine's kernel behind it, until it is interrupted. */
export const kernelVerb: Verb = async (argv) => {
  const args = parse(argv, {
    port: 'string',
    'no-open': 'boolean',
    'allow-write': 'boolean',
    site: 'string',
    guests: 'string',
    json: 'boolean',
  });
  if (args.positionals.length > 0) throw new InputError('takes no files', 'arguments');
  const port = args.count('port', PORT, 0);
  if (port > 65_535) throw new InputError('--port takes a number up to 65535', 'arguments');
  const site = args.string('site') === undefined ? (process.env.BPFORMER_DIST ?? BUILT) : userPath(args.string('site')!);
  if (!existsSync(join(site, 'index.html')))
    throw new InputError('it holds no built site', site, 'Run npm run build first, or give one with --site');
  const guests = args.string('guests');
  if (guests !== undefined && !existsSync(userPath(guests))) throw new InputError('there is no such folder', guests);

  const commands = { link: () => say(companion.address()), quit: () => end() };
  const terminal = new Terminal(process.stdin, process.stderr, commands);
  const companion = await Companion.start({
    site,
    port,
    allowWrite: args.flag('allow-write'),
    terminal,
    guests: new Guests(guests === undefined ? null : userPath(guests)),
  });
  const say = (address: string): void => {
    if (args.flag('json')) printJson({ address, port: companion.port, helper: companion.helperPid ?? null });
    else process.stdout.write(`${address}\n`);
  };
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end());

  const { backend, limits, release, capabilities, confined } = companion.hello();
  tell(
    `Linux ${release}: ${backend === 'none' ? `the kernel cannot be asked: ${limits}` : `asked through a helper with ${capabilities.join(', ') || 'no capabilities'}${confined ? ', as nobody' : ''}`}.`,
  );
  tell(args.flag('allow-write') ? 'Writes are allowed (--allow-write).' : 'The page writes nothing unless you type yes here.');
  tell('Open this address; it works once. Type link for another, quit to end.');
  const address = companion.address();
  say(address);
  const opened = args.flag('no-open') || !process.stdout.isTTY || process.env.SUDO_USER !== undefined ? null : openBrowser(address);
  await ended;
  terminal.close();
  await companion.close();
  if (opened) rmSync(opened, { recursive: true, force: true });
  process.exit(0);
};

/** Opens the address by way of a file that only this user reads: arguments of a process are seen by everyone. Gives its folder. */
function openBrowser(address: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-open-'));
  const file = join(folder, 'open.html');
  writeFileSync(file, `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${address}">`, { mode: 0o600 });
  const child = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [file], { stdio: 'ignore', detached: true });
  child.on('error', () => tell('No browser could be opened: open the address yourself.'));
  child.unref();
  return folder;
}
