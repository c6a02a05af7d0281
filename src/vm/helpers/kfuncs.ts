import { E2BIG, EINVAL, type Helper, type Machine, mapArgument, pointer, s32, u32, u64, unsigned } from '../machine.ts';
import { ProgramThrow } from '../throw.ts';
import { readDynptr, within, writeDynptr } from './dynptr.ts';

const MAX_LOOPS = 1 << 23;
const ERANGE = 34;
const ARENA_PAGE = 4096;
/** BPF_MAX_BITS of the bits iterator, in words of 64. */
const MAX_BIT_WORDS = 511;

/** Nodes of a list or a tree, in order, by the address of its head. */
const nodesOf = (m: Machine, head: number): number[] => {
  let nodes = m.objects.collections.get(head);
  if (!nodes) {
    nodes = [];
    m.objects.collections.set(head, nodes);
  }
  return nodes;
};

/** False when the node is in a list or tree already. */
function insert(m: Machine, head: number, node: number, at: number): boolean {
  if (m.objects.collectionOf.has(node)) return false;
  nodesOf(m, head).splice(at, 0, node);
  m.objects.collectionOf.set(node, head);
  return true;
}

function take(m: Machine, head: number, at: number): number {
  const nodes = nodesOf(m, head);
  if (nodes.length === 0 || at < 0) return 0;
  const [node] = nodes.splice(at, 1);
  m.objects.collectionOf.delete(node);
  return node;
}

function push(m: Machine, front: boolean): number {
  const [head, node] = [unsigned(m, 1), unsigned(m, 2)];
  return insert(m, head, node, front ? 0 : nodesOf(m, head).length) ? 0 : -EINVAL;
}

/** Behind all nodes that are not greater, as a tree that goes right on a draw. */
function addToTree(m: Machine): number {
  const [root, node, less] = [unsigned(m, 1), unsigned(m, 2), m.entryOf(3)];
  if (m.objects.collectionOf.has(node)) return -EINVAL;
  const nodes = nodesOf(m, root);
  let [from, to] = [0, nodes.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (m.callBack(less, [node, nodes[middle]])) to = middle;
    else from = middle + 1;
  }
  insert(m, root, node, from);
  return 0;
}

function removeFromTree(m: Machine): number {
  const [root, node] = [unsigned(m, 1), unsigned(m, 2)];
  return m.objects.collectionOf.get(node) === root ? take(m, root, nodesOf(m, root).indexOf(node)) : 0;
}

function slice(m: Machine, writable: boolean): number {
  const dynptr = readDynptr(m, unsigned(m, 1));
  const [offset, length] = [u32(m, 2), u32(m, 4)];
  if (dynptr.data === 0 || (writable && dynptr.readOnly) || !within(dynptr, offset, length)) return 0;
  return dynptr.data + offset;
}

/** A dynptr over the whole packet. */
function fromPacket(m: Machine): number {
  const at = pointer(m, 3, 16, true);
  if (!m.packet || unsigned(m, 2) !== 0) {
    writeDynptr(m, at, 0, 0);
    return -EINVAL;
  }
  writeDynptr(m, at, m.packet.address(0, 0)!, m.packet.length, !m.writesPacket);
  return 0;
}

function adjustDynptr(m: Machine): number {
  const at = unsigned(m, 1);
  const { data, size, readOnly } = readDynptr(m, at);
  const [start, end] = [u32(m, 2), u32(m, 3)];
  if (data === 0 || start > end) return -EINVAL;
  if (start > size || end > size) return -ERANGE;
  writeDynptr(m, at, data + start, end - start, readOnly);
  return 0;
}

function cloneDynptr(m: Machine): number {
  const { data, size, readOnly } = readDynptr(m, unsigned(m, 1));
  writeDynptr(m, pointer(m, 2, 16, true), data, size, readOnly);
  return data === 0 ? -EINVAL : 0;
}

function copyDynptr(m: Machine): number {
  const [to, from] = [readDynptr(m, unsigned(m, 1)), readDynptr(m, unsigned(m, 3))];
  const [toOffset, fromOffset, length] = [u32(m, 2), u32(m, 4), u32(m, 5)];
  if (to.data === 0 || from.data === 0 || to.readOnly) return -EINVAL;
  if (!within(to, toOffset, length) || !within(from, fromOffset, length)) return -E2BIG;
  m.spend(length);
  m.space.bytes.copyWithin(to.data + toOffset, from.data + fromOffset, from.data + fromOffset + length);
  return 0;
}

/** struct bpf_iter_num: the present number and the end. */
function numbersNew(m: Machine): number {
  const at = pointer(m, 1, 8, true);
  const [start, end] = [s32(m, 2), s32(m, 3)];
  const { view } = m.space;
  view.setBigUint64(at, 0n, true);
  if (start > end) return -EINVAL;
  if (end - start > MAX_LOOPS) return -E2BIG;
  view.setInt32(at, (start - 1) | 0, true);
  view.setInt32(at + 4, end, true);
  return 0;
}

function numbersNext(m: Machine): number {
  const at = pointer(m, 1, 8, true);
  const { view } = m.space;
  const next = view.getInt32(at, true) + 1;
  // The present number wraps before the smallest start, as the kernel's 64-bit comparison takes it.
  const value = next > 0x7fffffff ? -0x80000000 : next;
  if (value >= view.getInt32(at + 4, true)) {
    view.setBigUint64(at, 0n, true);
    return 0;
  }
  view.setInt32(at, value, true);
  return at;
}

