import { Fragment, type ReactNode } from 'react';
import { formatCount } from '../../workbench/selectors.ts';
import { STAGE_VERBS, type StageName } from '../../workbench/stages.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ShippedMark } from '../components/ShippedMark.tsx';
import { shell as texts } from '../texts/shell.ts';
import { TourOffer } from '../tour/TourOffer.tsx';
import { DroppedNote } from './DroppedNote.tsx';

const { status: words } = texts;

const ORDER: readonly StageName[] = ['model', 'calibration', 'log', 'program', 'verified', 'trace', 'replay', 'reference'];

/** What stands and what is under way, in one line. */
export function StatusBar() {
  const stages = useWorkbench((state) => state.stages);
  const { program, verified, replay, trace, calibration } = stages;
  const parts: ReactNode[] = [];
  if (Object.values(stages).some((stage) => stage.shipped)) parts.push(<ShippedMark />);
  if (verified.value && verified.status === 'done') {
    parts.push(
      verified.value.fromLog ? (
        <span className={verified.value.accepted ? 'ok' : 'bad'}>{words.fromLog(verified.value.accepted)}</span>
      ) : verified.value.accepted ? (
        <span className="ok">{words.verified(formatMs(verified.ms))}</span>
      ) : (
        <span className="bad">{words.rejected(formatMs(verified.ms))}</span>
      ),
    );
  }
  if (program.value && program.status === 'done')
    parts.push(<span>{words.made(program.value.modelKey !== '', formatMs(program.ms))}</span>);
  if (calibration.value) {
    parts.push(<span className="ellipsis">{words.calibrated(formatCount(calibration.value.samples), calibration.value)}</span>);
  }
  if (replay.value?.engine && trace.value) parts.push(<span>{words.engine(replay.value.engine)}</span>);
  if (replay.value && trace.value) parts.push(<span>{words.events(formatCount(replay.value.done))}</span>);
  const running = ORDER.filter((name) => stages[name].status === 'running');
  return (
    <footer className="statusbar">
      {parts.map((part, at) => (
        <Fragment key={at}>
          {at > 0 ? <span className="muted">·</span> : null}
          {part}
        </Fragment>
      ))}
      <DroppedNote />
      <span className="grow" />
      <TourOffer />
      {running.map((name) => {
        const { progress } = stages[name];
        const share = progress && progress.total > 0 ? ` ${Math.floor((progress.done / progress.total) * 100)} %` : '';
        return (
          <span key={name} data-running={name}>
            ◔ {STAGE_VERBS[name]}
            {share}
          </span>
        );
      })}
      {running.length === 0 && program.value ? <span className="muted">{words.idle}</span> : null}
    </footer>
  );
}

function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
