import { InputError } from '../../base/errors.ts';
import { OP_CALL, PSEUDO_CALL } from '../../bpf/insn.ts';
import { MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { enterContext } from '../../hooks/syscalls/context.ts';
import type { Tensors } from '../../reference/reference.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { storeInputs } from '../../replay/runner.ts';
import type { SystemCall } from '../../traces/syscalls/calls.ts';
import { contextKind } from '../../vm/context.ts';
import { type Breakpoint, Debugger, type Edit } from '../../vm/debug/debugger.ts';
import { parseExpression } from '../../vm/debug/expression.ts';
import { CODE_BASE, MAP_BASE } from '../../vm/decode.ts';
import type { VmEvent } from '../../vm/helpers.ts';
import { contextSize } from '../../vm/memory-context.ts';
import { Vm, type VmInput } from '../../vm/vm.ts';
import type { EditSpec, MachineAction, MachineFrame, MachineRecipe, MachineRegion, MachineView, MapPage } from '../machine-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { EventSpec } from '../value-views.ts';
import { type Held, heldProgram } from './programs.ts';
import { metaModel } from './replays.ts';
import { rest } from './rest.ts';
import { heldTensors } from './traces.ts';

/** A program without packets in its inputs runs on this many zeros, as the replay does. */
const NO_PACKET = 64;
/** So far a new run is followed to learn how long it is. */
const LOOK_AHEAD = 20_000_000;
/** Events that a view carries. */
const MOST_EVENTS = 100;

/** One run under the debugger. */
export interface Session {
  readonly held: Held;
  readonly debug: Debugger;
}

/** The session that this worker has, what it was made of, and the call that it works for. */
let present: { readonly key: string; readonly session: Session } | null = null;
let caller: CallContext | null = null;

/** What a program gets: the packet, zeros in place of one, or a context of zeros where its kind takes no packets. */
export function inputOf({ progType }: Program, packet: Uint8Array): VmInput {
  if (contextKind(progType) === 'memory') return { context: new Uint8Array(contextSize(progType)) };
  return { packet: packet.length > 0 ? packet : new Uint8Array(NO_PACKET) };
}

/** A system call made by its process. */
export function callInput(vm: Vm, { pid, tid, nr }: SystemCall): VmInput {
  vm.task = { process: pid, thread: tid };
  return { context: enterContext(nr, tid) };
}

/** The inputs of an event of a tensor trace. */
export async function eventInputs(event: Extract<EventSpec, { kind: 'tensors' }>, { meta }: Pick<Held, 'meta'>): Promise<Tensors> {
  const arrays = await heldTensors(event.trace);
  if (!meta) throw new InputError('this program does not say what tensors it takes', event.trace.name);
  return tensorInputs(metaModel(meta), arrays)[event.index]!;
}

async function sessionOf(recipe: MachineRecipe, context: CallContext): Promise<Session> {
  caller = context;
  const key = JSON.stringify([recipe.session, recipe.edits.map(editKey)]);
  if (present?.key === key) return present.session;
  const session = await opened(recipe, context);
  const { debug } = session;
  for (const edit of recipe.edits) {
    await debug.goTo(edit.step);
    debug.edit(editOf(edit));
  }
  present = { key, session };
  return session;
}

const editKey = (edit: EditSpec): unknown[] => Object.values(edit).map((value) => (value instanceof Uint8Array ? [...value] : value));

async function opened({ program: spec, event }: MachineRecipe, context: CallContext): Promise<Session> {
  const held = await heldProgram(spec, context);
  // Whoever watches a run stops it: there is no other limit.
  const vm = new Vm(held.program, { maxInsns: Number.MAX_SAFE_INTEGER });
  if (event.kind === 'tensors') storeInputs(vm.maps, held.meta!, await eventInputs(event, held));
  const debug = new Debugger(
    vm,
    ({ prepare }) =>
      prepare(
        event.kind === 'call'
          ? callInput(vm, event.call)
          : inputOf(held.program, event.kind === 'packet' ? event.bytes : new Uint8Array(0)),
      ),
    {
      rest: async (executed) => {
        caller?.progress('running', executed, debug.length ?? 0);
        await rest();
        return caller?.cancelled !== true;
      },
    },
  );
  await debug.goTo(LOOK_AHEAD);
  await debug.goTo(0);
  return { held, debug };
}

function editOf(edit: EditSpec): Edit {
  return edit.kind === 'register' ? { kind: 'register', index: edit.index, value: BigInt(edit.value) } : edit;
}

function breakpointsOf({ breakpoints }: MachineRecipe): Breakpoint[] {
  return breakpoints.map(({ id, insns, condition }) => ({
    id,
    insns,
    condition: condition.trim() === '' ? null : parseExpression(condition),
  }));
}

/** Where the recipe stands, with its breakpoints. */
export async function placed(recipe: MachineRecipe, context: CallContext): Promise<Session> {
  const session = await sessionOf(recipe, context);
  session.debug.breakpoints = breakpointsOf(recipe);
  session.debug.watchpoints = recipe.watches;
  if (session.debug.step !== recipe.at) await session.debug.goTo(recipe.at);
  return session;
}

/** Moves or changes the machine and says what it looks like then. */
export async function machineAct(
  { recipe, action }: { recipe: MachineRecipe; action: MachineAction },
  context: CallContext,
): Promise<MachineView> {
  const session = await placed(recipe, context);
  const { debug } = session;
  switch (action.kind) {
    case 'look':
      break;
    case 'into':
      await debug.stepInto();
      break;
    case 'over':
      await debug.stepOver();
      break;
    case 'out':
      await debug.stepOut();
      break;
    case 'back':
      await debug.stepBack();
      break;
    case 'backOver':
      await debug.stepBackOver();
      break;
    case 'continue':
      await debug.continue();
      break;
    case 'reverse':
      await debug.reverse();
      break;
    case 'goTo':
      await debug.goTo(action.step);
      break;
    case 'runTo':
      await debug.runTo(action.insns);
      break;
    case 'reverseTo':
      await debug.reverseTo(action.insns);
      break;
    case 'edit': {
      debug.edit(editOf(action.edit));
      const edits = [...recipe.edits.filter(({ step }) => step <= action.edit.step), action.edit];
      present = { key: JSON.stringify([recipe.session, edits.map(editKey)]), session };
      break;
    }
  }
  return viewOf(session);
}

function viewOf({ debug, held }: Session): MachineView {
  const { parts } = debug;
  const registers = Array.from({ length: 11 }, (_, index) => debug.register(index));
  const { count, bytes, spacing } = debug.recording;
  const stackBytes = parts.space.regions.find(({ name }) => name === 'stack')!.elementSize;
  return {
    step: debug.step,
    length: debug.length,
    reason: debug.reason,
    insn: debug.insnIdx,
    registers: registers.map(String),
    notes: registers.map((value) => note(value, debug)),
    frames: debug.frames.map(({ insnIdx, stackBase, callee }, at, frames): MachineFrame => {
      const call = at > 0 ? held.program.insns[frames[at - 1]!.insnIdx] : undefined;
      return {
        insn: insnIdx,
        stackBase,
        stack: parts.space.bytes.slice(stackBase, stackBase + stackBytes),
        notes: Array.from({ length: stackBytes / 8 }, (_, slot) => note(parts.space.view.getBigUint64(stackBase + slot * 8, true), debug)),
        callee: Array.from({ length: 4 }, (_, i) => String((BigInt(callee[i * 2 + 1]! >>> 0) << 32n) | BigInt(callee[i * 2]! >>> 0))),
        callback: call?.opcode === OP_CALL && call.src !== PSEUDO_CALL,
      };
    }),
    regions: parts.space.regions.map(
      (region): MachineRegion => ({
        name: region.name,
        base: region.base + region.start,
        stride: region.stride,
        size: region.elementSize,
        count: region.count,
        writable: region.writable,
      }),
    ),
    maps: held.program.maps.map(({ name, keySize, valueSize }) => ({ name, keySize, valueSize })),
    returnValue: debug.returnValue === null ? null : Number(debug.returnValue & 0xffff_ffffn),
    events: parts.events.slice(-MOST_EVENTS).map(eventText),
    recording: { count, bytes, spacing },
    edited: debug.edited,
  };
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function eventText(event: VmEvent): string {
  return event.kind === 'printk' ? event.text : `${event.map}: ${hex(event.data.subarray(0, 64))}${event.data.length > 64 ? ' …' : ''}`;
}

/** Where a value points, if it is an address of this machine; '' else. */
function note(value: bigint, { parts, program }: Debugger): string {
  if (value > 0xffff_ffffn) return '';
  const address = Number(value);
  if (address >= MAP_BASE) {
    const map = program.maps[(address - MAP_BASE) / 16];
    return map ? `map ${map.name}` : '';
  }
  if (address >= CODE_BASE) {
    const idx = parts.interpreter.insnIdxOfAddress(address);
    const name = program.subprogs.find(({ start }) => start === idx)?.name;
    return idx < 0 ? '' : `function ${name ?? `at insn ${idx}`}`;
  }
  const region = parts.space.regionAt(address);
  if (!region) return '';
  const base = parts.space.elementBase(region, address);
  const off = address - base;
  // One past the end is where many pointers stop.
  if (off < 0 || off > region.elementSize) return '';
  const at = Math.floor((base - region.base) / region.stride);
  if (region.name === 'stack')
    return `fp${off === region.elementSize ? '' : `−${region.elementSize - off}`}${parts.interpreter.depth === at ? '' : ` of frame ${at}`}`;
  return `${region.name}${region.count > 1 ? `[${at}]` : ''}${off > 0 ? `+${off}` : ''}`;
}

/** Bytes of the machine's memory. */
export async function machineMemory(
  { recipe, address, length }: { recipe: MachineRecipe; address: number; length: number },
  context: CallContext,
): Promise<Transferred<Uint8Array>> {
  const { debug } = await placed(recipe, context);
  const bytes = debug.parts.space.bytes.slice(address, address + Math.min(length, 1 << 16));
  return new Transferred(bytes, [bytes.buffer]);
}

/** Entries [from, from + count) of a map: arrays by index, hashes by age. */
export async function machineMap(
  { recipe, map: name, from, count }: { recipe: MachineRecipe; map: string; from: number; count: number },
  context: CallContext,
): Promise<MapPage> {
  const { debug } = await placed(recipe, context);
  const map = debug.vm.maps.get(name);
  const { type, maxEntries } = map.def;
  if (type === MAP_TYPE_ARRAY || type === MAP_TYPE_PERCPU_ARRAY) {
    const entries = Array.from({ length: Math.max(0, Math.min(count, maxEntries - from)) }, (_, i) => {
      const key = new Uint8Array(Uint32Array.of(from + i).buffer);
      return { key, value: map.lookup(key)! };
    });
    return { total: maxEntries, entries };
  }
  const entries = map.entries();
  return { total: entries.length, entries: entries.slice(from, from + count) };
}
