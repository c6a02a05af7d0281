import { InputError } from '../base/errors.ts';
import type { AccelOp, AccelRole } from '../bpf/accelerator/layout.ts';
import type { Program } from '../bpf/program.ts';
import type { Command, TensorDesc } from '../hooks/accelerator/command.ts';
import { type DecodedContext, decodeContext, encodeContext } from '../hooks/accelerator/context.ts';
import { Enclave } from '../hooks/accelerator/enclave.ts';
import { DeviceMemory } from '../hooks/accelerator/memory.ts';
import { hookOf, type LoadedProgram, loadHookProgram } from '../hooks/accelerator/program.ts';
import { Sealer, servicesFor } from '../hooks/accelerator/services.ts';
import { Uuids } from '../hooks/accelerator/uuid.ts';
import { VmFault } from '../vm/fault.ts';
import { bytesOf, hex } from './grade-words.ts';

/** A tensor of a command as a lesson writes it: float32, its bytes in device memory zeros behind those that are given. */
export interface CheckTensor {
  readonly dim: readonly number[];
  readonly role: AccelRole;
  readonly bytes?: string;
}

/** A command to the simulated accelerator, and what a program should make of it. */
export interface CommandCheck {
  readonly tensors: readonly CheckTensor[];
  /** Which tensor the call is about. */
  readonly about?: number;
  readonly request?: number;
  readonly tenant?: number;
  readonly token?: number;
  readonly layer?: number;
  readonly op?: AccelOp;
  readonly priority?: number;
  readonly key?: number;
  readonly returns: number;
  /** Fields of the context afterwards: `priority`, `tensors.1.flags`; bytes in hexadecimal. */
  readonly leaves?: Readonly<Record<string, number | string>>;
}

const MEMORY_BYTES = 1 << 26;
const NOW_NS = 1_000_000_000;
/** Key n of the enclave of every exercise: 32 bytes of n. */
const KEYS = [1, 2, 3];

function commandOf(wanted: CommandCheck, seq: number, memory: DeviceMemory): Command {
  const tensors = wanted.tensors.map(({ dim, role, bytes = '' }, i): TensorDesc => {
    const strides = dim.map((_, axis) => 4 * dim.slice(axis + 1).reduce((a, b) => a * b, 1));
    const size = 4 * dim.reduce((a, b) => a * b, 1);
    const addr = memory.allocate(size);
    memory.write(addr, bytesOf(bytes).subarray(0, size));
    return { name: `tensor ${i}`, dims: dim, strides, dtype: 1, addr, bytes: size, role, digest: null, sealed: false, signed: false };
  });
  return {
    seq,
    request: wanted.request ?? 1,
    tenant: wanted.tenant ?? 1,
    token: wanted.token ?? 0,
    layer: wanted.layer ?? 0,
    op: wanted.op ?? 'matmul',
    nodes: [],
    label: '',
    tensors,
    flops: 1000,
    bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    deadlineNs: 0,
    priority: wanted.priority ?? 100,
    key: wanted.key ?? 1,
  };
}

/** A field by its path in the structure: `tensors.1.flags`. */
function fieldOf(context: DecodedContext, path: string): string | null {
  let found: unknown = context;
  for (const part of path.split('.')) found = (found as Readonly<Record<string, unknown>> | null | undefined)?.[part];
  if (typeof found === 'number') return String(found);
  return found instanceof Uint8Array ? hex(found) : null;
}

const inWords = ({ tensors, about = 0, request = 1, tenant = 1 }: CommandCheck): string =>
  `a command of tenant ${tenant}, request ${request}, with ${tensors.map(({ dim, role }) => `${role} ${dim.join(' × ')}`).join(', ')}${
    tensors.length > 1 ? ` (the call is about tensor ${about})` : ''
  }`;

/**
 * Runs a program of the simulated accelerator for commands, one after the other on the same maps and device memory, up to the first with another result than
 * the lesson wants. The program must have been accepted.
 */
export function commandRow(program: Program, wanted: readonly CommandCheck[]): { name: string; passed: boolean; observed: string } {
  const name =
    wanted.length === 1
      ? `for ${inWords(wanted[0])} it returns ${wanted[0].returns}`
      : `${wanted.length} commands one after another get what they should`;
  const [memory, enclave, uuids] = [new DeviceMemory(MEMORY_BYTES), new Enclave(), new Uuids(1)];
  for (const handle of KEYS) enclave.put(handle, new Uint8Array(32).fill(handle));
  const sealer = new Sealer(memory, enclave);
  const fail = (at: number, observed: string) => ({
    name,
    passed: false,
    observed: `${wanted.length === 1 ? 'For' : `Command ${at + 1} of ${wanted.length}:`} ${inWords(wanted[at])} ${observed}`,
  });
  let loaded: LoadedProgram;
  try {
    loaded = loadHookProgram(program, { engine: 'interp' });
  } catch (error) {
    if (error instanceof InputError) return { name, passed: false, observed: error.message };
    throw error;
  }
  for (const [at, one] of wanted.entries()) {
    const command = commandOf(one, at, memory);
    const services = servicesFor(command, {
      memory,
      enclave,
      sealer,
      nowNs: () => NOW_NS,
      uuid: () => uuids.next(NOW_NS / 1e6),
      trace: () => 0,
      setPriority: () => 0,
    });
    const moment = {
      hook: hookOf(program),
      tensorIndex: one.about ?? 0,
      nowNs: NOW_NS,
      queuedNs: 0,
      elapsedNs: 0,
      queueDepth: 1,
      unitsBusy: 0,
      status: 0,
    };
    try {
      const { returnValue, context } = loaded.run(encodeContext(command, moment), services);
      if (returnValue !== one.returns) return fail(at, `it returned ${returnValue}, not ${one.returns}.`);
      const left = decodeContext(context);
      for (const [path, value] of Object.entries(one.leaves ?? {})) {
        const found = fieldOf(left, path);
        if (found === null) return fail(at, `there is no field ${path} to look at.`);
        const expected = typeof value === 'number' ? String(value) : hex(bytesOf(value));
        if (found !== expected) return fail(at, `it left ${found} in ${path}, not ${expected}.`);
      }
    } catch (error) {
      if (error instanceof VmFault || error instanceof InputError) return fail(at, `the run stopped: ${error.message}`);
      throw error;
    }
  }
  return { name, passed: true, observed: wanted.length === 1 ? 'It does.' : `All ${wanted.length} do.` };
}
