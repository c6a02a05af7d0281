import { AUX, ID, REF, REG } from './reg.ts';
import type { Frame } from './state.ts';

const NAMES = ['<invalid>', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta'];

export const dynptrName = (kind: number): string => NAMES[kind] ?? NAMES[0]!;

/** A dynptr's first slot as the log shows it. */
export function dynptrText(frame: Frame, spi: number): string {
  const b = spi * REG;
  const { spills } = frame;
  const parts = [`id=${spills[b + ID]}`];
  if (spills[b + REF]) parts.push(`ref_id=${spills[b + REF]}`);
  // The kernel keeps "this is the first slot" where other registers keep a dynptr's id, and shows it as one.
  parts.push('dynptr_id=1');
  return `dynptr_${dynptrName(spills[b + AUX]!)}(${parts.join(',')})`;
}
