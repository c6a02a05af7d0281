import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../bpf/program.ts';
import type { Kernel, KernelMap } from '../../companion/kernel.ts';
import { writeObject } from '../../object/writer.ts';

export interface Attached {
  /** A map of the attached program. */
  readonly open: (name: string) => Promise<KernelMap>;
  /** Detaches it; resolves when it is gone. */
  readonly end: () => Promise<void>;
}

/** Attaches a tracepoint program as libbpf does; its loader is built in `folder`. */
export async function attach(program: Program, folder: string, kernel: Kernel): Promise<Attached> {
  if (!existsSync('/sys/kernel/tracing/events')) execFileSync('mount', ['-t', 'tracefs', 'nodev', '/sys/kernel/tracing']);
  const [object, loader] = [join(folder, 'attached.o'), join(folder, 'attach')];
  writeFileSync(object, writeObject([program]));
  execFileSync('cc', ['-o', loader, fileURLToPath(new URL('attach.c', import.meta.url)), '-lbpf']);
  const process: ChildProcess = spawn(loader, [object], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    process.stdout!.on('data', (chunk) => {
      said += String(chunk);
      if (said.endsWith('attached\n')) resolve();
    });
    process.once('exit', (status) => reject(new Error(`not attached: status ${status}`)));
  });
  const ended = new Promise<void>((resolve) => process.once('close', () => resolve()));
  return {
    open: (name) => kernel.openMap(Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(said)![1])),
    end: () => {
      process.stdin!.end();
      return ended;
    },
  };
}
