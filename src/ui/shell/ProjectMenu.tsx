import { ChevronDown } from 'lucide-react';
import { openSample } from '../../workbench/actions.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Menu } from '../components/Menu.tsx';
import { shell as texts } from '../texts/shell.ts';

export function ProjectMenu() {
  const name = useWorkbench((state) => state.history.doc.name);
  return (
    <Menu
      label={texts.top.project(name)}
      button={
        <>
          <strong className="ellipsis project-name">{name}</strong>
          <ChevronDown size={14} />
        </>
      }
      items={SAMPLES.map((sample) => ({ id: sample.id, title: sample.title, detail: sample.about, run: () => void openSample(sample) }))}
      heading={texts.top.samples}
    />
  );
}
