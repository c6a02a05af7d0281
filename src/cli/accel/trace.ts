import { InputError } from '../../base/errors.ts';
import type { Command } from '../../hooks/accelerator/command.ts';
import { CommandRecorder, isCommandTrace, passesOf, readCommandTrace, writeCommandTrace } from '../../hooks/accelerator/command-trace.ts';
import { Driver } from '../../hooks/accelerator/driver.ts';
import { ModelOnDevice, type PassValues } from '../../hooks/accelerator/stream.ts';
import { bytesOf, denseStrides, elementBytes } from '../../hooks/accelerator/tensor-bytes.ts';
import { importModel } from '../../onnx/import.ts';
import { dtypeCode, elementCount } from '../../onnx/tensor.ts';
import { createReference } from '../../reference/reference.ts';
import { npyTensor, tensorInputs } from '../../replay/inputs.ts';
import { readTensors } from '../../replay/tensor-files.ts';
import { readNpy } from '../../traces/npy.ts';
import { type Args, dims } from '../args.ts';
import { fileName, readInput, writeOutput } from '../io.ts';
import { fromHex } from './bytes.ts';
import type { Session } from './session.ts';

/** Options of everything that runs a trace through the device. */
export const TRACE_OPTIONS = {
  trace: 'string',
  input: 'list',
  dim: 'list',
  tenants: 'string',
  limit: 'string',
  tokens: 'string',
  every: 'string',
  key: 'list',
  vouch: 'string',
  export: 'string',
} as const;

/** `--key HANDLE` puts a random key into the enclave, `--key HANDLE=HEX` that one. Keys last for one call: under each, a nonce comes once. */
export function putKeys(session: Session, args: Args): void {
  for (const text of args.list('key')) {
    const match = /^(\d{1,10})(?:=([0-9a-f]{64}))?$/i.exec(text);
    if (!match) throw new InputError(`--key takes HANDLE or HANDLE=64 hexadecimal digits, not ${text}`, 'arguments');
    const key = match[2] ? fromHex(match[2]) : crypto.getRandomValues(new Uint8Array(32));
    session.device.enclave.put(Number(match[1]), key);
  }
}

function handleOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new InputError(`--vouch takes the handle of a key, not ${text}`, 'arguments');
  return Number(text);
}

/** Runs `--trace` through the device, to its end. False when there is none. Throws {@link InputError} for what is no trace. */
export async function runTrace(session: Session, args: Args): Promise<boolean> {
  const path = args.string('trace');
  if (path === undefined) return false;
  putKeys(session, args);
  const every = args.count('every', 0, 0);
  const tenants = (args.string('tenants') ?? '').split(',').filter(Boolean).map(Number);
  if (!tenants.every((tenant) => Number.isInteger(tenant) && tenant >= 0))
    throw new InputError('--tenants takes numbers with commas between them', 'arguments');
  const tenantOf = (at: number): number | undefined => (tenants.length > 0 ? tenants[at % tenants.length] : undefined);
  const recorder = new CommandRecorder(session.device);
  if (/\.onnx$/i.test(path)) await runModel(session, args, path, every, tenantOf);
  else if (/\.npy$/i.test(path)) runTensor(session, path, tenantOf(0));
  else runCommands(session, path, every, tenantOf);
  recorder.stop();
  const out = args.string('export');
  if (out !== undefined) writeOutput(out, writeCommandTrace(recorder.commands));
  return true;
}

