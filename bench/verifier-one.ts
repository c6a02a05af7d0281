/**
 * Verifies one program several times in a process that does nothing else and prints the times and the memory: a part of `verifier-speed`.
 * Its arguments are a file with the program as `v8.serialize` writes it and the address of the verifier's bundle.
 */
import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import type { Program } from '../src/bpf/program.ts';
import type { verify as Verify } from '../src/verifier/verify.ts';

const RUNS = 5;

const { verify } = (await import(process.argv[3]!)) as { verify: typeof Verify };
const program = deserialize(readFileSync(process.argv[2]!)) as Program;
const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
const times: number[] = [];
let processed = 0;
let firstRssMb = 0;
for (let run = 0; run < RUNS; run++) {
  const before = performance.now();
  ({ processed } = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 }));
  times.push(performance.now() - before);
  if (run === 0) firstRssMb = mb(process.resourceUsage().maxRSS * 1024);
}
const { heapUsed, external } = process.memoryUsage();
console.log(
  JSON.stringify({
    processed,
    firstMs: times[0],
    warmMs: Math.min(...times),
    firstRssMb,
    maxRssMb: mb(process.resourceUsage().maxRSS * 1024),
    heapMb: mb(heapUsed),
    externalMb: mb(external),
  }),
);
