import { PSEUDO_MAP_FD, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE, PSEUDO_MAP_VALUE } from '../bpf/insn.ts';
import { MAP_TYPE_ARENA, MAP_TYPE_ARRAY, MAP_TYPE_CGROUP_STORAGE, MAP_TYPE_PERCPU_CGROUP_STORAGE } from '../bpf/maps.ts';
import type { Insn, MapDef } from '../bpf/program.ts';
import { EINVAL, type Env, MAX_VAR_OFF } from './env.ts';
import { fieldOf, RES_LOCK } from './fields.ts';

/** Maps that a program names: whether its kind may use them, and whether an address inside a value is one. */
const ENOTSUPP = 524;
const EBUSY = 16;

const SOCKET_FILTER = 1;
/** kprobe, tracepoint, perf_event, raw_tracepoint and its writable kind. */
const TRACING_TYPES = new Set([2, 5, 7, 17, 24]);
/** Arrays, hashes, ring buffers, local storage, queues, arenas. */
const SLEEPABLE_MAPS = new Set([1, 9, 2, 5, 6, 10, 12, 13, 27, 31, 28, 24, 29, 32, 22, 23, 33]);

/** The map of an `lddw` (kernel `resolve_pseudo_ldimm64` and `check_map_prog_compatibility`). */
export function checkMapLoad(env: Env, insn: Insn, second: number): void {
  const isValue = insn.src === PSEUDO_MAP_VALUE || insn.src === PSEUDO_MAP_IDX_VALUE;
  const isMap = insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_IDX;
  if (!isValue && !(isMap && second === 0)) env.fail(EINVAL, 'unrecognized bpf_ld_imm64 insn\n');
  const map = env.maps[insn.imm];
  // Below zero: a descriptor that an object holds itself.
  if (!map) env.fail(EINVAL, `fd ${insn.imm < 0 ? ~insn.imm : insn.imm} is not pointing to valid bpf_map\n`);
  checkKind(env, map);
  if (isValue && map.type !== MAP_TYPE_ARENA) checkAddress(env, map, second >>> 0);
}

function checkKind(env: Env, map: MapDef): void {
  const { progType, sleepable } = env.program;
  const tracing = TRACING_TYPES.has(progType);
  const has = (kind: string): boolean => fieldOf(map, kind) !== undefined;
  if (tracing && (has('bpf_list_head') || has('bpf_rb_root'))) env.fail(EINVAL, 'tracing progs cannot use bpf_{list_head,rb_root} yet\n');
  const hasSpinLock = map.spinLockOff !== undefined;
  if ((hasSpinLock || has(RES_LOCK)) && progType === SOCKET_FILTER) env.fail(EINVAL, 'socket filter progs cannot use bpf_spin_lock yet\n');
  if (hasSpinLock && tracing) env.fail(EINVAL, 'tracing progs cannot use bpf_spin_lock yet\n');
  if (tracing && has('bpf_timer')) env.fail(EINVAL, 'tracing progs cannot use bpf_timer yet\n');
  if (tracing && has('bpf_wq')) env.fail(EINVAL, 'tracing progs cannot use bpf_wq yet\n');
  if (sleepable && (!SLEEPABLE_MAPS.has(map.type) || env.rules.notInSleepable.includes(map.type)))
    env.fail(
      EINVAL,
      `Sleepable programs can only use array, hash, ${env.rules.early ? 'and ringbuf' : 'ringbuf and local storage'} maps\n`,
    );
  if (map.type !== MAP_TYPE_CGROUP_STORAGE && map.type !== MAP_TYPE_PERCPU_CGROUP_STORAGE) return;
  const first = env.maps.find((m) => m.type === map.type && env.usedMaps.has(m)) ?? map;
  env.usedMaps.add(map);
  if (first !== map) env.fail(EBUSY, 'only one cgroup storage of each type is allowed\n');
}

function checkAddress(env: Env, map: MapDef, off: number): void {
  if (off >= MAX_VAR_OFF) env.fail(EINVAL, `direct value offset of ${off} is not allowed\n`);
  if (map.type !== MAP_TYPE_ARRAY) env.fail(EINVAL, 'no direct value access support for this map type\n');
  if (map.maxEntries === 1 && off < map.valueSize) return;
  env.fail(map.maxEntries === 1 ? EINVAL : ENOTSUPP, `invalid access to map value pointer, value_size=${map.valueSize} off=${off}\n`);
}
