import { EllipsisVertical } from 'lucide-react';
import { Menu } from '../components/Menu.tsx';
import { shell as texts } from '../texts/shell.ts';
import { closePanel, movePanel, resetDesk, splitPanel, toggleMaximised, togglePin, useDesk } from './desk-store.ts';
import { PANELS } from './panels.ts';

/** What can be done with the panel in front; the palette offers the same. */
export function PanelMenu({ id, alone }: { id: string; alone: boolean }) {
  const pinned = useDesk((state) => state.pinned.has(id));
  const title = PANELS.get(id)?.title ?? id;
  const { panel: words } = texts;
  return (
    <Menu
      label={words.menu(title)}
      square
      alignEnd
      button={<EllipsisVertical size={14} />}
      items={[
        { id: 'max', title: words.maximise, run: () => toggleMaximised(id) },
        { id: 'pin', title: pinned ? words.unpin : words.pin, detail: words.pinAbout, run: () => togglePin(id) },
        ...(alone
          ? []
          : [
              { id: 'split-right', title: words.splitRight, run: () => splitPanel(id, 'right') },
              { id: 'split-down', title: words.splitDown, run: () => splitPanel(id, 'bottom') },
            ]),
        { id: 'left', title: words.moveLeft, run: () => movePanel(id, 'left') },
        { id: 'right', title: words.moveRight, run: () => movePanel(id, 'right') },
        { id: 'up', title: words.moveUp, run: () => movePanel(id, 'top') },
        { id: 'down', title: words.moveDown, run: () => movePanel(id, 'bottom') },
        { id: 'close', title: words.close, detail: words.closeAbout, run: () => closePanel(id) },
        { id: 'reset', title: words.reset, run: resetDesk },
      ]}
    />
  );
}
