import { exportObject, openSample, setKernel } from '../../workbench/actions.ts';
import { KERNELS } from '../../workbench/document.ts';
import { rerun } from '../../workbench/pipeline.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { clearSelection, currentDoc, redo, selectionBack, selectionForward, undo, useWorkbench } from '../../workbench/store.ts';
import type { Command } from '../commands.ts';
import { PROJECT_COMMANDS } from '../projects/commands.ts';
import { shell as texts } from '../texts/shell.ts';
import { useTheme } from '../theme/useTheme.ts';
import { startTour } from '../tour/tour-store.ts';
import {
  activePanel,
  closePanel,
  movePanel,
  resetDesk,
  resizePanel,
  type Side,
  showDesk,
  showPanel,
  splitPanel,
  toggleMaximised,
  togglePin,
} from './desk-store.ts';
import { DESKS } from './desks.ts';
import { PANELS } from './panels.ts';
import { showFront } from './shell-store.ts';

/** Commands under one heading, as the palette and the sheet of shortcuts show them. */
export interface CommandGroup {
  readonly title: string;
  /** Where its single keys work; '' everywhere. */
  readonly panel: string;
  readonly commands: readonly Command[];
}

const { commands: words } = texts;
const history = () => useWorkbench.getState().history;

const PROJECT: readonly Command[] = [
  { id: 'open', title: words.open, keys: ['mod+o'], run: () => document.getElementById('file-picker')?.click() },
  ...PROJECT_COMMANDS,
  { id: 'undo', title: words.undo, keys: ['mod+z'], enabled: () => history().past.length > 0, run: undo },
  { id: 'redo', title: words.redo, keys: ['mod+shift+z', 'mod+y'], enabled: () => history().future.length > 0, run: redo },
  { id: 'replay', title: words.replay, keys: ['r'], enabled: () => currentDoc().trace !== null, run: rerun },
  {
    id: 'export-object',
    title: words.exportObject,
    enabled: () => useWorkbench.getState().stages.program.status === 'done',
    run: () => void exportObject(),
  },
  ...KERNELS.map((kernel): Command => ({ id: `kernel-${kernel}`, title: words.kernel(kernel), run: () => setKernel(kernel) })),
  ...SAMPLES.map(
    (sample): Command => ({ id: `sample-${sample.id}`, title: words.sample(sample.title), run: () => void openSample(sample) }),
  ),
];

const SELECTION: readonly Command[] = [
  { id: 'select-back', title: words.back, keys: ['[', 'alt+arrowleft'], run: selectionBack },
  { id: 'select-forward', title: words.forward, keys: [']', 'alt+arrowright'], run: selectionForward },
  { id: 'select-none', title: words.selectNone, keys: ['escape'], run: clearSelection },
];

const onActive = (act: (id: string) => void) => () => {
  const id = activePanel();
  if (id) act(id);
};

const MOVES: readonly (readonly [side: Side, title: string, key: string])[] = [
  ['left', texts.panel.moveLeft, 'alt+shift+arrowleft'],
  ['right', texts.panel.moveRight, 'alt+shift+arrowright'],
  ['top', texts.panel.moveUp, 'alt+shift+arrowup'],
  ['bottom', texts.panel.moveDown, 'alt+shift+arrowdown'],
];

const VIEW: readonly Command[] = [
  { id: 'palette', title: words.palette, keys: ['mod+k'], run: () => showFront('palette') },
  { id: 'tour', title: words.tour, run: startTour },
  { id: 'shortcuts', title: words.shortcuts, keys: ['?'], run: () => showFront('shortcuts') },
  ...DESKS.map(
    (desk, at): Command => ({
      id: `desk-${desk.id}`,
      title: words.desk(desk.title),
      keys: [`alt+${at + 1}`],
      run: () => showDesk(desk.id),
    }),
  ),
  ...[...PANELS.values()].map(
    (panel): Command => ({
      id: `show-${panel.id}`,
      title: words.showPanel(panel.title),
      run: () => showPanel(panel.id),
    }),
  ),
  { id: 'next-panel', title: words.nextPanel, keys: ['f6'] },
  { id: 'previous-panel', title: words.previousPanel, keys: ['shift+f6'] },
  { id: 'panel-maximise', title: texts.panel.maximise, keys: ['alt+enter'], run: onActive(toggleMaximised) },
  { id: 'panel-pin', title: words.pin, keys: ['alt+p'], run: onActive(togglePin) },
  { id: 'panel-split-right', title: texts.panel.splitRight, run: onActive((id) => splitPanel(id, 'right')) },
  { id: 'panel-split-down', title: texts.panel.splitDown, run: onActive((id) => splitPanel(id, 'bottom')) },
  ...MOVES.map(
    ([side, title, key]): Command => ({
      id: `panel-move-${side}`,
      title: words.panel(title),
      keys: [key],
      run: onActive((id) => movePanel(id, side)),
    }),
  ),
  { id: 'panel-larger', title: words.panel(texts.panel.wider), keys: ['alt+shift+='], run: onActive((id) => resizePanel(id, 0.05)) },
  { id: 'panel-smaller', title: words.panel(texts.panel.narrower), keys: ['alt+shift+-'], run: onActive((id) => resizePanel(id, -0.05)) },
  { id: 'panel-close', title: words.closePanel, run: onActive(closePanel) },
  { id: 'desk-reset', title: texts.panel.reset, run: resetDesk },
  { id: 'theme-light', title: words.theme.light, run: () => useTheme.getState().choose({ choice: 'light' }) },
  { id: 'theme-dark', title: words.theme.dark, run: () => useTheme.getState().choose({ choice: 'dark' }) },
  { id: 'theme-system', title: words.theme.system, run: () => useTheme.getState().choose({ choice: 'system', contrast: 'system' }) },
  {
    id: 'theme-contrast',
    title: words.theme.contrast,
    run: () => useTheme.getState().choose({ contrast: document.documentElement.dataset.contrast === 'more' ? 'normal' : 'more' }),
  },
];

/** Every command there is. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: words.groups.project, panel: '', commands: PROJECT },
  { title: words.groups.selection, panel: '', commands: SELECTION },
  ...[...PANELS.values()].flatMap((panel): CommandGroup[] =>
    panel.commands?.length ? [{ title: panel.title, panel: panel.id, commands: panel.commands }] : [],
  ),
  { title: words.groups.view, panel: '', commands: VIEW },
];

const byKey = (commands: readonly Command[]): ReadonlyMap<string, Command> =>
  new Map(commands.flatMap((command) => (command.keys ?? []).map((key) => [key, command] as const)));

/** Function keys of panels work everywhere: a debugger is stepped while the focus is in the listing. */
const functionKeys = (command: Command): Command => ({
  ...command,
  keys: command.keys?.filter((key) => /^(shift\+)?f\d+$/.test(key)) ?? [],
});

const EVERYWHERE = byKey([
  ...COMMAND_GROUPS.filter(({ panel }) => panel !== '').flatMap(({ commands }) => commands.map(functionKeys)),
  ...COMMAND_GROUPS.filter(({ panel }) => panel === '').flatMap(({ commands }) => commands),
]);
const IN_PANEL = new Map(COMMAND_GROUPS.filter(({ panel }) => panel !== '').map(({ panel, commands }) => [panel, byKey(commands)]));

/** Commands that a key means while the focus is in a panel: the panel's own first. */
export function commandsFor(key: string, panel: string | null): readonly Command[] {
  return [panel ? IN_PANEL.get(panel)?.get(key) : undefined, EVERYWHERE.get(key)].filter((command) => command !== undefined);
}
