import type { Env } from './env.ts';

/** Structures that begin with another one, which a pointer to them may stand for; what the kernel's BTF would say where none is at hand. */
const BEGINS_WITH: Readonly<Record<string, string>> = {
  bpf_cpumask: 'cpumask',
  sock: 'sock_common',
  inet_sock: 'sock',
  tcp_sock: 'inet_connection_sock',
  inet_connection_sock: 'inet_sock',
  udp_sock: 'inet_sock',
  nf_conn___init: 'nf_conn',
};

/** What programs see of a kernel object, and the object itself (kernel `btf_is_projection_of`). */
const PROJECTIONS: Readonly<Record<string, string>> = { __sk_buff: 'sk_buff', xdp_md: 'xdp_buff' };

export const isProjection = (wanted: string, found: string): boolean => PROJECTIONS[wanted] === found;

/** A pointer at `off` within the structure of that number points to a `wanted`, or to something that begins with one (kernel `btf_struct_ids_match`). */
export function structMatches(env: Env, struct: number, off: number, wanted: string, strict: boolean): boolean {
  const name = env.btfTypes[struct] ?? '';
  if (name === wanted && off === 0) return true;
  if (strict || env.btfStruct(struct) < 0) return false;
  const types = env.kernelTypes();
  const id = types ? env.btfStruct(struct) : 0;
  if (types && id) return types.contains(id, off, types.structNamed(wanted));
  if (off !== 0) return false;
  let at: string | undefined = name;
  for (let depth = 0; at !== undefined && depth < 8; depth++) {
    if (at === wanted) return true;
    at = BEGINS_WITH[at];
  }
  return false;
}

const INIT = '___init';

/** `struct x` and `struct x___init` are the same in memory but not for the verifier (kernel `btf_type_ids_nocast_alias`). */
export const isNocastAlias = (a: string, b: string): boolean => a === b + INIT || b === a + INIT;
