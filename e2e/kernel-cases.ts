import { expect, type Locator, type Page } from '@playwright/test';
import type { Program } from '../src/bpf/program.ts';
import { sectionFor } from '../src/bpf/progtypes.ts';
import { runsAlike, textOf, verdict } from './companion.ts';
import { open } from './page.ts';

export interface KernelCase {
  readonly name: string;
  readonly text: string;
  /** It can be run for a test, and gives the same each time. */
  readonly runs: boolean;
}

/** A program as a case for the page; null where no text stands for it. */
export function kernelCase(program: Program, name: string, runs: boolean): KernelCase | null {
  const section = program.section || sectionFor(program.progType, program.expectedAttachType);
  if (section === undefined) return null;
  const maps = program.maps.map((def, i) => ({ ...def, name: def.name || `m${i}` }));
  const text = textOf({ ...program, section, maps }, name);
  return text === null ? null : { name, text, runs };
}

export interface Judged {
  readonly cases: number;
  readonly accepted: number;
  readonly ran: number;
  readonly differences: readonly string[];
}

/** Opens each case in the page and compares what both verifiers say of it, and what both machines make of it. */
export async function judge(page: Page, panel: Locator, cases: readonly KernelCase[]): Promise<Judged> {
  const differences: string[] = [];
  let [accepted, ran] = [0, 0];
  for (const { name, text, runs } of cases) {
    await open(page, { name: `${name}.s`, mimeType: 'text/plain', buffer: Buffer.from(text) });
    await expect(page.getByRole('button', { name: `Project ${name}.s` })).toBeVisible();
    // A file that is opened brings the panel of programs to the front.
    await page.getByRole('tab', { name: 'Kernel', exact: true }).click();
    const said = await verdict(panel);
    expect(said.program).toBe(name);
    if (!said.same) differences.push(`${name}: ${said.difference}`);
    if (!said.accepted) continue;
    accepted++;
    if (!runs) continue;
    ran++;
    if (!(await runsAlike(panel))) differences.push(`${name}: ${await panel.getByTestId('kernel-run').textContent()}`);
  }
  return { cases: cases.length, accepted, ran, differences };
}
