import { Command as Menu } from 'cmdk';
import { useEffect, useMemo, useRef, useState } from 'react';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { type Command, canRun, keyLabel, runCommand } from '../commands.ts';
import { shell as texts } from '../texts/shell.ts';
import { COMMAND_GROUPS } from './commands.ts';
import { showPanel } from './desk-store.ts';
import { rank } from './rank.ts';
import { showFront, useShell } from './shell-store.ts';
import './palette.css';

const { palette: words } = texts;
const MOST_FOUND = 40;
const MOST_NODES = 12;

/** What can be chosen: a command, or a place to go to. */
interface Choice {
  readonly id: string;
  readonly title: string;
  readonly group: string;
  readonly key?: string;
  run(): void;
}

const choiceOf = (command: Command, group: string): Choice => ({
  id: command.id,
  title: command.title,
  group,
  ...(command.keys?.[0] ? { key: command.keys[0] } : {}),
  run: () => void runCommand(command),
});

/** Everything by name: commands with their keys, panels, samples, and where to go in the project. */
export default function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const before = useRef(document.activeElement as HTMLElement | null);
  const input = useRef<HTMLInputElement>(null);
  // What was typed while this was still loading is not lost.
  const [query, setQuery] = useState(() => useShell.getState().typed);
  const commands = useMemo(
    () => COMMAND_GROUPS.flatMap((group) => group.commands.filter(canRun).map((command) => choiceOf(command, group.title))),
    [],
  );
  const places = usePlaces(query);
  const found = useMemo(
    () =>
      commands
        .map((choice) => ({ choice, score: rank(choice.title, query) }))
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, MOST_FOUND)
        .map(({ choice }) => choice),
    [commands, query],
  );
  useEffect(() => {
    dialog.current?.showModal();
    input.current?.focus();
  }, []);
  const close = () => showFront(null);
  /** What runs may move the focus; it runs after the dialog has given it back. */
  const run = (choice: Choice) => {
    close();
    requestAnimationFrame(() => {
      if (before.current?.isConnected) before.current.focus();
      choice.run();
    });
  };
  const item = (choice: Choice) => (
    <Menu.Item key={choice.id} value={choice.id} onSelect={() => run(choice)}>
      <span className="grow ellipsis">{choice.title}</span>
      {query === '' || choice.group === words.places ? null : <span className="small palette-group">{choice.group}</span>}
      {choice.key ? <kbd>{keyLabel(choice.key)}</kbd> : null}
    </Menu.Item>
  );
  return (
    <dialog ref={dialog} className="palette" aria-label={words.label} onClose={close}>
      <Menu label={words.label} loop shouldFilter={false}>
        <Menu.Input ref={input} className="palette-input" placeholder={words.placeholder} value={query} onValueChange={setQuery} />
        <Menu.List className="palette-list">
          {found.length + places.length === 0 ? <p className="empty">{words.none}</p> : null}
          {places.length > 0 ? <Menu.Group heading={words.places}>{places.map(item)}</Menu.Group> : null}
          {query.trim() === ''
            ? COMMAND_GROUPS.map(({ title }) => (
                <Menu.Group key={title} heading={title}>
                  {commands.filter((choice) => choice.group === title).map(item)}
                </Menu.Group>
              ))
            : found.map(item)}
        </Menu.List>
      </Menu>
    </dialog>
  );
}

/** Instructions and events by number, operators by name. */
function usePlaces(query: string): readonly Choice[] {
  const { model, program, trace } = useWorkbench((state) => state.stages);
  return useMemo(() => {
    const text = query.trim().toLowerCase();
    const number = /^#?\d+$/.test(text) ? Number(text.replace('#', '')) : -1;
    const insns = (program.value?.code.length ?? 0) / 8;
    const events = trace.value?.count ?? 0;
    const to = (id: string, title: string, go: () => void, panel: string): Choice => ({
      id,
      title,
      group: words.places,
      run: () => {
        go();
        showPanel(panel);
      },
    });
    const places: Choice[] = [];
    if (number >= 0 && number < insns) places.push(to('insn', words.insn(number), () => select('insn', number), 'program'));
    if (number > 0 && number <= events) {
      places.push(to('event', words.event(formatCount(number)), () => select('packet', number - 1), 'trace'));
    }
    if (text.length < 2 || !model.value) return places;
    const nodes = model.value.nodes
      .filter((node) => node.folded === undefined)
      .map((node) => ({ node, title: words.node(node.op, node.name) }))
      .filter(({ title }) => rank(title, text) > 0)
      .slice(0, MOST_NODES);
    return [...places, ...nodes.map(({ node, title }) => to(`node-${node.index}`, title, () => select('node', node.index), 'model'))];
  }, [query, model.value, program.value, trace.value]);
}
