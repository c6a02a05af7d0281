import type { MapDef } from '../bpf/program.ts';
import type { Env } from './env.ts';
import { FUNC } from './protos.ts';

/** Which helpers a kind of map works with, and which maps a helper accepts (kernel `check_map_func_compatibility`). */
const RINGBUF_HELPERS = [
  FUNC.ringbufOutput,
  FUNC.ringbufReserve,
  FUNC.ringbufQuery,
  FUNC.ringbufReserveDynptr,
  FUNC.ringbufSubmitDynptr,
  FUNC.ringbufDiscardDynptr,
];
const PERF_HELPERS = [FUNC.perfEventRead, FUNC.perfEventOutput, FUNC.skbOutput, FUNC.perfEventReadValue, FUNC.xdpOutput];

const HELPERS_OF_MAP: Readonly<Record<number, readonly number[]>> = {
  3: [FUNC.tailCall],
  4: PERF_HELPERS,
  7: [FUNC.getStackid],
  8: [FUNC.skbUnderCgroup, FUNC.currentTaskUnderCgroup],
  12: [FUNC.mapLookup],
  13: [FUNC.mapLookup],
  14: [FUNC.redirectMap, FUNC.mapLookup],
  15: [FUNC.skRedirectMap, FUNC.sockMapUpdate, FUNC.mapDelete, FUNC.msgRedirectMap, FUNC.skSelectReuseport, FUNC.mapLookup],
  16: [FUNC.redirectMap],
  17: [FUNC.redirectMap, FUNC.mapLookup],
  18: [FUNC.skRedirectHash, FUNC.sockHashUpdate, FUNC.mapDelete, FUNC.msgRedirectHash, FUNC.skSelectReuseport, FUNC.mapLookup],
  19: [FUNC.getLocalStorage],
  20: [FUNC.skSelectReuseport],
  21: [FUNC.getLocalStorage],
  22: [FUNC.mapPeek, FUNC.mapPop, FUNC.mapPush],
  23: [FUNC.mapPeek, FUNC.mapPop, FUNC.mapPush],
  24: [FUNC.skStorageGet, FUNC.skStorageDelete, FUNC.kptrXchg],
  25: [FUNC.redirectMap, FUNC.mapLookup],
  27: RINGBUF_HELPERS,
  28: [FUNC.inodeStorageGet, FUNC.inodeStorageDelete, FUNC.kptrXchg],
  29: [FUNC.taskStorageGet, FUNC.taskStorageDelete, FUNC.kptrXchg],
  30: [FUNC.mapPeek, FUNC.mapPush],
  31: [FUNC.userRingbufDrain],
  32: [FUNC.cgrpStorageGet, FUNC.cgrpStorageDelete, FUNC.kptrXchg],
};

function mapsOf(helpers: readonly number[], types: readonly number[]): [number, readonly number[]][] {
  return helpers.map((h) => [h, types]);
}

const MAPS_OF_HELPER = new Map<number, readonly number[]>([
  ...mapsOf([FUNC.tailCall], [3]),
  ...mapsOf(PERF_HELPERS, [4]),
  ...mapsOf(RINGBUF_HELPERS, [27]),
  ...mapsOf([FUNC.userRingbufDrain], [31]),
  ...mapsOf([FUNC.getStackid], [7]),
  ...mapsOf([FUNC.currentTaskUnderCgroup, FUNC.skbUnderCgroup], [8]),
  ...mapsOf([FUNC.redirectMap], [14, 25, 16, 17]),
  ...mapsOf([FUNC.skRedirectMap, FUNC.msgRedirectMap, FUNC.sockMapUpdate], [15]),
  ...mapsOf([FUNC.skRedirectHash, FUNC.msgRedirectHash, FUNC.sockHashUpdate], [18]),
  ...mapsOf([FUNC.getLocalStorage], [19, 21]),
  ...mapsOf([FUNC.skSelectReuseport], [20, 15, 18]),
  ...mapsOf([FUNC.mapPop], [22, 23]),
  ...mapsOf([FUNC.mapPeek, FUNC.mapPush], [22, 23, 30]),
  ...mapsOf([FUNC.mapLookupPercpu], [5, 6, 10]),
  ...mapsOf([FUNC.skStorageGet, FUNC.skStorageDelete], [24]),
  ...mapsOf([FUNC.inodeStorageGet, FUNC.inodeStorageDelete], [28]),
  ...mapsOf([FUNC.taskStorageGet, FUNC.taskStorageDelete], [29]),
  ...mapsOf([FUNC.cgrpStorageGet, FUNC.cgrpStorageDelete], [32]),
]);

/** Program types that may put sockets into maps: socket filter, tc, xdp, sk_reuseport, flow dissector, sk_lookup. */
const SOCKMAP_UPDATERS = new Set([1, 3, 4, 6, 21, 22, 30]);
const SOCK_OPS = 13;
const TRACING = 26;
const TRACE_ITER = 28;
const SOCKMAPS = new Set([15, 18]);

function mayUpdateSockmap(env: Env, id: number): boolean {
  const type = env.program.progType;
  if (type === SOCK_OPS && id === FUNC.mapDelete) return true;
  if (SOCKMAP_UPDATERS.has(type) || (type === TRACING && env.attachType === TRACE_ITER)) return true;
  env.say('cannot update sockmap in this context\n');
  return false;
}

export function mapAllows(env: Env, map: MapDef, id: number): boolean {
  const helpers = HELPERS_OF_MAP[map.type];
  if (SOCKMAPS.has(map.type) && (id === FUNC.mapUpdate || id === FUNC.mapDelete)) {
    if (!mayUpdateSockmap(env, id)) return false;
  } else if (helpers && !helpers.includes(id)) {
    return false;
  }
  const types = MAPS_OF_HELPER.get(id);
  return !types || types.includes(map.type);
}
