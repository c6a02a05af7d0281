import { InputError } from '../base/errors.ts';
import type { Compiled, ProgramMeta } from './api.ts';
import { MAP_OF } from './kernels/frame.ts';
import { readWeightsHeader, type WeightsHeader } from './weights-map.ts';

/** Before the block in a file of weights: "BPFW", u32 version, u64 fingerprint, u32 bytes of the block, u32 zero. */
const HEAD = 24;
const MAGIC = 0x5746_5042;
const VERSION = 1;

/** What an object tells of the program that weights are made for. */
export interface Target {
  readonly meta: ProgramMeta;
  readonly header: WeightsHeader;
}

type Held = { readonly meta: ProgramMeta; readonly program: { readonly maps: Compiled['program']['maps'] } };

/** The weights map of a program. Throws {@link InputError} for a program whose weights cannot be replaced. */
export function weightsTarget({ meta, program }: Held, where: string): Target {
  const data = program.maps.find(({ name }) => name === MAP_OF.weights)?.data;
  const header = data ? readWeightsHeader(data) : null;
  if (!header) throw new InputError('it has no map .data.weights whose contents can be replaced', where, 'Compile the model again');
  if (header.blocks === 1) throw new InputError('its weights are too large to be there twice', where, 'Load the new program in its place');
  return { meta, header };
}

/**
 * The weights of a compiled model as a file for the program of `target`. Throws {@link InputError} that says where the two differ when they
 * have not the same architecture.
 */
export function weightsFile({ meta, program }: Compiled, target: Target, where: string): Uint8Array {
  const data = program.maps.find(({ name }) => name === MAP_OF.weights)!.data!;
  const header = readWeightsHeader(data)!;
  const difference = shapeDifference(target.meta, meta);
  if (difference) throw new InputError(`not the program's architecture: ${difference}`, where, 'Compile it and load the new program');
  if (header.fingerprint !== target.header.fingerprint || header.size !== target.header.size)
    throw new InputError(
      'its operators and shapes are those of the program, but its code is not: a constant in it decides what code there is',
      where,
      'Compile it and load the new program',
    );
  const bytes = new Uint8Array(HEAD + header.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, BigInt(`0x${header.fingerprint}`), true);
  view.setUint32(16, header.size, true);
  bytes.set(data.subarray(header.start, header.start + header.size), HEAD);
  return bytes;
}

type Shape = readonly number[] | undefined;
const same = (a: Shape, b: Shape): boolean => !a || !b || (a.length === b.length && a.every((n, i) => n === b[i]));
const shape = (dims: Shape): string => `[${dims?.join(', ')}]`;

/** The first difference between what two programs compute, in the order in which they do; null when there is none to see. */
export function shapeDifference(program: ProgramMeta, fresh: ProgramMeta): string | null {
  for (const [kind, theirs, ours] of [
    ['input', program.inputs, fresh.inputs],
    ['output', program.outputs, fresh.outputs],
  ] as const) {
    if (theirs.length !== ours.length) return `it has ${ours.length} ${kind}s, the program ${theirs.length}`;
    for (const [i, slot] of ours.entries())
      if (!same(slot.dims, theirs[i]!.dims) || slot.elem !== theirs[i]!.elem || slot.vocabulary !== theirs[i]!.vocabulary)
        return `${kind} ${slot.name} has the shape ${shape(slot.dims)} of ${contents(slot)}, in the program ${shape(theirs[i]!.dims)} of ${contents(theirs[i]!)}`;
  }
  const [was, is] = [program.decoder, fresh.decoder];
  if (was && is && (was.vocabulary !== is.vocabulary || was.positions !== is.positions))
    return `it has ${is.vocabulary} tokens and room for ${is.positions}, the program ${was.vocabulary} and ${was.positions}`;
  const [theirs, ours] = [program.model.nodes, fresh.model.nodes];
  for (let i = 0; i < Math.max(theirs.length, ours.length); i++) {
    const [was, is] = [theirs[i], ours[i]];
    if (!was) return `node ${is!.name} (${is!.op}) has no counterpart: the program ends before it`;
    if (!is) return `it ends before the program's node ${was.name} (${was.op})`;
    if (was.op !== is.op) return `node ${is.name} is ${is.op}, in the program ${was.op}`;
    if (!same(was.dims, is.dims)) return `node ${is.name} (${is.op}) gives the shape ${shape(is.dims)}, in the program ${shape(was.dims)}`;
  }
  return null;
}

const contents = ({ elem, vocabulary }: { readonly elem: string; readonly vocabulary?: number }): string =>
  vocabulary === undefined ? elem : `${vocabulary} tokens`;

/** Contents of a weights map with the weights of `file` in the block that was not live, and that one live. Throws {@link InputError}. */
export function swapped(map: Uint8Array, file: Uint8Array, where: string): Uint8Array {
  const header = readWeightsHeader(map);
  if (header?.blocks !== 2) throw new InputError('the program holds its weights once', where);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < HEAD || view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION)
    throw new InputError('the file does not hold weights of this version', where);
  const size = view.getUint32(16, true);
  if (file.length !== HEAD + size) throw new InputError('the file is cut short', where);
  const fingerprint = view.getBigUint64(8, true).toString(16).padStart(16, '0');
  if (size !== header.size || fingerprint !== header.fingerprint) throw new InputError('the weights are for another program', where);
  const swaps = (header.swaps + 1) >>> 0;
  const next = swaps & 1;
  const out = map.slice();
  out.set(file.subarray(HEAD), header.start + next * header.size);
  new DataView(out.buffer).setUint32(0, swaps, true);
  return out;
}
