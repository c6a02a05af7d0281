import { useWorkbench } from '../../workbench/store.ts';
import { Panel } from '../components/Panel.tsx';
import { numbers as texts } from '../texts/numbers.ts';
import { numbersPanel } from '../texts/numbers-panel.ts';
import { BitsSlider } from '../touch/BitsSlider.tsx';
import { AccuracyTable } from './AccuracyTable.tsx';
import { NewWeights } from './NewWeights.tsx';
import { PrecisionForm } from './PrecisionForm.tsx';
import { PrecisionSearch } from './PrecisionSearch.tsx';
import './numbers.css';

/** How a model's numbers become integers: chosen, searched for, measured by node, and replaced while a replay runs. */
export default function NumbersPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const usable = program?.modelKey ? program : null;
  return (
    <Panel id="numbers" title={numbersPanel.title}>
      {usable ? (
        <div className="numbers">
          <BitsSlider programKey={usable.key} />
          <PrecisionForm programKey={usable.key} />
          <PrecisionSearch programKey={usable.key} />
          <AccuracyTable programKey={usable.key} />
          <NewWeights />
        </div>
      ) : (
        <div className="empty">
          <strong>{texts.empty.title}</strong>
          <p>{texts.empty.text}</p>
        </div>
      )}
    </Panel>
  );
}
