import type { Dissection } from '../../traces/dissect/dissection.ts';
import { FIELDS } from '../../traces/dissect/fields.ts';
import { fieldText } from '../../traces/dissect/values.ts';
import type { PacketDetail, TreeItem } from '../capture-views.ts';

/** Lines of a packet that the page gets: nobody reads more of them, and a hostile packet has a million. */
export const MOST_LINES = 20_000;

/** What the page shows of a dissected packet: the first {@link MOST_LINES} lines of its tree, how many there are, and the bytes. */
export function detailOf(out: Dissection, index: number, flow: number): PacketDetail {
  const items: TreeItem[] = [];
  for (let at = 0; at < Math.min(out.count, MOST_LINES); at++) {
    const { name, label, type } = FIELDS[out.field[at]!]!;
    const grouped = type === 'text';
    items.push({
      depth: out.depth[at]!,
      name,
      label: grouped ? out.text[at]! : label,
      value: grouped || type === 'protocol' ? '' : fieldText(out, at),
      start: out.start[at]!,
      length: Math.max(0, Math.min(out.length[at]!, out.sources[out.source[at]!]!.length - out.start[at]!)),
      source: out.source[at]!,
    });
  }
  return { index, items, lines: out.count, sources: out.sources.map((bytes) => bytes.slice()), flow };
}
