import { InputError } from '../../base/errors.ts';
import { npyTensor } from '../../replay/inputs.ts';
import type { NamedTensor } from '../../replay/tensor-files.ts';
import { readNpy } from '../../traces/npy.ts';
import { isNpz, readNpz } from '../../traces/npz.ts';
import { isCallTrace, readCalls } from '../../traces/syscalls/calls.ts';
import { Transferred } from '../rpc.ts';
import type { CallTraceView } from '../views.ts';
import type { HeldTrace } from './traces.ts';

// Traces that are no captures: what reads them loads when one comes.

const isNpy = (bytes: Uint8Array): boolean => bytes[0] === 0x93 && bytes[1] === 0x4e;

function tensors(arrays: readonly NamedTensor[], where: string): HeldTrace {
  const [first] = arrays;
  if (!first) throw new InputError('the archive holds no array', where);
  return { kind: 'tensors', arrays, count: first.tensor.dims[0] ?? 0, warning: null };
}

export function readOther(bytes: Uint8Array, where: string): HeldTrace {
  if (isNpy(bytes)) return tensors([{ tensor: npyTensor(readNpy(bytes, where)), where }], where);
  if (isNpz(bytes)) {
    const arrays = [...readNpz(bytes, where)].map(([name, array]) => ({ name, tensor: npyTensor(array), where }));
    // numpy.savez calls an array without a name arr_0.
    const alone = arrays.length === 1 && arrays[0]!.name === 'arr_0';
    return tensors(alone ? [{ tensor: arrays[0]!.tensor, where }] : arrays, where);
  }
  if (!isCallTrace(bytes))
    throw new InputError(
      'this is no capture, no tensor file and no trace of system calls',
      where,
      'Give a .pcap, .npy, .npz or .strace file',
    );
  const { calls, left } = readCalls(new TextDecoder().decode(bytes), where);
  if (calls.length === 0) throw new InputError('the trace holds no system call', where);
  const others = left['other output'] ?? 0;
  const warning = others > 0 ? { what: `${others} of its lines are no calls`, where, advice: 'They are left out' } : null;
  return { kind: 'calls', calls, count: calls.length, warning };
}

/** The rows of a trace of calls as columns. */
export function callView(
  { calls, warning }: Extract<HeldTrace, { kind: 'calls' }>,
  file: Uint8Array,
  view: Pick<CallTraceView, 'key' | 'file' | 'labels'>,
): Transferred<CallTraceView> {
  const first = calls.find(({ time }) => time !== null)?.time ?? 0;
  const pid = Uint32Array.from(calls, (call) => call.pid);
  const tid = Uint32Array.from(calls, (call) => call.tid);
  const nr = Int32Array.from(calls, (call) => call.nr);
  const time = Float64Array.from(calls, (call) => (call.time === null ? Number.NaN : call.time - first));
  const text = file.slice();
  const at = placesOf(calls, text);
  const columns = { pid, tid, nr, time, text, at };
  return new Transferred({ kind: 'calls', count: calls.length, ...columns, warning, ...view }, [
    ...[pid, tid, nr, time, text].map((column) => column.buffer as ArrayBuffer),
    ...(at ? [at.buffer] : []),
  ]);
}

/** Where the line of each call begins; null for a list on one line. */
function placesOf(calls: readonly { readonly line: number }[], text: Uint8Array): Uint32Array<ArrayBuffer> | null {
  const starts = [0];
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) starts.push(at + 1);
  if (calls.at(-1)!.line > starts.length) return null;
  return Uint32Array.from(calls, ({ line }) => starts[line - 1]!);
}
