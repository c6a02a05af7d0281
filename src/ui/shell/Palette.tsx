import { Command as Menu } from 'cmdk';
import { useEffect, useMemo, useRef, useState } from 'react';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { canRun, keyLabel, runCommand } from '../commands.ts';
import { shell as texts } from '../texts/shell.ts';
import { COMMAND_GROUPS } from './commands.ts';
import { showPanel } from './desk-store.ts';
import { showFront, useShell } from './shell-store.ts';
import './palette.css';

const { palette: words } = texts;
const MOST_NODES = 12;

/** Everything by name: commands with their keys, panels, samples, and where to go in the project. */
export default function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const before = useRef(document.activeElement as HTMLElement | null);
  const input = useRef<HTMLInputElement>(null);
  // What was typed while this was still loading is not lost.
  const [query, setQuery] = useState(() => useShell.getState().typed);
  useEffect(() => {
    dialog.current?.showModal();
    input.current?.focus();
  }, []);
  const close = () => showFront(null);
  /** What runs may move the focus; it runs after the dialog has given it back. */
  const run = (act: () => void) => {
    close();
    requestAnimationFrame(() => {
      if (before.current?.isConnected) before.current.focus();
      act();
    });
  };
  return (
    <dialog ref={dialog} className="palette" aria-label={words.label} onClose={close}>
      <Menu label={words.label} loop>
        <Menu.Input ref={input} className="palette-input" placeholder={words.placeholder} value={query} onValueChange={setQuery} />
        <Menu.List className="palette-list">
          <Menu.Empty className="empty">{words.none}</Menu.Empty>
          <Places query={query} run={run} />
          {COMMAND_GROUPS.map((group) => (
            <Menu.Group key={group.title} heading={group.title}>
              {group.commands.filter(canRun).map((command) => (
                <Menu.Item key={command.id} value={`${group.title} ${command.title}`} onSelect={() => run(() => void runCommand(command))}>
                  <span className="grow ellipsis">{command.title}</span>
                  {command.keys?.map((key) => <kbd key={key}>{keyLabel(key)}</kbd>).slice(0, 1)}
                </Menu.Item>
              ))}
            </Menu.Group>
          ))}
        </Menu.List>
      </Menu>
    </dialog>
  );
}

/** Instructions and events by number, nodes by name. */
function Places({ query, run }: { query: string; run: (act: () => void) => void }) {
  const { model, program, trace } = useWorkbench((state) => state.stages);
  const text = query.trim().toLowerCase();
  const number = /^#?\d+$/.test(text) ? Number(text.replace('#', '')) : -1;
  const nodes = useMemo(
    () =>
      text.length < 2 || !model.value
        ? []
        : model.value.nodes
            .filter((node) => node.folded === undefined && `${node.name} ${node.op}`.toLowerCase().includes(text))
            .slice(0, MOST_NODES),
    [model.value, text],
  );
  const insns = (program.value?.code.length ?? 0) / 8;
  const events = trace.value?.count ?? 0;
  const items = [
    ...(number >= 0 && number < insns
      ? [{ id: 'insn', title: words.insn(number), go: () => select('insn', number), panel: 'program' }]
      : []),
    ...(number > 0 && number <= events
      ? [{ id: 'event', title: words.event(formatCount(number)), go: () => select('packet', number - 1), panel: 'trace' }]
      : []),
    ...nodes.map((node) => ({
      id: `node-${node.index}`,
      title: words.node(node.op, node.name),
      go: () => select('node', node.index),
      panel: 'model',
    })),
  ];
  if (items.length === 0) return null;
  return (
    <Menu.Group heading={words.places} forceMount>
      {items.map(({ id, title, go, panel }) => (
        <Menu.Item
          key={id}
          value={`${query} ${id}`}
          forceMount
          onSelect={() =>
            run(() => {
              go();
              showPanel(panel);
            })
          }
        >
          <span className="grow ellipsis">{title}</span>
        </Menu.Item>
      ))}
    </Menu.Group>
  );
}
