import { ChevronLeft, ChevronRight } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import { ADDED, CHANGED, REMOVED } from '../../compiler/passes/diff.ts';
import type { PassView } from '../../workbench/pass-views.ts';
import { type StepId, pipeline as texts } from '../texts/pipeline.ts';

interface StepsProps {
  readonly steps: readonly StepId[];
  readonly passes: ReadonlyMap<StepId, PassView>;
  readonly at: number;
  /** The loop strategy that was taken. */
  readonly strategy: string | null;
  readonly onStep: (at: number) => void;
}

/** The few passes of a model that was refused do not fill the panel. */
const MOST_STEP_PX = 160;

/** How many rows a pass has. */
export const rowsText = ({ kind, state, counts }: PassView): string => texts.rows[kind](state.length - counts[REMOVED]);

/** The passes side by side as one slider: dragging over them, or the keys, goes from one to the next. */
export function Steps({ steps, passes, at, strategy, onStep }: StepsProps) {
  const track = useRef<HTMLDivElement>(null);
  const go = (next: number) => onStep(Math.max(0, Math.min(steps.length - 1, next)));
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      Home: 0,
      End: steps.length - 1,
      PageDown: at - 3,
      PageUp: at + 3,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next);
  };
  const scrub = ({ clientX, buttons, type }: PointerEvent<HTMLElement>) => {
    if (type === 'pointermove' && (buttons & 1) === 0) return;
    const box = track.current!.getBoundingClientRect();
    go(Math.floor(((clientX - box.left) / box.width) * steps.length));
  };
  const id = steps[at]!;
  const pass = passes.get(id);
  return (
    <div className="pipeline-steps">
      <button
        type="button"
        className="button square"
        aria-label={texts.back}
        title={`${texts.back} (,)`}
        disabled={at === 0}
        onClick={() => go(at - 1)}
      >
        <ChevronLeft size={16} />
      </button>
      <div
        ref={track}
        className="pipeline-track"
        style={{ maxWidth: steps.length * MOST_STEP_PX }}
        role="slider"
        tabIndex={0}
        aria-label={texts.passes}
        aria-valuemin={1}
        aria-valuemax={steps.length}
        aria-valuenow={at + 1}
        aria-valuetext={texts.position(at + 1, steps.length, texts.steps[id].name, pass ? rowsText(pass) : (strategy ?? ''))}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          scrub(event);
        }}
        onPointerMove={scrub}
      >
        {steps.map((step, number) => {
          const own = passes.get(step);
          const deltas = own && own.compared !== 'not' ? texts.deltas(own.counts[CHANGED], own.counts[ADDED], own.counts[REMOVED]) : '';
          return (
            <span
              key={step}
              className={`pipeline-step${number === at ? ' here' : number < at ? ' done' : ''}`}
              title={texts.steps[step].name}
            >
              <span className="pipeline-name ellipsis">{texts.steps[step].short}</span>
              <span className="pipeline-delta ellipsis">
                {deltas || (own?.compared === 'like' ? texts.none : own ? rowsText(own) : (strategy ?? ''))}
              </span>
            </span>
          );
        })}
      </div>
      <button
        type="button"
        className="button square"
        aria-label={texts.next}
        title={`${texts.next} (.)`}
        disabled={at === steps.length - 1}
        onClick={() => go(at + 1)}
      >
        <ChevronRight size={16} />
      </button>
    </div>
  );
}
