import type { ValueField } from '../bpf/program.ts';
import { type Btf, type BtfId, KIND_ARRAY, KIND_PTR, KIND_STRUCT, KIND_TYPE_TAG } from './btf.ts';

/** Structures that the kernel manages inside map values (kernel `btf_get_field_type`), but the spin lock, which has its own place. */
const MANAGED = new Set([
  'bpf_res_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_task_work',
  'bpf_list_head',
  'bpf_list_node',
  'bpf_rb_root',
  'bpf_rb_node',
  'bpf_refcount',
]);
const POINTER_TAGS = new Set(['kptr_untrusted', 'kptr', 'percpu_kptr', 'uptr']);
/** A value has at most this many fields (kernel BTF_FIELDS_MAX). */
const MOST_FIELDS = 11;
/** Types looked at; more than any real value has, so that nested types of a hostile file end. */
const MOST_TYPES = 2000;

/** Kernel objects in a map's value, with those in nested structures and arrays, in order. */
export function valueFields(btf: Btf, value: BtfId): ValueField[] {
  const fields: ValueField[] = [];
  let budget = MOST_TYPES;
  const walk = (id: BtfId, byteOff: number, depth: number): void => {
    if (budget-- <= 0 || depth > 16 || fields.length >= MOST_FIELDS) return;
    const type = btf.at(btf.skip(id));
    if (type.kind === KIND_PTR) {
      const tag = btf.at(type.type);
      if (tag.kind !== KIND_TYPE_TAG || !POINTER_TAGS.has(tag.name)) return;
      fields.push({ kind: tag.name, byteOff, size: 8, target: btf.at(btf.skip(tag.type)).name });
    } else if (type.kind === KIND_ARRAY) {
      const size = btf.sizeOf(type.type);
      if (size === 0) return;
      for (let i = 0; i < type.elements && fields.length < MOST_FIELDS && budget > 0; i++) walk(type.type, byteOff + i * size, depth + 1);
    } else if (type.kind === KIND_STRUCT) {
      if (MANAGED.has(type.name)) fields.push({ kind: type.name, byteOff, size: type.size });
      else for (const member of type.members) walk(member.type, byteOff + (member.offset & 0xffffff) / 8, depth + 1);
    }
  };
  walk(value, 0, 0);
  return fields.sort((a, b) => a.byteOff - b.byteOff);
}
