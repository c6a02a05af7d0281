import { GraduationCap } from 'lucide-react';
import { showLessons } from '../../workbench/course/pane.ts';
import { part } from '../components/part.tsx';
import type { PanelDef } from '../panel.ts';
import { learnPanel as texts } from '../texts/learn-panel.ts';

const { commands } = texts;

export const panel: PanelDef = {
  id: 'learn',
  title: texts.title,
  about: texts.about,
  icon: GraduationCap,
  Component: part(() => import('./LearnPanel.tsx')),
  home: { learn: ['left', 0] },
  shows: ['insn'],
  commands: [
    { id: 'learn.course', title: commands.course, run: () => showLessons(true) },
    { id: 'learn.focus', title: commands.focus, keys: ['f8'] },
    { id: 'learn.next', title: commands.next, keys: ['n'] },
    { id: 'learn.previous', title: commands.previous, keys: ['p'] },
    { id: 'learn.check', title: commands.check, keys: ['c'] },
    { id: 'learn.hint', title: commands.hint, keys: ['h'] },
    { id: 'learn.print', title: commands.print },
  ],
};
