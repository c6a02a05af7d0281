import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './theme/tokens.css';
import './theme/base.css';
import { createRoot } from 'react-dom/client';
import { openSample } from '../workbench/actions.ts';
import { compileWorker } from '../workbench/clients.ts';
import { startPipeline } from '../workbench/pipeline.ts';
import { SAMPLES } from '../workbench/samples.ts';
import { App } from './shell/App.tsx';
import { startTheme } from './theme/useTheme.ts';

startTheme();
// The worker's script loads while the sample's files do.
compileWorker.warm();
startPipeline();
// The sample's files are under way before the first paint.
void openSample(SAMPLES[0]!);
createRoot(document.getElementById('root')!).render(<App />);
