import { Suspense } from 'react';
import { openSample } from '../../workbench/actions.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { Panel } from '../components/Panel.tsx';
import { part } from '../components/part.tsx';
import { StageStatus } from '../components/StageGate.tsx';
import { c as texts } from '../texts/c.ts';
import { cPanel } from '../texts/c-panel.ts';
import './c.css';

const CEditor = part(() => import('./CEditor.tsx'));

/** The C that the program is made of, checked while it is typed; its mistakes and the verifier's stand at their lines. */
export default function CPanel() {
  const source = useWorkbench((state) => state.history.doc.source);
  const view = useWorkbench((state) => state.stages.c.value);
  useCommandHandler('c.call', call);
  const warnings = view?.diagnostics.filter(({ severity }) => severity === 'warning').length ?? 0;
  return (
    <Panel id="c" title={cPanel.title} summary={source?.kind === 'c' ? texts.summary(source.blob.name, warnings) : null}>
      {source?.kind === 'c' ? (
        <div className="c-panel">
          <StageStatus name="c" />
          <Suspense fallback={<p className="empty">{texts.loading}</p>}>
            <CEditor source={source} />
          </Suspense>
        </div>
      ) : (
        <div className="empty">
          <strong>{texts.emptyTitle}</strong>
          <p>{texts.empty}</p>
          {source?.kind === 'model' ? (
            <button type="button" className="button bordered" onClick={call}>
              {texts.callModel(source.blob.name)}
            </button>
          ) : null}
          <button type="button" className="button bordered" onClick={() => void openSample(EXAMPLE)}>
            {texts.example}
          </button>
          <button type="button" className="button bordered" onClick={() => void openSample(MODEL_EXAMPLE)}>
            {texts.modelExample}
          </button>
        </div>
      )}
    </Panel>
  );
}

function call(): void {
  void import('../../workbench/c.ts')
    .then(({ callModelFromC }) => callModelFromC())
    .catch((error: unknown) => notifyFailure(texts.calling, error));
}

const EXAMPLE = SAMPLES.find(({ id }) => id === 'classifier-c')!;
const MODEL_EXAMPLE = SAMPLES.find(({ id }) => id === 'model-c')!;
