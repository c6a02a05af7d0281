import { X } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { showDesk, showPanel } from '../shell/desk-store.ts';
import { tour as texts } from '../texts/tour.ts';
import { STEPS } from './steps.ts';
import { goTo, leaveTour, useTour } from './tour-store.ts';
import './tour.css';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const GAP = 8;

/** Beside the target where there is room, else inside it. */
function placeCard(target: Box, card: { width: number; height: number }): { left: number; top: number } {
  const { innerWidth, innerHeight } = window;
  const right = target.left + target.width + GAP;
  const left = target.left - card.width - GAP;
  const x = right + card.width < innerWidth ? right : left > 0 ? left : target.left + Math.max(GAP, (target.width - card.width) / 2);
  const y = x === right || x === left ? target.top + GAP : target.top + Math.max(GAP, Math.min(48, target.height + GAP));
  return {
    left: Math.max(GAP, Math.min(x, innerWidth - card.width - GAP)),
    top: Math.max(GAP, Math.min(y, innerHeight - card.height - GAP)),
  };
}

/** A walk through the panels. It is not modal: everything can be used meanwhile, and Escape leaves it at any step. */
export default function Tour() {
  const at = useTour((state) => state.step) ?? 0;
  const step = STEPS[at]!;
  const words = texts.steps[step.id];
  const card = useRef<HTMLDivElement>(null);
  const before = useRef(document.activeElement as HTMLElement | null);
  const [target, setTarget] = useState<Box | null>(null);
  const id = useId();

  useEffect(() => {
    showDesk(step.desk);
    const shown = /data-panel="(\w+)"/.exec(step.target)?.[1];
    if (shown) showPanel(shown);
    let frame = requestAnimationFrame(() => {
      step.act?.();
      // After the desk has been drawn, and after showing the panel has taken the focus.
      frame = requestAnimationFrame(() => {
        const box = document.querySelector(step.target)?.getBoundingClientRect();
        setTarget(box ? { left: box.left, top: box.top, width: box.width, height: box.height } : null);
        card.current?.querySelector<HTMLElement>('[data-next]')?.focus();
      });
    });
    return () => cancelAnimationFrame(frame);
  }, [step]);

  useLayoutEffect(() => {
    const element = card.current;
    if (!element) return;
    const place = placeCard(target ?? { left: 0, top: 40, width: window.innerWidth, height: window.innerHeight - 80 }, {
      width: element.offsetWidth,
      height: element.offsetHeight,
    });
    element.style.left = `${place.left}px`;
    element.style.top = `${place.top}px`;
  }, [target]);

  const leave = () => {
    leaveTour();
    if (before.current?.isConnected) before.current.focus();
  };
  const next = () => (at + 1 < STEPS.length ? goTo(at + 1) : leave());
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    leave();
  };
  return (
    <>
      {target ? <div className="tour-ring" aria-hidden="true" style={target} /> : null}
      <div
        ref={card}
        className="tour-card"
        role="dialog"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-text`}
        onKeyDown={onKeyDown}
      >
        <header className="tour-head">
          <h2 id={`${id}-title`} className="grow">
            {words.title}
          </h2>
          <button type="button" className="button square" aria-label={texts.leave} title={texts.leave} onClick={leave}>
            <X size={14} />
          </button>
        </header>
        <p id={`${id}-text`}>{words.text}</p>
        <footer className="tour-foot">
          <span className="muted grow">{texts.at(at + 1, STEPS.length)}</span>
          <button type="button" className="button bordered" disabled={at === 0} onClick={() => goTo(at - 1)}>
            {texts.back}
          </button>
          <button type="button" className="button primary" data-next onClick={next}>
            {at + 1 < STEPS.length ? texts.next : texts.done}
          </button>
        </footer>
      </div>
    </>
  );
}
