import type { Insn } from '../bpf/program.ts';
import { PROG_TYPE_SYSCALL } from '../bpf/progtypes.ts';
import type { Env } from './env.ts';
import { allowedHelper } from './helper-rules.ts';
import type { HelperProto } from './protos.ts';
import { isHelperForPlace } from './struct-ops.ts';

/** Helpers as the program at hand finds them: its type, what it attaches to, kernel and privilege decide. */

const GET_RETVAL = 186;
const SET_RETVAL = 187;
/** Attach types of control group programs whose return value nothing reads: ingress, egress, sock_ops, received messages, names of sockets. */
const NO_RETVAL = new Set([0, 1, 3, 19, 20, 52, 29, 30, 53, 31, 32, 54]);

const hasRetval = (env: Env, id: number): boolean => (id !== GET_RETVAL && id !== SET_RETVAL) || !NO_RETVAL.has(env.attachType);

/** Prototype of a helper that the program may call; null for others (kernel `get_helper_proto`). */
export function helperHere(env: Env, id: number): HelperProto | null {
  if (env.profile) return env.profile.hasHelper(env.attachType, id) ? allowedHelper(env.rules, PROG_TYPE_SYSCALL, 0, id) : null;
  return hasRetval(env, id) && isHelperForPlace(env, id) ? allowedHelper(env.rules, env.program.progType, env.attachType, id) : null;
}

/** How many argument registers a call of a helper reads, when its prototype is known. */
export function callSummary(env: Env, insn: Insn): { params: number; isVoid: boolean; fastcall: boolean } | null {
  const proto = insn.src === 0 ? helperHere(env, insn.imm) : null;
  return proto && { params: proto.args.length, isVoid: proto.result === 'void', fastcall: proto.fastcall };
}
