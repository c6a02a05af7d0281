import { type ComponentType, useState } from 'react';
import { useAccelerator } from '../../../workbench/accelerator.ts';
import { Panel } from '../../components/Panel.tsx';
import { accelerator } from '../../texts/accelerator.ts';
import { acceleratorPanels } from '../../texts/accelerator-panels.ts';
import { Fault } from '../Fault.tsx';
import { Segments } from '../Segments.tsx';
import { AuditView } from './AuditView.tsx';
import { FusionView } from './FusionView.tsx';
import { LayersView } from './LayersView.tsx';
import { OverheadView } from './OverheadView.tsx';
import { TenantsView } from './TenantsView.tsx';
import { TraceView } from './TraceView.tsx';
import '../accelerator.css';

const { measures: texts } = accelerator;
type View = keyof typeof texts.views;

const VIEWS: Readonly<Record<View, ComponentType>> = {
  layers: LayersView,
  tenants: TenantsView,
  audit: AuditView,
  trace: TraceView,
  fusion: FusionView,
  overhead: OverheadView,
};

/** What the device did, summed and checked. */
export default function MeasuresPanel() {
  const [view, setView] = useState<View>('layers');
  const ready = useAccelerator((state) => state.snapshot !== null);
  const View = VIEWS[view];
  return (
    <Panel
      id="accel-measures"
      title={acceleratorPanels.measures.title}
      summary={<span title={accelerator.simulatedAbout}>{accelerator.modelled}</span>}
    >
      <div className="accel-bar">
        <Segments label={acceleratorPanels.measures.title} names={texts.views} value={view} onChange={setView} />
      </div>
      <Fault place="measures" />
      {ready ? <View /> : <p className="empty">{accelerator.loading}</p>}
    </Panel>
  );
}
