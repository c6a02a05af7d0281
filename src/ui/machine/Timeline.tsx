import { act } from '../../workbench/machine.ts';
import type { MachineView } from '../../workbench/machine-views.ts';
import { machine as texts } from '../texts/machine.ts';
import { bytesText } from './format.ts';

/** The run as a line: drag to travel. */
export function Timeline({ view }: { view: MachineView }) {
  const { step, length, edited, recording } = view;
  const end = Math.max(1, length ?? step);
  return (
    <div className="machine-timeline">
      <div className="machine-line">
        <input
          type="range"
          min={0}
          max={end}
          step={1}
          value={step}
          aria-label={texts.timeline}
          aria-valuetext={texts.timelineText(step, length)}
          title={texts.recording(recording.count, bytesText(recording.bytes), recording.spacing)}
          data-testid="timeline"
          onChange={(event) => void act({ kind: 'goTo', step: Number(event.target.value) })}
        />
        {edited.map((at, i) => (
          <span key={i} className="machine-edit-mark" style={{ left: `${(at / end) * 100}%` }} title={texts.editedAt(at)} />
        ))}
      </div>
      {length === null ? <p className="small muted">{texts.unended}</p> : null}
    </div>
  );
}
