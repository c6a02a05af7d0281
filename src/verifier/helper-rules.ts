import type { KernelVersion } from './api.ts';
import { expand, type HelperProto, helperProto } from './protos.ts';
import type { Rules } from './rules.ts';

/**
 * Helpers that a kernel or a privilege takes away from what root may call on 6.18 (`protos-data.ts`), by program type; no types: from
 * all of them. Facts as the kernels themselves answer (`npm run long kernels-helpers`: 6.1.192, 6.12.117, 6.18.44).
 */
type Missing = readonly (readonly [helpers: string, progTypes: readonly number[]])[];

const MISSING: Readonly<Record<string, Missing>> = {
  '6.1 root': [
    ['210-211', []],
    ['14-17,22,37,55,80,109,117,120,122-123,141,148,156-157,176,180,191', [1, 8]],
    ['17', [2, 5, 7, 31]],
    ['14-16,22,37,55,80,109,117,120,122-123,141,148,156-157,176,180,191', [3, 4]],
    ['14-17,22,37,55,80,109,117,120,123,141,148,156-157,176,180,191', [6, 13, 14, 21, 22, 30]],
    ['22,37,55,109,117,120,141,148,156-157,176,180,191', [9, 15, 18, 23, 25]],
    ['14-16,22,37,55,80,109,117,120,123,141,148,156-157,176,180,191', [10, 11, 12]],
    ['16,22,37,55,109,117,120,141,148,156-157,176,180,191', [16]],
    ['17,174', [17, 24]],
    ['14-16,22,37,39,55,80,109,117,120,123,141,148,156-157,176,180,191', [19]],
  ],
  '6.1 bpf': [
    ['166,210-211', []],
    ['6,14-17,22,35,37,55,80,109,112-115,117,120,122-123,136-141,148-149,156-158,165,175-178,180,191,196', [1, 8]],
    ['6,14-16,22,35,37,55,80,109,112-115,117,120,122-123,136-141,148-149,156-158,165,175-178,180,191,196', [3, 4]],
    ['6,14-17,22,35,37,55,80,109,112-115,117,120,123,136-141,148-149,156-158,165,175-178,180,191,196', [6, 13, 14, 22, 30]],
    ['6,22,35,37,55,109,112-115,117,120,141,148-149,156-158,165,175-177,180,191', [9, 15, 23, 25]],
    ['6,14-16,22,35,37,55,80,109,112-115,117,120,123,136-141,148-149,156-158,165,175-178,180,191,196', [10, 11, 12]],
    ['6,16,22,35,37,55,109,112-115,117,120,136-141,148-149,156-158,165,175-178,180,191,196', [16]],
    ['6,22,35,37,55,109,112-115,117,120,136-141,148-149,156-158,165,175-178,180,191,196', [18]],
    ['6,14-16,22,35,37,39,55,80,109,112-115,117,120,123,136-141,148-149,156-158,165,175-178,180,191,196', [19]],
    ['6,14-17,22,35,37,55,80,109,112-115,117,120,123,141,148-149,156-158,165,175-177,180,191', [21]],
    ['17', [31]],
  ],
  '6.1 unpriv': [
    [
      '6,14-17,22,35,37,55,80,93-94,109,112-115,117-118,120,122-123,136-141,148-149,153-154,156-158,164-165,169-172,175-178,180-181,191,194,196-203,209-211',
      [],
    ],
  ],
  '6.12 root': [
    ['15-17,22,37,55,109,117,122,141,148,156-157,176,180,191', [1, 8]],
    ['17', [2, 5, 7, 17, 24, 31]],
    ['15-16,22,37,55,109,117,122,141,148,156-157,176,180,191', [3, 4]],
    ['15-17,22,37,55,109,117,141,148,156-157,176,180,191', [6, 13, 14, 21, 22, 30]],
    ['22,55,109,117,141,148,156-157,176,180,191', [9, 15, 18, 23, 25]],
    ['15-16,22,37,55,109,117,141,148,156-157,176,180,191', [10, 11, 12]],
    ['16,22,37,55,109,117,141,148,156-157,176,180,191', [16]],
    ['15-16,22,37,39,55,109,117,141,148,156-157,176,180,191', [19]],
  ],
  '6.12 bpf': [
    ['166', []],
    ['6,15-17,22,35,37,55,109,112-115,117,122,136-141,148-149,156-158,165,175-178,180,191,196', [1, 8]],
    ['6,15-16,22,35,37,55,109,112-115,117,122,136-141,148-149,156-158,165,175-178,180,191,196', [3, 4]],
    ['6,15-17,22,35,37,55,109,112-115,117,136-141,148-149,156-158,165,175-178,180,191,196', [6, 13, 14, 22, 30]],
    ['6,22,35,55,109,112-115,117,141,148-149,156-158,165,175-177,180,191', [9, 15, 23, 25]],
    ['6,15-16,22,35,37,55,109,112-115,117,136-141,148-149,156-158,165,175-178,180,191,196', [10, 11, 12]],
    ['6,16,22,35,37,55,109,112-115,117,136-141,148-149,156-158,165,175-178,180,191,196', [16]],
    ['6,22,35,55,109,112-115,117,136-141,148-149,156-158,165,175-178,180,191,196', [18]],
    ['6,15-16,22,35,37,39,55,109,112-115,117,136-141,148-149,156-158,165,175-178,180,191,196', [19]],
    ['6,15-17,22,35,37,55,109,112-115,117,141,148-149,156-158,165,175-177,180,191', [21]],
    ['17', [31]],
  ],
  '6.12 unpriv': [
    [
      '6,15-17,22,35,37,55,80,93-94,109,112-115,117-118,122-123,136-141,148-149,153-154,156-158,164-165,169-172,175-178,180-181,191,194,196-203,209-211',
      [],
    ],
  ],
  '6.18 bpf': [
    ['6,16,22,35,55,109,112-115,117,141,148-149,158,165-166,175-177,180,191', []],
    ['136-140,178,196', [1, 3, 4, 6, 8, 10, 11, 12, 13, 14, 16, 18, 19, 22, 30]],
  ],
  '6.18 unpriv': [
    [
      '6,16-17,22,35,37,55,80,93-94,109,112-115,117-118,123,136-141,148-149,153-154,156-158,164-165,169-172,175-178,180-181,191,194,196-203,209-211',
      [],
    ],
  ],
};

