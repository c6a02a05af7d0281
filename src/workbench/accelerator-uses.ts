import type { AccelHook } from '../bpf/accelerator/hooks.ts';

/** A program that comes with the accelerator, with a lesson of its own. */
export interface Use {
  readonly id: string;
  readonly hooks: readonly AccelHook[];
}

/** The article's program as printed, and the six uses. */
export const USES = [
  { id: 'validate', hooks: ['validate_tensor'] },
  { id: 'shape_provenance', hooks: ['submit', 'validate_tensor'] },
  { id: 'confidential', hooks: ['submit', 'validate_tensor', 'complete'] },
  { id: 'adaptive_qos', hooks: ['token'] },
  { id: 'audit', hooks: ['token', 'complete'] },
  { id: 'metrics', hooks: ['token', 'complete', 'telemetry'] },
  { id: 'sign_activations', hooks: ['complete', 'dispatch'] },
] as const satisfies readonly Use[];

export type UseId = (typeof USES)[number]['id'];

/** The article's program, with the header that its structure comes from: nothing else is added. */
const VALIDATE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <gaudi.h>

SEC("gaudi/validate_tensor")
int validate(struct bpf_context *ctx) {
if (ctx->tensor.dim[0] > 4096) return -1;
return 0;
}
`;

const sources = import.meta.glob<string>('../../samples/accelerator/*.c', { query: '?raw', import: 'default' });
const lessons = import.meta.glob<string>('../../samples/accelerator/lessons/*.md', { query: '?raw', import: 'default' });

async function textOf(files: Readonly<Record<string, () => Promise<string>>>, ending: string): Promise<string | null> {
  const load = Object.entries(files).find(([path]) => path.endsWith(ending))?.[1];
  return load ? await load() : null;
}

export const sourceOf = async (id: UseId): Promise<string> => (id === 'validate' ? VALIDATE : ((await textOf(sources, `/${id}.c`)) ?? ''));
export const lessonOf = async (id: UseId): Promise<string> => (await textOf(lessons, `/${id}.md`)) ?? '';
