import { ACCEL_FUNCTIONS, type AccelParam } from '../../bpf/accelerator/functions.ts';
import { ACCEL_HOOKS, ACCEL_RETURNS } from '../../bpf/accelerator/hooks.ts';
import {
  ACCEL_OPS,
  ACCEL_ROLES,
  CONTEXT_LAYOUT,
  DIGEST_BYTES,
  type Layout,
  MOST_DIMS,
  MOST_TENSORS,
  TENSOR_FLAGS,
  TENSOR_LAYOUT,
} from '../../bpf/accelerator/layout.ts';

const TYPES = { u8: '__u8', u32: '__u32', u64: '__u64', tensor: 'struct accel_tensor' } as const;

function structOf(name: string, { fields }: Layout): string {
  const rows = fields.map(({ name: field, type, count, doc }) => `  ${TYPES[type]} ${field}${count > 1 ? `[${count}]` : ''}; /* ${doc} */`);
  return `struct ${name} {\n${rows.join('\n')}\n};`;
}

const enumOf = (name: string, prefix: string, words: readonly string[]): string =>
  `enum ${name} { ${words.map((word, at) => `${prefix}${word.toUpperCase()} = ${at}`).join(', ')} };`;

const PARAMS: Readonly<Record<AccelParam['kind'], string>> = {
  ctx: 'struct bpf_context *',
  u32: '__u32 ',
  u64: '__u64 ',
  mem: 'const void *',
  out: 'void *',
  size: '__u32 ',
};

const functions = [...ACCEL_FUNCTIONS.values()].map(({ name, params, returns, doc }) => {
  const list = params.map(({ kind, name: param }) => `${PARAMS[kind]}${param}`).join(', ');
  return `/* ${doc} */\nextern ${returns === 'u64' ? '__u64' : 'int'} ${name}(${list || 'void'}) __ksym;`;
});

/** What programs on the simulated accelerator include: its command structure, constants and functions, all from the tables in `src/bpf/accelerator`. */
export const ACCELERATOR_H = `#ifndef __ACCELERATOR_H__
#define __ACCELERATOR_H__
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#define ACCEL_MOST_DIMS ${MOST_DIMS}
#define ACCEL_MOST_TENSORS ${MOST_TENSORS}
#define ACCEL_DIGEST_BYTES ${DIGEST_BYTES}

${enumOf('accel_hook', 'ACCEL_HOOK_', ACCEL_HOOKS)}
${enumOf('accel_op', 'ACCEL_OP_', ACCEL_OPS)}
${enumOf('accel_role', 'ACCEL_ROLE_', ACCEL_ROLES)}
enum accel_tensor_flags { ${Object.entries(TENSOR_FLAGS)
  .map(([word, bit]) => `ACCEL_TENSOR_${word.toUpperCase()} = ${bit}`)
  .join(', ')} };
/* What a program answers with; a negative errno ends the request before the units see the command. */
enum accel_return { ${Object.entries(ACCEL_RETURNS)
  .map(([word, value]) => `ACCEL_${word} = ${value}`)
  .join(', ')} };

/* What the driver says of one tensor. */
${structOf('accel_tensor', TENSOR_LAYOUT)}

/* The command as a program sees it: little-endian, ${CONTEXT_LAYOUT.bytes} bytes. */
${structOf('bpf_context', CONTEXT_LAYOUT)}
typedef struct bpf_context GaudiCmd;

#ifndef ACCEL_TYPES_ONLY
${functions.join('\n')}
#endif
#endif
`;

/** The name under which the article's programs know it. */
export const GAUDI_H = '#include <accelerator.h>\n';
