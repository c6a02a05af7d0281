/**
 * Memory of `bpformer replay`: `npm run long replay-memory`. A small capture, a million packets and a file of more than a gigabyte go through the
 * sample's program in a process of their own each. The most memory that each held is what the kernel counted (getrusage(2), ru_maxrss).
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCapture } from '../src/traces/capture/write.ts';
import { PacketMaker } from './packets.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const MODEL = join(root, 'public/samples/payload/payload-ids.onnx');
/** No generated flow has the port but by chance: the reading is measured, not the model. */
const BINDING = {
  hook: 'xdp',
  input: { kind: 'payload', tensor: 'tokens', layer: 'l4_payload', length: 48, pad: 256, ports: [4444], otherwise: 'PASS' },
  output: { kind: 'threshold', tensor: 'logits', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
};
const MADE = 10_000;
const GIGABYTE = 2 ** 30;

/** Writes generated packets again and again, later each time, `more` bytes longer; returns how long the file is. */
function write(path: string, packets: number, more: number): number {
  const made = new PacketMaker(7).make(Math.min(MADE, packets));
  const frames = made.map(({ data }) => {
    const longer = new Uint8Array(data.length + more);
    longer.set(data);
    return longer;
  });
  const file = openSync(path, 'w');
  let bytes = 0;
  for (let round = 0; round * made.length < packets; round++) {
    const part = writeCapture(
      frames.map((data, at) => ({ data, timeNs: BigInt(round) * 100_000_000_000n + BigInt(made[at]!.fraction ?? 0) * 1000n })),
    );
    bytes += writeSync(file, part, round === 0 ? 0 : 24);
  }
  closeSync(file);
  return bytes;
}

/** Reports its own peak on stderr when it ends, whatever it did. */
const REPORT = `process.on('exit', () => console.error('PEAK ' + process.resourceUsage().maxRSS));`;

async function replay(capture: string, binding: string, ...options: string[]): Promise<object> {
  const args = ['--import', 'tsx', '--import', `data:text/javascript,${encodeURIComponent(REPORT)}`, join(root, 'src/cli/main.ts')];
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [...args, 'replay', MODEL, capture, '--binding', binding, '--dim', 'batch=1', ...options, '--json'],
    { cwd: root },
  );
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (text: Buffer) => out.push(String(text)));
  child.stderr.on('data', (text: Buffer) => err.push(String(text)));
  const status = await new Promise((resolve) => child.on('close', resolve));
  const peak = /PEAK (\d+)/.exec(err.join(''))?.[1];
  if (status !== 0 || !peak) throw new Error(`replay ended with ${status}: ${err.join('')}`);
  const { events, verdicts } = JSON.parse(out.join('')) as { events: number; verdicts: object };
  return { events, verdicts, seconds: Math.round((performance.now() - started) / 100) / 10, peakMB: Math.round(Number(peak) / 1000) };
}

export default async function replayMemory(): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'replay-memory-'));
  try {
    const binding = join(folder, 'binding.json');
    writeFileSync(binding, JSON.stringify(BINDING));
    const figures: Record<string, object> = {};
    for (const [name, packets, more] of [
      ['small', 2000, 0],
      ['million', 1_000_000, 0],
      ['gigabyte', Math.ceil(GIGABYTE / 8192 / MADE) * MADE, 8192],
    ] as const) {
      const path = join(folder, `${name}.pcap`);
      const bytes = write(path, packets, more);
      figures[name] = { bytes, ...(await replay(path, binding)) };
      if (name === 'million') figures.againstItself = { bytes, ...(await replay(path, binding, '--against', MODEL)) };
      rmSync(path);
      console.error(JSON.stringify(figures));
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
