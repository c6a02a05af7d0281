import fc from 'fast-check';
import { encodingProblem, withoutReservedFields } from '../opcodes.ts';
import type { Insn } from '../program.ts';

const ATOMIC_IMMS = [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110];

/** Every one-slot instruction of v1–v4 with canonical (unused fields zero) encodings; jumps and calls point anywhere. */
export const arbitraryInsn: fc.Arbitrary<Insn> = fc
  .record({
    opcode: fc.integer({ min: 0, max: 255 }),
    dst: fc.integer({ min: 0, max: 10 }),
    src: fc.integer({ min: 0, max: 10 }),
    off: fc.oneof(fc.constantFrom(0, 1, 8, 16, 32, -1, -32768, 32767), fc.integer({ min: -32768, max: 32767 })),
    imm: fc.oneof(
      fc.constantFrom(...ATOMIC_IMMS, 16, 32, 64, -1, 0x7fffffff, -0x80000000),
      fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    ),
  })
  .filter((insn) => insn.opcode !== 0x18)
  .map((insn) => withoutReservedFields(insn) ?? withoutReservedFields({ ...insn, off: 0 }))
  .filter((insn): insn is Insn => insn !== null && encodingProblem(insn) === null);
