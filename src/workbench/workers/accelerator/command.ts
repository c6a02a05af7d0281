import { ACCEL_HOOKS } from '../../../bpf/accelerator/hooks.ts';
import { ACCEL_OPS, CONTEXT_LAYOUT } from '../../../bpf/accelerator/layout.ts';
import type { Command, TensorDesc } from '../../../hooks/accelerator/command.ts';
import { decodeContext, encodeContext } from '../../../hooks/accelerator/context.ts';
import type { Device } from '../../../hooks/accelerator/device.ts';
import { EVENT_KINDS } from '../../../hooks/accelerator/events.ts';
import { tellProvenance } from '../../../hooks/accelerator/services.ts';
import { dtypeOf } from '../../../onnx/tensor.ts';
import type { CommandDetail, RunView, TensorView } from '../../accelerator-views.ts';
import type { Session } from './session.ts';

/** Bytes of a tensor that are shown. */
const HEAD = 64;
const HOOK = EVENT_KINDS.indexOf('hook');
const MOST_RUNS = 200;

/** All that is known of one command; null for a number that no command has. */
export function commandDetail(session: Session, seq: number): CommandDetail | null {
  session.ledger.update();
  const row = session.ledger.row(seq);
  const command = session.device.command(seq);
  if (!row || !command) return null;
  tellProvenance(command.tensors, session.device.memory);
  return {
    row,
    fields: fieldsOf(command, session.device.nowNs),
    tensors: command.tensors.map((tensor) => tensorView(tensor, session.device)),
    runs: runsOf(session, seq),
  };
}

/** The context's own fields; what it says of tensors stands with them. */
function fieldsOf(command: Command, nowNs: number): CommandDetail['fields'] {
  const moment = { hook: 'dispatch', tensorIndex: 0, nowNs, queuedNs: 0, elapsedNs: 0, queueDepth: 0, unitsBusy: 0, status: 0 } as const;
  const decoded = decodeContext(encodeContext(command, moment));
  // What belongs to the moment of a run is no property of the command.
  const ofRun = new Set(['hook', 'tensor_index', 'now_ns', 'queued_ns', 'elapsed_ns', 'queue_depth', 'units_busy', 'status', 'defer_ns']);
  return CONTEXT_LAYOUT.fields
    .filter(({ name, type }) => type !== 'tensor' && !ofRun.has(name))
    .map(({ name, doc }) => {
      const value = decoded[name] as number;
      return { name, doc, text: name === 'op' ? `${value} (${ACCEL_OPS[value]})` : String(value) };
    });
}

function tensorView({ name, role, dtype, dims, strides, addr, bytes, digest, sealed, signed }: TensorDesc, { memory }: Device): TensorView {
  const head = Math.min(HEAD, bytes);
  return {
    name,
    role,
    dtype: dtypeOf(dtype, name),
    dims,
    strides,
    addr,
    bytes,
    digest: digest && Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    sealed,
    signed,
    head: memory.holds(addr, head) ? new Uint8Array(memory.read(addr, head)) : new Uint8Array(),
  };
}

function runsOf({ device: { events }, notes }: Session, seq: number): RunView[] {
  const kind = events.column('kind');
  const seqs = events.column('seq');
  const runs: RunView[] = [];
  for (let at = 0; at < events.length && runs.length < MOST_RUNS; at++) {
    if (seqs[at] !== seq || kind[at] !== HOOK) continue;
    const { program, hook, timeNs, durationNs, insns, value } = events.row(at);
    runs.push({ program: program ?? '', hook: hook ?? ACCEL_HOOKS[0], timeNs, ns: durationNs, insns, value, calls: notes.of(at) });
  }
  return runs;
}
