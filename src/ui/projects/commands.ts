import { exportProject } from '../../workbench/actions.ts';
import type { Command } from '../commands.ts';
import { projects as texts } from '../texts/projects.ts';
import { showProjects, showRename, showShare } from './open.ts';

/** What can be done with whole projects, by name. */
export const PROJECT_COMMANDS: readonly Command[] = [
  { id: 'project-list', title: texts.commands.list, keys: ['mod+shift+o'], run: showProjects },
  { id: 'project-rename', title: texts.commands.rename, run: showRename },
  { id: 'project-share', title: texts.commands.share, keys: ['mod+shift+s'], run: showShare },
  { id: 'project-export', title: texts.commands.exportFile, keys: ['mod+s'], run: () => void exportProject() },
];
