import { ChevronDown } from 'lucide-react';
import { exportProject, openSample } from '../../workbench/actions.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Menu, type MenuItem } from '../components/Menu.tsx';
import { showPanel } from '../shell/desk-store.ts';
import { projects as texts } from '../texts/projects.ts';
import { showProjects, showRename, showShare, withKeeper } from './open.ts';
import { SaveState } from './SaveState.tsx';

/** How many kept projects the menu shows; the list has them all. */
const SHOWN = 5;

/** The project's name, where it stands, and the way to every other one. */
export function ProjectMenu() {
  const name = useWorkbench((state) => state.history.doc.name);
  const { id, previous, projects } = useProject();
  const { menu } = texts;
  const openKept = (kept: string) => () => withKeeper((module) => module.openProject(kept));
  const recent = projects.filter((project) => project.id !== id && project.id !== previous?.id).slice(0, SHOWN);
  const items: MenuItem[] = [
    ...SAMPLES.map((sample) => ({ id: sample.id, title: sample.title, detail: sample.about, run: () => void openSample(sample) })),
    { id: 'stories', title: menu.stories, detail: menu.storiesAbout, run: () => showPanel('text') },
    { id: 'list', title: menu.list, detail: menu.listAbout, group: menu.project, run: showProjects },
    { id: 'rename', title: menu.rename, run: showRename },
    { id: 'share', title: menu.share, detail: menu.shareAbout, run: showShare },
    { id: 'export', title: menu.exportFile, detail: menu.exportAbout, run: () => void exportProject() },
    ...(previous ? [{ id: 'back', title: menu.back(previous.name), detail: menu.backAbout, run: openKept(previous.id) }] : []),
    ...recent.map((project, at) => ({
      id: project.id,
      title: project.name,
      ...(at === 0 ? { group: menu.recent } : {}),
      run: openKept(project.id),
    })),
  ];
  return (
    <div className="project-place">
      <Menu
        label={menu.label(name)}
        button={
          <>
            <strong className="ellipsis project-name">{name}</strong>
            <ChevronDown size={14} />
          </>
        }
        items={items}
        heading={menu.samples}
        onOpen={() => withKeeper((module) => module.refreshProjects())}
      />
      <SaveState />
    </div>
  );
}