/** A tensor alone: a request of one command that reads it. */
function runTensor(session: Session, path: string, tenant = 0): void {
  const { device } = session;
  const tensor = npyTensor(readNpy(readInput(path), fileName(path)));
  const width = elementBytes(tensor.dtype, path);
  const bytes = elementCount(tensor.dims) * width;
  const addr = device.memory.allocate(bytes);
  device.memory.write(addr, bytesOf(tensor));
  const x = { name: 'x', dims: tensor.dims, strides: denseStrides(tensor.dims, width), dtype: dtypeCode(tensor.dtype), addr, bytes };
  const command: Command = {
    ...{
      seq: session.nextSeq++,
      request: session.nextRequest++,
      tenant,
      token: 0,
      layer: 0,
      op: 'other',
      nodes: [],
      label: fileName(path),
    },
    tensors: [{ ...x, role: 'activation', digest: null, sealed: false, signed: false }],
    ...{ flops: 0, bytes, deadlineNs: 0, priority: 100, key: 0 },
  };
  device.submit([command]);
  device.run();
}

function runCommands(session: Session, path: string, every: number, tenantOf: (at: number) => number | undefined): void {
  const { device } = session;
  const file = readInput(path);
  if (!isCommandTrace(file))
    throw new InputError('neither a trace of tensor commands nor a model or .npy', path, 'accel run --export writes such traces');
  const start = device.nowNs;
  // Requests of a trace are new ones to this device.
  const numbers = new Map<number, number>();
  for (const [at, { commands, writes, atNs }] of passesOf(readCommandTrace(file, path), session.nextSeq).entries()) {
    const { request: theirs } = commands[0]!;
    let request = numbers.get(theirs);
    // A request's passes share memory: the next one's inputs come when the one before is done.
    if (request !== undefined) device.run();
    request ??= session.nextRequest++;
    numbers.set(theirs, request);
    for (const { addr, data } of writes) device.memory.write(addr, data);
    const tenant = tenantOf(numbers.size - 1);
    const own = commands.map((command) => ({ ...command, request: request!, ...(tenant === undefined ? {} : { tenant }) }));
    device.submit(own, { atNs: Math.max(device.nowNs, start + (every > 0 ? at * every : atNs)) });
    session.nextSeq = own.at(-1)!.seq + 1;
  }
  device.run();
}

async function runModel(
  session: Session,
  args: Args,
  path: string,
  every: number,
  tenantOf: (at: number) => number | undefined,
): Promise<void> {
  const { device } = session;
  const bytes = readInput(path);
  const model = importModel(bytes, { fileName: fileName(path), dims: dims(args) });
  const files = args.list('input');
  if (files.length === 0) throw new InputError('a model needs --input [NAME=]X.npy', 'arguments');
  const arrays = files.flatMap((text) => {
    const [, name, file] = /^(?:([^=]+)=)?(.+)$/.exec(text) as unknown as [string, string | undefined, string];
    return readTensors(readInput(file), file, model).map((array) => (name === undefined ? array : { ...array, name }));
  });
  const inputs = tensorInputs(model, arrays).slice(0, args.count('limit', Number.MAX_SAFE_INTEGER));
  const reference = await createReference(bytes, { outputs: 'all' });
  const values: PassValues[] = [];
  try {
    for (const each of inputs) values.push({ ...each, ...(await reference.run(each)) });
  } finally {
    await reference.release();
  }
  if (values.length === 0) throw new InputError('there are no inputs', files[0]!);
  const driver = new Driver(device, ModelOnDevice.load(model, device.memory, values[0]!), session.nextSeq);
  const tokens = args.count('tokens', 1);
  const voucher = handleOf(args.string('vouch'));
  const vouchers = voucher === undefined ? {} : { inputs: voucher, weights: voucher };
  const start = device.nowNs;
  const firstRequest = session.nextRequest;
  session.nextRequest += values.length;
  for (let token = 0; token < tokens; token++) {
    for (const [at, each] of values.entries()) {
      const tenant = tenantOf(at);
      const atNs = Math.max(device.nowNs, start + (token * values.length + at) * every);
      driver.submit(each, { request: firstRequest + at, token, atNs, vouchers, ...(tenant === undefined ? {} : { tenant }) });
    }
    // Passes of one request share memory.
    device.run();
  }
  session.nextSeq = driver.nextSeq;
}
