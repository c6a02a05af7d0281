import { assemble } from '../../src/bpf/asm.ts';
import type { Insn, LineInfo, Program, Subprog } from '../../src/bpf/program.ts';

/** The kernel allows 256 functions in a program. */
const FUNCTIONS = 250;
const MAIN = 2 * (FUNCTIONS - 1) + 2;
/** A source line every so many instructions, as compilers write them. */
const LINE_EVERY = 8;

/** Body of a function, repeated until it is long enough: arithmetic, memory, branches both ways, a helper and a map. */
const BODY = `
  r3 = map[table]
  r2 = r10
  r2 += -8
  *(u64 *)(r10 -8) = r1
  r6 = r1
  if r6 == 0 goto skip
  r6 *= 3
  r6 s>>= 2
  goto join
skip:
  r6 = 7
join:
  r1 = r3
  call bpf_map_lookup_elem#1
  if r0 == 0 goto next
  r7 = *(u32 *)(r0 +4)
  w6 += w7
  *(u32 *)(r0 +4) = r6
next:
  r8 = 4
loop:
  r6 ^= r8
  r8 += -1
  if r8 != 0 goto loop
  r1 = r6
`;

/** A valid program of exactly `count` instructions in ${FUNCTIONS} functions, main calling all others in turn. */
export function syntheticProgram(count: number): Program {
  const text = `.section xdp\n.license GPL\n.map table hash 8 8 1024\n.func main global\n${BODY}\n  exit\n`;
  const { program } = assemble(text);
  const body = program!.insns.slice(0, -1);
  const exit = program!.insns.at(-1)!;
  const nop: Insn = { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 };
  const insns: Insn[] = [];
  const subprogs: Subprog[] = [{ name: 'main', start: 0, linkage: 'global' }];
  const others = FUNCTIONS - 1;
  const size = Math.floor((count - MAIN) / others);
  for (let at = 0; at < others; at++) {
    const start = MAIN + at * size;
    insns.push({ opcode: 0xb7, dst: 1, src: 0, off: 0, imm: at + 1 });
    insns.push({ opcode: 0x85, dst: 0, src: 1, off: 0, imm: start - insns.length - 1 });
    subprogs.push({ name: `stage_${at}`, start, linkage: 'static' });
  }
  insns.push({ opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 2 }, exit);
  for (let at = 0; at < others; at++) {
    const end = at === others - 1 ? count : insns.length + size;
    while (end - insns.length > body.length + 1) for (const insn of body) insns.push(insn);
    while (end - insns.length > 2) insns.push(nop);
    insns.push(nop, exit);
  }
  const lineInfo: LineInfo[] = [];
  for (let insnIdx = 0, line = 1; insnIdx < count; insnIdx += LINE_EVERY, line++) {
    // Never at the second half of a wide load.
    const at = insns[insnIdx]!.opcode === 0 ? insnIdx + 1 : insnIdx;
    lineInfo.push({ insnIdx: at, file: 'synthetic.onnx', line, column: 1, text: `/layer.${line >> 6}/op.${line & 63}` });
  }
  for (const subprog of subprogs) {
    if (!lineInfo.some((line) => line.insnIdx === subprog.start)) {
      lineInfo.push({ insnIdx: subprog.start, file: 'synthetic.onnx', line: 1, column: 1, text: subprog.name });
    }
  }
  lineInfo.sort((a, b) => a.insnIdx - b.insnIdx);
  return { ...program!, insns, subprogs, lineInfo, insnOrigins: insns.map(() => []) };
}
