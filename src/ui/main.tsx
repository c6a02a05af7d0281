import './trusted-types.ts';
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './theme/tokens.css';
import './theme/base.css';
import { createRoot } from 'react-dom/client';
import { compileWorker } from '../workbench/clients.ts';
import { showLessons } from '../workbench/course/pane.ts';
import { startPipeline } from '../workbench/pipeline.ts';
import { startOffline } from '../workbench/projects/offline.ts';
import { startProjects } from '../workbench/projects/start.ts';
import { shareDesk } from '../workbench/projects/state.ts';
import { App } from './shell/App.tsx';
import { showDesk, useDesk } from './shell/desk-store.ts';
import { isDeskId } from './shell/desks.ts';
import { startTheme } from './theme/useTheme.ts';

startTheme();
// The worker's script loads while the sample's files do.
compileWorker.warm();
startPipeline();
// A link carries the desk that its sender saw.
shareDesk({
  get: () => useDesk.getState().desk,
  set: (desk) => {
    if (isDeskId(desk)) showDesk(desk);
  },
});
// The project's files are under way before the first paint.
startProjects();
startOffline();
// A lesson, or a path through lessons, stands in the address beside the project.
const startLessons = () => {
  if (/[?&](lesson|path|embed)=|#lesson=/.test(location.href)) showLessons(true);
};
addEventListener('hashchange', startLessons);
startLessons();
createRoot(document.getElementById('root')!).render(<App />);