function bitsNew(m: Machine): number {
  const at = pointer(m, 1, 16, true);
  const [from, words] = [unsigned(m, 2), u32(m, 3)];
  m.space.view.setBigUint64(at, 0n, true);
  m.space.view.setBigUint64(at + 8, 0n, true);
  m.objects.bits.delete(at);
  if (from === 0 || words === 0) return -EINVAL;
  if (words > MAX_BIT_WORDS) return -E2BIG;
  if (!m.space.permits(from, words * 8, false)) return -14;
  m.objects.bits.set(at, m.space.bytes.slice(from, from + words * 8));
  m.space.view.setUint32(at + 8, words * 64, true);
  m.space.view.setInt32(at + 12, -1, true);
  return 0;
}

function bitsNext(m: Machine): number {
  const at = pointer(m, 1, 16, true);
  const { view } = m.space;
  const bits = m.objects.bits.get(at);
  const count = view.getUint32(at + 8, true);
  for (let bit = view.getInt32(at + 12, true) + 1; bits && bit < count; bit++) {
    if (bits[bit >> 3] & (1 << (bit & 7))) {
      view.setInt32(at + 12, bit, true);
      return at + 12;
    }
  }
  view.setUint32(at + 8, 0, true);
  return 0;
}

const nothing: Helper = () => 0;

/** Kernel functions by name; each reads r1…r5 and returns r0. The others are refused by name. */
export const KERNEL_FUNCTIONS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['bpf_iter_num_new', numbersNew],
  ['bpf_iter_num_next', numbersNext],
  ['bpf_iter_num_destroy', nothing],
  ['bpf_iter_bits_new', bitsNew],
  ['bpf_iter_bits_next', bitsNext],
  [
    'bpf_iter_bits_destroy',
    (m) => {
      m.objects.bits.delete(unsigned(m, 1));
      return 0;
    },
  ],
  [
    'bpf_throw',
    (m) => {
      throw new ProgramThrow(u64(m, 1));
    },
  ],
  ['bpf_obj_new_impl', (m) => m.objects.allocate(m.space, unsigned(m, 1))],
  [
    'bpf_obj_drop_impl',
    (m) => {
      if (!m.objects.drop(unsigned(m, 1))) throw m.fault('R1 of bpf_obj_drop_impl holds no object');
      return 0;
    },
  ],
  [
    'bpf_refcount_acquire_impl',
    (m) => {
      const object = unsigned(m, 1);
      if (!m.objects.acquire(object)) throw m.fault('R1 of bpf_refcount_acquire_impl holds no object');
      return object;
    },
  ],
  ['bpf_list_push_front_impl', (m) => push(m, true)],
  ['bpf_list_push_back_impl', (m) => push(m, false)],
  ['bpf_list_pop_front', (m) => take(m, unsigned(m, 1), 0)],
  ['bpf_list_pop_back', (m) => take(m, unsigned(m, 1), nodesOf(m, unsigned(m, 1)).length - 1)],
  ['bpf_list_front', (m) => nodesOf(m, unsigned(m, 1))[0] ?? 0],
  ['bpf_list_back', (m) => nodesOf(m, unsigned(m, 1)).at(-1) ?? 0],
  ['bpf_rbtree_add_impl', addToTree],
  ['bpf_rbtree_remove', removeFromTree],
  ['bpf_rbtree_first', (m) => nodesOf(m, unsigned(m, 1))[0] ?? 0],
  ['bpf_rcu_read_lock', nothing],
  ['bpf_rcu_read_unlock', nothing],
  ['bpf_preempt_disable', nothing],
  ['bpf_preempt_enable', nothing],
  ['bpf_dynptr_from_skb', fromPacket],
  ['bpf_dynptr_from_xdp', fromPacket],
  ['bpf_dynptr_slice', (m) => slice(m, false)],
  ['bpf_dynptr_slice_rdwr', (m) => slice(m, true)],
  ['bpf_dynptr_adjust', adjustDynptr],
  ['bpf_dynptr_is_null', (m) => (readDynptr(m, unsigned(m, 1)).data === 0 ? 1 : 0)],
  [
    'bpf_dynptr_is_rdonly',
    (m) => {
      const { data, readOnly } = readDynptr(m, unsigned(m, 1));
      return data !== 0 && readOnly ? 1 : 0;
    },
  ],
  [
    'bpf_dynptr_size',
    (m) => {
      const { data, size } = readDynptr(m, unsigned(m, 1));
      return data === 0 ? -EINVAL : size;
    },
  ],
  ['bpf_dynptr_clone', cloneDynptr],
  ['bpf_dynptr_copy', copyDynptr],
  [
    'bpf_arena_alloc_pages',
    (m) => {
      const { arena, def } = mapArgument(m, 1);
      // It looks for free pages in all of it.
      m.spend(def.maxEntries);
      return arena?.allocate(unsigned(m, 2), u32(m, 3)) ?? 0;
    },
  ],
  [
    'bpf_arena_free_pages',
    (m) => {
      const { arena, def } = mapArgument(m, 1);
      m.spend(Math.min(u32(m, 3), def.maxEntries) * ARENA_PAGE);
      arena?.free(unsigned(m, 2), u32(m, 3));
      return 0;
    },
  ],
]);
