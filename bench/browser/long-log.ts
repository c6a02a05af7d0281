/** Part of the long runs about logs: a log of a million lines, our own verifier's at level 2. */
import { assemble } from '../../src/bpf/asm.ts';
import { readLog } from '../../src/verifier/logfile/reader.ts';
import { verify } from '../../src/verifier/verify.ts';

export const TURNS = 10_000;

/** A loop with packet reads, a map value at a variable offset and a function; at its end a byte is read without a check, so that the log has a reason. */
const PROGRAM = `.section xdp
.map hits array 4 64 1
r6 = *(u32 *)(r1 +0)
r7 = *(u32 *)(r1 +4)
r2 = r6
r2 += 64
if r2 > r7 goto out
*(u32 *)(r10 -4) = 0
r2 = r10
r2 += -4
r1 = map[hits]
call bpf_map_lookup_elem
if r0 == 0 goto out
r9 = r0
r8 = 0
turn:
r1 = *(u8 *)(r6 +14)
r1 &= 15
r3 = *(u16 *)(r6 +36)
r4 = r9
r4 += r1
*(u8 *)(r4 +0) = r3
r1 = r3
r2 = r8
call mix
r8 += 1
if r8 < ${TURNS} goto turn
r0 = *(u8 *)(r7 +0)
exit
out:
r0 = 2
exit
.func mix static
r0 = r1
r0 <<= 3
r0 ^= r2
r0 &= 255
exit
`;

export function makeLog(): { bytes: Uint8Array; makeMs: number; lines: number; readMs: number } {
  const { program, diagnostics } = assemble(PROGRAM);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  const before = performance.now();
  const bytes = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 2 }).logBytes();
  const makeMs = performance.now() - before;
  const started = performance.now();
  const { columns } = readLog(bytes);
  return { bytes, makeMs, lines: columns.lines, readMs: performance.now() - started };
}
