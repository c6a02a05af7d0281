import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import type { CodeView } from './decode.ts';
import { layoutFlow, MOST_BLOCKS, neighbourBlock } from './flow.ts';

function viewOf(text: string): CodeView {
  const { program } = assemble(text);
  return { code: encodeInsns(program!.insns), maps: [], subprogs: [{ name: 'main', start: 0, linkage: 'global' }] };
}
const laidOut = (text: string, around = 0) => {
  const view = viewOf(text);
  return layoutFlow(view, 0, view.code.length / 8, around);
};

const DIAMOND = `
  r1 = 1
  loop:
  if r1 == 0 goto right
  r2 = 1
  goto join
  right:
  r2 = 2
  join:
  r1 += 1
  if r1 != 5 goto loop
  exit`;

describe('layoutFlow', () => {
  const layout = laidOut(DIAMOND);

  it('places blocks apart and code down the page, loops turned back', () => {
    for (const [at, a] of layout.nodes.entries()) {
      for (const b of layout.nodes.slice(at + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    }
    for (const { from, to, back } of layout.links) {
      const down = layout.nodes[from].y < layout.nodes[to].y;
      expect(down).toBe(!back);
    }
    expect(layout.links.filter(({ back }) => back).map(({ from, to, kind }) => [from, to, kind])).toEqual([[4, 1, 'true']]);
  });

  it('is walked by arrow keys', () => {
    expect(neighbourBlock(layout, -1, 'ArrowDown')).toBe(0);
    expect(neighbourBlock(layout, 0, 'ArrowDown')).toBe(1);
    expect(neighbourBlock(layout, 4, 'ArrowDown')).toBe(5);
    expect(neighbourBlock(layout, 4, 'ArrowUp')).toBe(2);
    const beside = [neighbourBlock(layout, 2, 'ArrowRight'), neighbourBlock(layout, 2, 'ArrowLeft')];
    expect(beside.sort((a, b) => a - b)).toEqual([-1, 3]);
  });

  it('shows the surroundings of the cursor in a function of too many blocks', () => {
    const count = 3000;
    const text = Array.from({ length: count }, (_, at) => `if r1 == ${at} goto +0`).join('\n');
    const large = laidOut(`${text}\nexit`, 1500);
    expect(large.total).toBe(count + 1);
    expect(large.nodes).toHaveLength(MOST_BLOCKS);
    expect(large.nodes.some(({ start }) => start === 1500)).toBe(true);
    expect(large.cutLinks).toBeGreaterThan(0);
  });
});
