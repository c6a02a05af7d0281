import { crossingJumps } from '../../bpf/jumps.ts';
import type { ProgramView } from '../../workbench/views.ts';
import type { RowWindow } from '../components/useScrollSpace.ts';
import type { ListingRows } from './rows.ts';

export const ARROW_GUTTER_PX = 44;
const LANE_PX = 5;
const LANES = 7;
const HEAD_PX = 4;
const STUB_PX = 12;
/** A tangle of more jumps than this says nothing. */
const MOST = 300;

interface JumpArrowsProps {
  readonly program: ProgramView;
  readonly rows: ListingRows;
  readonly window: RowWindow;
  readonly rowHeight: number;
  /** Instruction whose jumps stand out. */
  readonly cursor: number;
}

/**
 * Arrows of the jumps that cross the rows in view. Backward jumps, which make loops, are dashed; jumps of the cursor are strong. Jumps
 * beyond the last lane show their ends only.
 */
export function JumpArrows({ program, rows, window: view, rowHeight, cursor }: JumpArrowsProps) {
  if (view.end <= view.first) return null;
  const { jumps } = program;
  const found: number[] = [];
  const last = rows.insnAt(view.end - 1);
  const crossing = (at: number) => {
    if (found.length < MOST) found.push(at);
  };
  crossingJumps(jumps, Math.max(0, rows.insnAt(view.first)), last < 0 ? program.code.length / 8 - 1 : last, crossing);
  const top = view.first * rowHeight;
  const height = (view.end - view.first) * rowHeight;
  const clip = (y: number) => Math.max(-2, Math.min(height + 2, y));
  const arrows = found.flatMap((at) => {
    const from = jumps.from[at]!;
    const to = jumps.to[at]!;
    const fromRow = rows.rowOf(from);
    const toRow = rows.rowOf(to);
    // Both ends under one folded head.
    if (fromRow === toRow && from !== to) return [];
    const y1 = (fromRow + 0.5) * rowHeight - top;
    const y2 = (toRow + 0.5) * rowHeight - top;
    const strong = from === cursor || to === cursor;
    return [{ at, y1, y2, strong, back: to <= from, lane: jumps.lane[at]! }];
  });
  // The strong ones are drawn over the others.
  arrows.sort((a, b) => Number(a.strong) - Number(b.strong));
  return (
    <svg
      className="jumps"
      aria-hidden="true"
      width={ARROW_GUTTER_PX}
      height={height}
      style={{ top: (view.first - view.base) * rowHeight }}
      viewBox={`0 0 ${ARROW_GUTTER_PX} ${height}`}
    >
      {arrows.map(({ at, y1, y2, strong, back, lane }) => {
        const right = ARROW_GUTTER_PX - 2;
        const wide = lane >= LANES && !strong;
        const x = wide ? right - STUB_PX : right - HEAD_PX - 4 - Math.min(lane, LANES - 1) * LANE_PX;
        const seen = (y: number) => y >= 0 && y <= height;
        const line = wide
          ? `${seen(y1) ? `M${right} ${y1}H${x}` : ''}${seen(y2) ? `M${right - HEAD_PX} ${y2}H${x}` : ''}`
          : `M${seen(y1) ? `${right} ${y1}H${x}` : `${x} ${clip(y1)}`}V${clip(y2)}${seen(y2) ? `H${right - HEAD_PX}` : ''}`;
        return (
          <g
            key={at}
            className={`jump${back ? ' back' : ''}${strong ? ' strong' : ''}${wide ? ' wide' : ''}`}
            data-jump={`${jumps.from[at]}-${jumps.to[at]}`}
          >
            <path d={line} />
            {seen(y2) ? <path className="jump-head" d={`M${right} ${y2}l${-HEAD_PX - 1} ${-HEAD_PX + 1}v${2 * HEAD_PX - 2}z`} /> : null}
          </g>
        );
      })}
    </svg>
  );
}
