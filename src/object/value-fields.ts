import type { ValueField } from '../bpf/program.ts';
import { type Btf, type BtfId, KIND_ARRAY, KIND_DECL_TAG, KIND_PTR, KIND_STRUCT, KIND_TYPE_TAG } from './btf.ts';

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
/** Types looked at; more than any real value has, so that nested types of a hostile file end. */
const MOST_TYPES = 2000;

const CONTAINS = 'contains:';
const NODES: Readonly<Record<string, string>> = { bpf_list_head: 'bpf_list_node', bpf_rb_root: 'bpf_rb_node' };

/** A value has at most this many fields (kernel BTF_FIELDS_MAX); the kernel refuses types with more, and loaders do without them. */
const MOST_FIELDS = 11;

/** Without a tag that names the nodes of a list or tree the kernel refuses a map's types, and loaders create the map without them. */
export const isComplete = (fields: readonly ValueField[]): boolean =>
  fields.length <= MOST_FIELDS && fields.every((field) => NODES[field.kind] === undefined || field.nodeOff !== undefined);

/** What the declaration tag `contains:STRUCT:MEMBER` of a list or tree says that it holds. */
function contents(btf: Btf, root: string, owner: BtfId, component: number): Pick<ValueField, 'target' | 'nodeOff'> {
  if (owner === 0) return {};
  const tag = containsTags(btf).get(`${owner}/${component}`);
  if (tag === undefined) return {};
  const [target = '', member = ''] = tag.split(':');
  const node = btf.at(btf.find(KIND_STRUCT, target)).members.find(({ name }) => name === member);
  const isNode = node !== undefined && btf.at(btf.skip(node.type)).name === NODES[root];
  return isNode ? { target, nodeOff: (node.offset & 0xffffff) / 8 } : {};
}

const tagsOf = new WeakMap<Btf, Map<string, string>>();

function containsTags(btf: Btf): Map<string, string> {
  let tags = tagsOf.get(btf);
  if (!tags) {
    tags = new Map(
      btf.types
        .filter((type) => type.kind === KIND_DECL_TAG && type.name.startsWith(CONTAINS))
        .map((type) => [`${type.type}/${type.extra}`, type.name.slice(CONTAINS.length)] as const),
    );
    tagsOf.set(btf, tags);
  }
  return tags;
}

/** Kernel objects in a map's value, with those in nested structures and arrays, in order; `variable` is the one that holds the value. */
export function valueFields(btf: Btf, value: BtfId, variable: BtfId = 0): ValueField[] {
  const fields: ValueField[] = [];
  let budget = MOST_TYPES;
  const walk = (id: BtfId, byteOff: number, depth: number, owner: BtfId, component: number): void => {
    if (budget-- <= 0 || depth > 16 || fields.length > MOST_FIELDS) return;
    const type = btf.at(btf.skip(id));
    if (type.kind === KIND_PTR) {
      const tag = btf.at(type.type);
      if (tag.kind !== KIND_TYPE_TAG || !POINTER_TAGS.has(tag.name)) return;
      const target = btf.at(btf.skip(tag.type)).name;
      // What a user's page holds is known by its size alone.
      fields.push({ kind: tag.name, byteOff, size: 8, target, ...(tag.name === 'uptr' ? { targetSize: btf.sizeOf(tag.type) } : {}) });
    } else if (type.kind === KIND_ARRAY) {
      const size = btf.sizeOf(type.type);
      if (size === 0) return;
      for (let i = 0; i < type.elements && fields.length <= MOST_FIELDS && budget > 0; i++)
        walk(type.type, byteOff + i * size, depth + 1, owner, component);
    } else if (type.kind === KIND_STRUCT) {
      if (MANAGED.has(type.name)) fields.push({ kind: type.name, byteOff, size: type.size, ...contents(btf, type.name, owner, component) });
      else
        type.members.forEach((member, i) => {
          walk(member.type, byteOff + (member.offset & 0xffffff) / 8, depth + 1, btf.skip(id), i);
        });
    }
  };
  walk(value, 0, 0, variable, -1);
  return fields.sort((a, b) => a.byteOff - b.byteOff);
}

/** Structures inside one another; more than any real value has, fewer than a call stack holds. */
const MAX_NESTED = 200;

/**
 * Byte offset of the structure `name` in a type, looking into structures but not into arrays, as the kernel does for locks. Each
 * structure is looked at once: nested ones of a hostile file could multiply without end.
 */
export function structOffset(btf: Btf, id: BtfId, name: string, seen = new Set<BtfId>()): number | undefined {
  const at = btf.skip(id);
  const type = btf.at(at);
  if (type.kind !== KIND_STRUCT || seen.has(at) || seen.size > MAX_NESTED) return undefined;
  if (type.name === name) return 0;
  seen.add(at);
  for (const member of type.members) {
    const inside = structOffset(btf, member.type, name, seen);
    if (inside !== undefined) return (member.offset & 0xffffff) / 8 + inside;
  }
  return undefined;
}
