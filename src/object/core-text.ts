import type { Btf } from './btf.ts';
import type { ExtCore } from './btf-ext.ts';
import { parseSpec } from './core-spec.ts';

/** Names of the kinds of CO-RE relocations (uapi `enum bpf_core_relo_kind`), by what they ask. */
const KINDS: readonly string[] = [
  'field offset',
  'field size',
  'field exists',
  'field signed',
  'field left shift',
  'field right shift',
  'type id here',
  'type id in the kernel',
  'type exists',
  'type size',
  'enumerator exists',
  'enumerator value',
  'type matches',
];

export const coreKindText = (kind: number): string => KINDS[kind] ?? `kind ${kind}`;

/** The way of a relocation in words: `task_struct.mm.pgd`, `[3].count`. */
export function corePath(btf: Btf, { typeId, accessOff, kind }: ExtCore): string {
  const name = btf.at(typeId).name || 'a type without a name';
  const spec = parseSpec(btf, typeId, btf.string(accessOff), kind);
  if (!spec) return `${name} ${btf.string(accessOff).slice(0, 40)}`;
  return spec.steps.reduce(
    (path, step, at) => (step.name === '' ? (at === 0 && step.index === 0 ? path : `${path}[${step.index}]`) : `${path}.${step.name}`),
    name,
  );
}
