/** Where the engine keeps registers while JavaScript runs: below the first address of any region. */
export const REGISTERS_ADDRESS = 1024;
/** The eleventh register: a called address, or what ld_ind adds. */
export const CALLED_ADDRESS = REGISTERS_ADDRESS + 11 * 8;
/** What is left of the instruction budget, 64 bits. */
export const LEFT_ADDRESS = 1152;
/** The processor that runs the program, 32 bits. */
export const CPU_ADDRESS = 1160;
/** Of a program with counters: the context that a function is called in, and the record of the one that leaves for JavaScript; 32 bits. */
export const CONTEXT_ADDRESS = 1164;
export const RECORD_ADDRESS = 1168;

/** Bytes that a site remembers an element with: its first address and the room for a group's first byte, 64 bits each. */
export const SITE_SIZE = 16;

/** Parameters of every function are r1…r5 and the lowest address of its frame; the other locals follow. */
export const LOCAL = {
  frame: 5,
  r0: 6,
  r6: 7,
  r7: 8,
  r8: 9,
  r9: 10,
  scratch: 11,
  old: 12,
  left: 13,
  mayGoto: 14,
  index: 15,
  label: 16,
  /** Address of the function's counters. */
  record: 17,
  /** First of the address locals (accesses.ts). */
  addresses: 18,
} as const;
export const I64_LOCALS = 9;
/** Without the address locals. */
export const I32_LOCALS = 3;

/** Function indices of what JavaScript provides. */
export const IMPORTS = { helper: 0, callRegister: 1, miss: 2, fault: 3, budget: 4, tailCall: 5, loadPacket: 6, key: 7 } as const;
export const IMPORT_COUNT = 8;

/** Opcodes of the WebAssembly core specification, section 5.4. */
export const wasm = {
  /** Prefix of bulk memory instructions, and memory.fill. */
  bulk: 0xfc,
  memoryFill: 0x0b,
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  i64Load: 0x29,
  i64Load8S: 0x30,
  i64Load8U: 0x31,
  i64Load16S: 0x32,
  i64Load16U: 0x33,
  i64Load32S: 0x34,
  i64Load32U: 0x35,
  i32Store: 0x36,
  i64Store: 0x37,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32Ne: 0x47,
  i32LtS: 0x48,
  i32LtU: 0x49,
  i32GtS: 0x4a,
  i32GtU: 0x4b,
  i32LeS: 0x4c,
  i32LeU: 0x4d,
  i32GeS: 0x4e,
  i32GeU: 0x4f,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64Ne: 0x52,
  i64LtS: 0x53,
  i64LtU: 0x54,
  i64GtS: 0x55,
  i64GtU: 0x56,
  i64LeS: 0x57,
  i64LeU: 0x58,
  i64GeS: 0x59,
  i64GeU: 0x5a,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32DivS: 0x6d,
  i32DivU: 0x6e,
  i32RemS: 0x6f,
  i32RemU: 0x70,
  i32And: 0x71,
  i32Or: 0x72,
  i32Xor: 0x73,
  i32Shl: 0x74,
  i32ShrS: 0x75,
  i32ShrU: 0x76,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64DivS: 0x7f,
  i64DivU: 0x80,
  i64RemS: 0x81,
  i64RemU: 0x82,
  i64And: 0x83,
  i64Or: 0x84,
  i64Xor: 0x85,
  i64Shl: 0x86,
  i64ShrS: 0x87,
  i64ShrU: 0x88,
  i64Rotl: 0x89,
  i32Wrap: 0xa7,
  i64ExtendS: 0xac,
  i64ExtendU: 0xad,
  i32Extend8S: 0xc0,
  i32Extend16S: 0xc1,
  typeVoid: 0x40,
  typeI32: 0x7f,
  typeI64: 0x7e,
  typeFunc: 0x60,
} as const;
