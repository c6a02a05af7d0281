/**
 * The companion in the page on 100 cases of the corpus: `npm run build && BPFORMER_CORPUS=FOLDER npm run long companion [CASES]`. The cases, spread over the file, are
 * opened one by one in Chromium, on the page that `bpformer kernel` serves: verdict, message, counters and every line of the log must be this machine's
 * kernel's, and of accepted programs that can be run for a test and give the same each time, return value and packet.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { openKernelPanel, startCompanion } from '../e2e/companion.ts';
import { judge, type KernelCase, kernelCase } from '../e2e/kernel-cases.ts';
import type { Program } from '../src/bpf/program.ts';
import { caseProgram, parseCases } from '../src/verifier/corpus.ts';
import { caseMachine, hasTestRun } from '../src/vm/retvals.ts';
import { TaintCheck } from '../src/vm/testing/taint.ts';
import { harmsKernel } from './fuzz/harmful.ts';

const DATA = new Uint8Array(64);

/** Whether a test run says the same each time: nothing that it returns comes from chance, the clock or an address. */
function isCertain(test: Parameters<typeof caseMachine>[0], program: Program): boolean {
  if (!hasTestRun(test.prog_type)) return false;
  try {
    return new TaintCheck(caseMachine(test, program, 'interp')).run({ packet: DATA }) === null;
  } catch {
    return false;
  }
}

export default async function measure([count = '100']: string[]): Promise<unknown> {
  const folder = process.env.BPFORMER_CORPUS;
  if (!folder) throw new Error('BPFORMER_CORPUS must name a folder with verifier-raw.jsonl');
  const all = parseCases(readFileSync(join(folder, 'verifier-raw.jsonl'), 'utf8'));
  const cases: KernelCase[] = [];
  let left = 0;
  const stride = Math.max(1, Math.floor(all.length / Number(count)));
  for (let at = 0; at < all.length && cases.length < Number(count); at += stride) {
    // The first case from here on that a text stands for and that does not harm the kernel.
    for (let i = at; i < Math.min(at + stride, all.length); i++) {
      const test = all[i]!;
      const program = caseProgram(test);
      const made = harmsKernel(program) ? null : kernelCase(program, `case_${i}`, test.verdict618 === 'accept' && isCertain(test, program));
      if (made) {
        cases.push(made);
        break;
      }
      left++;
    }
  }
  const companion = await startCompanion();
  const executablePath = await findBrowser();
  const browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: LAUNCH_ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(companion.first);
    await page.waitForURL(/:\d+\/$/);
    const panel = await openKernelPanel(page);
    const judged = await judge(page, panel, cases);
    return { ...judged, left };
  } finally {
    await browser.close();
    await companion.end();
  }
}
