import { MAP_TYPE_HASH } from '../../bpf/maps.ts';
import type { MapDef } from '../../bpf/program.ts';
import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { BlockId } from '../ir/ir.ts';
import { swapsSoFar } from '../weights-map.ts';
import { keyOf } from './frame.ts';

/**
 * One call at a time: keys, values and the text so far stand in maps that all calls share. The entry 0 of hash map `lock` is there while a call runs
 * and says by how many replacements its weights came to be, so that who replaces them again knows which block is being read.
 */
export const LOCK_MAP = 'lock';
/**
 * More than the one that is used: the kernel unlocks a bucket before it gives the deleted entry back (htab_map_delete_elem), so that a call on another processor
 * can find nobody holding the lock and no entry to take it with (E2BIG).
 */
export const LOCK_ENTRIES = 64;
export const LOCK: MapDef = { name: LOCK_MAP, type: MAP_TYPE_HASH, keySize: 4, valueSize: 4, maxEntries: LOCK_ENTRIES, flags: 0 };

/** Flags of bpf_map_update_elem. */
const NO_EXIST = 1;
const EXIST = 2;
/** What an update gives for an entry that is there, if it may not be. */
const IS_THERE = -17;

/**
 * Takes the lock, or goes to `busy` while another call has it, to `failed` where there is no lock to be had; gives how often the weights were replaced when this call began. The count is read again behind the lock: who
 * replaces weights has either seen the entry or done its work before that.
 */
export function acquire(b: FuncBuilder, busy: BlockId, failed = busy): Reg {
  const value = b.stackSlot(8);
  const before = swapsSoFar(b);
  b.store(value.addr(), 0, before, 4);
  const taken = b.callHelper('bpf_map_update_elem', [b.mapPtr(LOCK_MAP), keyOf(b), value.addr(), NO_EXIST]);
  const mine = b.newBlock();
  const refused = failed === busy ? busy : b.newBlock();
  b.branch('eq', taken, 0, mine, refused);
  if (failed !== busy) {
    b.startBlock(refused);
    b.branch('eq', taken, IS_THERE, busy, failed);
  }
  b.startBlock(mine);
  const swaps = swapsSoFar(b);
  b.when('ne', swaps, before, () => {
    b.store(value.addr(), 0, swaps, 4);
    b.callHelper('bpf_map_update_elem', [b.mapPtr(LOCK_MAP), keyOf(b), value.addr(), EXIST]);
  });
  return swaps;
}

export function release(b: FuncBuilder): void {
  b.callHelper('bpf_map_delete_elem', [b.mapPtr(LOCK_MAP), keyOf(b)]);
}
