import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import { assemble } from '../src/bpf/asm.ts';
import { encodeInsns } from '../src/bpf/insn.ts';
import { disassemble } from '../src/bpf/listing.ts';
import type { Program } from '../src/bpf/program.ts';

const root = join(import.meta.dirname, '..');

/** A companion that a test has started, as a user would. */
export interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly helper: number;
  /** A new address that works once. */
  address(): Promise<string>;
  /** Types a line into its terminal. */
  type(line: string): void;
  /** Waits until its terminal shows a text. */
  says(text: string): Promise<void>;
  end(): Promise<void>;
}

interface Told {
  readonly address: string;
  readonly port: number;
  readonly helper: number | null;
}

/** Starts `bpformer kernel` on a free port; its first address is `first`. */
export async function startCompanion(...args: readonly string[]): Promise<Started & { readonly first: string }> {
  const site = process.env.BPFORMER_DIST ?? join(root, 'dist');
  const verb = ['src/cli/main.ts', 'kernel', '--port', '0', '--no-open', '--json', '--site', site, ...args];
  const child = spawn(process.execPath, ['--import', 'tsx', ...verb], { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
  // A test that fails does not come to its end.
  process.once('exit', () => child.kill());
  const lines: string[] = [];
  let said = '';
  let heard = (): void => {};
  let rest = '';
  child.stdout.on('data', (part: Buffer) => {
    const parts = `${rest}${part}`.split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    heard();
  });
  child.stderr.on('data', (part: Buffer) => {
    said += String(part);
    heard();
  });
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) {
      if (child.exitCode !== null) throw new Error(`the companion has ended: ${said}`);
      await new Promise<void>((resolve) => {
        heard = resolve;
        child.once('exit', () => resolve());
      });
    }
  };
  const next = async (): Promise<Told> => {
    await until(() => lines.length > 0);
    return JSON.parse(lines.shift()!) as Told;
  };
  const { address: first, port, helper } = await next();
  return {
    child,
    port,
    first,
    helper: helper!,
    address: async () => {
      child.stdin.write('link\n');
      return (await next()).address;
    },
    type: (line) => void child.stdin.write(`${line}\n`),
    says: (text) => until(() => said.includes(text)),
    end: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await ended;
      }
    },
  };
}

/** Opens the Kernel panel and waits for its line to the companion. */
export async function openKernelPanel(page: Page): Promise<Locator> {
  await page.getByRole('radio', { name: 'Debug' }).click();
  await page.getByRole('tab', { name: 'Kernel', exact: true }).click();
  const panel = page.locator('[data-panel=kernel]');
  await expect(panel.getByTestId('kernel')).toHaveAttribute('data-status', 'connected');
  return panel;
}

/** What the panel says of the open program. */
export interface Said {
  /** The program's name. */
  readonly program: string;
  readonly accepted: boolean;
  /** Verdict, message and processed count are ours too, and every line of the log. */
  readonly same: boolean;
  readonly difference: string;
}

/** Asks the kernel for its verdict on the open program. */
export async function verdict(panel: Locator): Promise<Said> {
  await panel.getByRole('button', { name: 'Verdict', exact: true }).click();
  const figures = panel.getByTestId('kernel-figures');
  const before = (await figures.count()) > 0 ? Number(await figures.getAttribute('data-number')) : 0;
  await panel.getByRole('button', { name: 'Ask the kernel', exact: true }).click();
  await expect(figures).toHaveAttribute('data-number', String(before + 1));
  const data = await figures.evaluate((element) => ({ ...(element as HTMLElement).dataset }));
  const same = data.same === 'true' && data.differing === '0';
  const difference = same ? '' : `${await figures.textContent()} ${await panel.getByTestId('kernel-difference').textContent()}`;
  return { program: data.program ?? '', accepted: data.accepted === 'true', same, difference };
}

/** Runs the event at the cursor, or a packet of zeros, on both sides. */
export async function runsAlike(panel: Locator): Promise<boolean> {
  await panel.getByRole('button', { name: 'Run', exact: true }).click();
  const table = panel.getByTestId('kernel-run');
  const before = (await table.count()) > 0 ? Number(await table.getAttribute('data-number')) : 0;
  await panel.getByRole('button', { name: 'Run it in the kernel' }).click();
  await expect(table).toHaveAttribute('data-number', String(before + 1));
  return (await table.getAttribute('data-same')) === 'true';
}

/** The program as text that assembles to it; null where there is no such text. */
export function textOf(program: Program, name: string): string | null {
  const text = disassemble({ ...program, name, section: program.section });
  const again = assemble(text).program;
  const same = again && Buffer.from(encodeInsns(again.insns)).equals(Buffer.from(encodeInsns(program.insns)));
  return same && again.progType === program.progType && again.maps.length === program.maps.length ? text : null;
}