/** Kernels that were not asked: what either neighbour lacks, but for what is known to have come between them. */
const BETWEEN: Partial<Record<KernelVersion, { readonly of: readonly KernelVersion[]; readonly but: readonly number[] }>> = {
  '5.15': { of: ['6.1'], but: [] },
  // bpf_cgrp_storage_get and _delete came with 6.2.
  '6.6': { of: ['6.1', '6.12'], but: [210, 211] },
};

const sets = new Map<string, ReadonlySet<number>>();

function missing({ kernel, privilege }: Rules, progType: number): ReadonlySet<number> {
  const key = `${kernel} ${privilege} ${progType}`;
  let set = sets.get(key);
  if (!set) {
    const between = BETWEEN[kernel];
    const rows = (between?.of ?? [kernel]).flatMap((version) => MISSING[`${version} ${privilege}`] ?? []);
    const ids = rows.flatMap(([helpers, types]) => (types.length === 0 || types.includes(progType) ? [...expand(helpers)] : []));
    set = new Set(ids.filter((id) => !between?.but.includes(id)));
    sets.set(key, set);
  }
  return set;
}

/** Only programs that see a connect may bind. */
const BIND = 64;
const CONNECT = new Set([10, 11]);

/** cgroup/setsockopt programs reach the socket's options, cgroup/getsockopt programs do not. */
const SOCKOPT_HELPERS = new Set([49, 57]);
const SOCKOPT = 25;
const SETSOCKOPT = 22;

/** Helpers of tracing programs by what these attach to: a function with a trampoline, a tracepoint, an iterator (`tracing_prog_func_proto`). */
const TRACING = 26;
const LSM = 29;
const TRAMPOLINES = new Set([24, 25, 26]);
const RAW_TP = 23;
const ITERATOR = 28;
const LSM_CGROUP = 43;
/** Programs around a function of the kernel. */
export const hasTrampoline = (attachType: number): boolean => TRAMPOLINES.has(attachType);
const FOR_TRAMPOLINES = new Set([183, 184, 185]);
const FOR_ITERATORS = new Set([126, 127, 150]);
const ATTACH_COOKIE = 174;
const D_PATH = 147;
const FOR_LSM_CGROUP = new Set([49, 57, 186, 187]);

function fitsAttachment(progType: number, attachType: number, id: number): boolean {
  if (progType === LSM) return !FOR_LSM_CGROUP.has(id) || attachType === LSM_CGROUP;
  if (progType !== TRACING) return true;
  if (FOR_TRAMPOLINES.has(id)) return TRAMPOLINES.has(attachType);
  if (FOR_ITERATORS.has(id)) return attachType === ITERATOR;
  if (id === ATTACH_COOKIE) return attachType !== ITERATOR;
  return id !== D_PATH || attachType !== RAW_TP;
}

/** Helpers whose size may be zero only after 6.6: socket lookups, and SYN cookies. */
const LATER_ZERO = new Set([84, 85, 99, 204, 205]);
const strict = new Map<number, HelperProto>();

function withoutZero(proto: HelperProto, progType: number): HelperProto {
  const key = progType * 1000 + proto.id;
  let made = strict.get(key);
  if (!made) {
    made = { ...proto, args: proto.args.map((arg) => (arg.kind === 'size0' ? { ...arg, kind: 'size' } : arg)) };
    strict.set(key, made);
  }
  return made;
}

/** Prototype of a helper, or null where kernel, privilege or program type do not allow it. */
export function allowedHelper(rules: Rules, progType: number, attachType: number, id: number): HelperProto | null {
  if (progType === SOCKOPT && SOCKOPT_HELPERS.has(id) && attachType !== SETSOCKOPT) return null;
  if (!fitsAttachment(progType, attachType, id)) return null;
  if (id > rules.maxHelper || (id === BIND && !CONNECT.has(attachType)) || missing(rules, progType).has(id)) return null;
  const proto = helperProto(progType, id);
  return proto && rules.triesZeroSize && LATER_ZERO.has(id) ? withoutZero(proto, progType) : proto;
}
