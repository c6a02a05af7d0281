import { Fragment, type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import './menu.css';

export interface MenuItem {
  readonly id: string;
  readonly title: string;
  readonly detail?: string;
  /** Heading of the group that begins with this item. */
  readonly group?: string;
  run(): void;
}

/** A button with a menu: arrows move, Enter chooses, Escape closes and gives the focus back. */
export function Menu({
  label,
  button,
  items,
  heading,
  square = false,
  alignEnd = false,
  onOpen,
}: {
  label: string;
  button: ReactNode;
  items: readonly MenuItem[];
  heading?: string;
  /** The button holds an icon alone. */
  square?: boolean;
  /** The list ends where the button ends. */
  alignEnd?: boolean;
  /** What the items are made of may be read anew. */
  onOpen?: () => void;
}) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const anchor = box.current?.getBoundingClientRect();
    const element = list.current;
    if (!open || !anchor || !element) return;
    // Fixed, because rows of tabs clip what they hold.
    const { offsetWidth: width, offsetHeight: height } = element;
    const left = alignEnd ? anchor.right - width : anchor.left;
    const below = anchor.bottom + 4 + height <= window.innerHeight || anchor.top < height;
    element.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
    element.style.top = `${below ? Math.min(anchor.bottom + 4, Math.max(8, window.innerHeight - height - 8)) : anchor.top - height - 4}px`;
  }, [open, alignEnd]);
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus();
    const outside = (event: PointerEvent) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    window.addEventListener('pointerdown', outside);
    return () => window.removeEventListener('pointerdown', outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    box.current?.querySelector<HTMLElement>('[aria-haspopup]')?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const entries = [...(box.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const at = entries.indexOf(document.activeElement as HTMLElement);
    if (event.key === 'Escape') close();
    else if (event.key === 'ArrowDown') entries[(at + 1) % entries.length]?.focus();
    else if (event.key === 'ArrowUp') entries[(at - 1 + entries.length) % entries.length]?.focus();
    else if (event.key === 'Home') entries[0]?.focus();
    else if (event.key === 'End') entries.at(-1)?.focus();
    else if (event.key === 'Tab') setOpen(false);
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the menu, which holds the focus
    <div className="menu" ref={box} onKeyDown={onKeyDown}>
      <button
        type="button"
        className={square ? 'button square' : 'button'}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        title={square ? label : undefined}
        onClick={() => {
          if (!open) onOpen?.();
          setOpen(!open);
        }}
      >
        {button}
      </button>
      {open ? (
        <div ref={list} className="menu-list" role="menu" {...(heading ? { 'aria-labelledby': id } : { 'aria-label': label })}>
          {heading ? (
            <p id={id} className="menu-heading small muted">
              {heading}
            </p>
          ) : null}
          {items.map((item) => (
            <Fragment key={item.id}>
              {item.group ? (
                <p className="menu-heading small muted" role="presentation">
                  {item.group}
                </p>
              ) : null}
              <button
                type="button"
                role="menuitem"
                tabIndex={-1}
                className="menu-item"
                onClick={() => {
                  close();
                  item.run();
                }}
              >
                <span>{item.title}</span>
                {item.detail ? <span className="muted">{item.detail}</span> : null}
              </button>
            </Fragment>
          ))}
        </div>
      ) : null}
    </div>
  );
}
