import { InputError } from '../../base/errors.ts';
import { decodeInsns, OP_LDDW, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../../bpf/insn.ts';
import type { MapDef, Program } from '../../bpf/program.ts';
import { type BtfFuncInfo, type BtfLineInfo, FUNC_INFO_SIZE, LINE_INFO_SIZE } from '../btf-info.ts';
import type { Envelope } from '../envelope.ts';
import type { ProgramBtf } from '../kernel.ts';
import type { MapMessage, ProgramMessage } from '../protocol.ts';
import { LIMITS } from './limits.ts';
import { blobOf } from './schema.ts';

function mapDef(message: MapMessage, envelope: Envelope, at: string): MapDef {
  const { data, inner, ...def } = message;
  const bytes = data === undefined ? undefined : blobOf(envelope, data, `${at}.data`);
  if (bytes && bytes.length !== def.valueSize) throw new InputError(`is ${bytes.length} bytes, not ${def.valueSize}`, `${at}.data`);
  return { ...def, ...(bytes ? { data: bytes } : {}), ...(inner ? { inner: mapDef(inner, envelope, `${at}.inner`) } : {}) };
}

/** Memory that a map takes at the least, if it is filled. */
const bytesOf = ({ keySize, valueSize, maxEntries }: MapMessage): number => Math.max(1, maxEntries) * (keySize + valueSize);

/** What {@link programMessage} told of a program: enough to load it. Throws {@link InputError} that names the member that is wrong. */
export function decodeProgram(message: ProgramMessage, envelope: Envelope): { program: Program; btf: ProgramBtf | undefined } {
  const code = blobOf(envelope, message.code, 'program.code');
  if (code.length === 0 || code.length % 8 !== 0) throw new InputError('must be 8 bytes an instruction', 'program.code');
  if (code.length / 8 > LIMITS.instructions) throw new InputError(`has more than ${LIMITS.instructions} instructions`, 'program.code');
  const size = message.maps.reduce((sum, map) => sum + bytesOf(map), 0);
  if (size > LIMITS.mapBytes) throw new InputError(`would take ${size} bytes, more than ${LIMITS.mapBytes}`, 'program.maps');
  const insns = decodeInsns(code);
  insns.forEach((insn, i) => {
    const namesMap = insn.opcode === OP_LDDW && (insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE);
    // A number that is no index would go to the kernel as a descriptor of the helper's.
    if (insn.opcode === OP_LDDW && insn.src !== 0 && insn.src <= 6 && insn.src !== 3 && insn.src !== 4 && !namesMap)
      throw new InputError('refers to maps in a way that is not spoken here', `instruction ${i}`);
    if (namesMap && !message.maps[insn.imm])
      throw new InputError(`names map ${insn.imm}, and there are ${message.maps.length}`, `instruction ${i}`);
  });
  for (const [insn] of message.kfuncs) if (!insns[insn]) throw new InputError(`names instruction ${insn}`, 'program.kfuncs');
  const { kfuncs, maps, code: _, btf, object: __, ...rest } = message;
  const program: Program = {
    ...rest,
    section: '',
    insns,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: maps.map((map, i) => mapDef(map, envelope, `program.maps[${i}]`)),
    lineInfo: [],
    origins: [],
    insnOrigins: [],
    kfuncCalls: new Map(kfuncs),
  };
  return { program, btf: btf && programTypes(btf, envelope) };
}

function programTypes(btf: NonNullable<ProgramMessage['btf']>, envelope: Envelope): ProgramBtf {
  const records = (index: number, size: number, at: string): DataView => {
    const bytes = blobOf(envelope, index, at);
    if (bytes.length % size !== 0) throw new InputError(`must be ${size} bytes a record`, at);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const funcs = records(btf.funcInfo, FUNC_INFO_SIZE, 'program.btf.funcInfo');
  const lines = records(btf.lineInfo, LINE_INFO_SIZE, 'program.btf.lineInfo');
  const funcInfo: BtfFuncInfo[] = [];
  for (let at = 0; at < funcs.byteLength; at += FUNC_INFO_SIZE)
    funcInfo.push({ insnIdx: funcs.getUint32(at, true), typeId: funcs.getUint32(at + 4, true) });
  const lineInfo: BtfLineInfo[] = [];
  for (let at = 0; at < lines.byteLength; at += LINE_INFO_SIZE) {
    const place = lines.getUint32(at + 12, true);
    const [insnIdx, fileNameOff, textOff] = [0, 4, 8].map((off) => lines.getUint32(at + off, true)) as [number, number, number];
    lineInfo.push({ insnIdx, fileNameOff, textOff, line: place >>> 10, column: place & 1023 });
  }
  return { btf: blobOf(envelope, btf.types, 'program.btf.types'), funcInfo, lineInfo };
}
