import { ErrorNote } from '../../components/ErrorNote.tsx';
import { useMachineHere } from '../../machine/useMachineHere.ts';
import { course } from '../../texts/course.ts';
import Playback from '../../touch/Playback.tsx';
import { Ready } from './Ready.tsx';

/** The run of the event at the cursor, as a line to be dragged along. */
export default function LiveRun() {
  return <Ready>{() => <Run />}</Ready>;
}

function Run() {
  const { view, session, error } = useMachineHere(true);
  if (error) return <ErrorNote error={error} />;
  return view ? <Playback view={view} session={session} /> : <p className="muted">{course.computing}</p>;
}
