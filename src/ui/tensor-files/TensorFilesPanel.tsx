import { Panel } from '../components/Panel.tsx';
import { useWidth } from '../components/useWidth.ts';
import { tensorFilesPanel } from '../texts/tensor-files-panel.ts';
import { Pictures } from './Pictures.tsx';
import { Recordings } from './Recordings.tsx';
import './tensor-files.css';

/** What goes into a model as pictures, and what comes out between its operators, as files. */
export default function TensorFilesPanel() {
  // A panel behind another one is there, but has no width.
  const { ref, width } = useWidth();
  return (
    <Panel id="tensor-files" title={tensorFilesPanel.title}>
      <div ref={ref} />
      <div className="tensor-files">
        <Pictures />
        <Recordings visible={width > 0} />
      </div>
    </Panel>
  );
}
