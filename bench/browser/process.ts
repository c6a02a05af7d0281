/** Part of the long runs that look at the page: the process that runs page and workers. */
import { readFileSync } from 'node:fs';
import type { Browser } from '@playwright/test';

/** Memory in MB, and processor time since it began. */
export interface Process {
  resident(): number;
  cpuSeconds(): number;
}

/** The largest process of pages of a browser. */
export async function renderer(browser: Browser): Promise<Process> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as { processInfo: { type: string; id: number }[] };
  const resident = (pid: number): number => {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
    } catch {
      return 0;
    }
  };
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return {
    resident: () => Math.round(Math.max(...pids.map(resident))),
    cpuSeconds: () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
  };
}

/** Ticks of user and system time (proc(5), /proc/pid/stat), a hundred a second. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}
