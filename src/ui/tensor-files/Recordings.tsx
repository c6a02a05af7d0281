import { CircleDot, FileUp } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { scaleAt } from '../../reference/value-error.ts';
import { compareRecorded, eventsOfRecording, type RecordingFormat } from '../../replay/recorded.ts';
import { eventOf, useEventValues, wantEventValues } from '../../workbench/event-values.ts';
import { openRecording, record, useRecording } from '../../workbench/recording.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { tensorFiles } from '../texts/tensor-files.ts';

const texts = tensorFiles.recording;
const FORMATS: readonly RecordingFormat[] = ['npz', 'safetensors'];
const MOST_EVENTS = 1024;
/** Differences below this share of a tensor's range are those of another build of ONNX Runtime. */
const SAME = 1e-3;

const differs = ({ maxAbs, range }: { maxAbs: number; range: number }): boolean => !(maxAbs <= SAME * Math.max(range, 1e-6));

/** Records the reference's tensors, and compares those of the selected event with a recording. */
export function Recordings({ visible }: { visible: boolean }) {
  const picker = useRef<HTMLInputElement>(null);
  const [events, setEvents] = useState(16);
  const [format, setFormat] = useState<RecordingFormat>('npz');
  const [done, setDone] = useState(0);
  const { progress, running, error, run, cancel } = useTask();
  const able = useWorkbench(
    ({ stages, history }) => stages.model.value !== null && stages.trace.value !== null && history.doc.binding !== null,
  );
  const opened = useRecording();
  return (
    <section aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <p className="muted">{able ? texts.about : texts.needs}</p>
      <div className="tensor-files-row">
        <label>
          <input
            className="field tensor-files-count"
            type="number"
            min={1}
            max={MOST_EVENTS}
            value={Number.isNaN(events) ? '' : events}
            onChange={(event) => setEvents(event.target.valueAsNumber)}
          />
          <span>{texts.events}</span>
        </label>
        <label>
          <span>{texts.format}</span>
          <select className="field" value={format} onChange={(event) => setFormat(event.target.value as RecordingFormat)}>
            {FORMATS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="button bordered"
          disabled={!able || running || !(events >= 1 && events <= MOST_EVENTS)}
          onClick={() => void run((options) => record(Math.floor(events), format, options), setDone)}
        >
          <CircleDot size={14} /> {texts.record}
        </button>
        {done > 0 && !running ? <span role="status">{texts.done(done)}</span> : null}
      </div>
      {running ? <Progress progress={progress} label={texts.working} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      <div className="tensor-files-row">
        <button type="button" className="button bordered" onClick={() => picker.current?.click()}>
          <FileUp size={14} /> {texts.open}
        </button>
      </div>
      <input
        ref={picker}
        type="file"
        hidden
        accept=".npz,.safetensors"
        data-testid="recording-picker"
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          if (file) void openRecording(file);
          event.target.value = '';
        }}
      />
      {opened.error ? <ErrorNote error={opened.error} /> : null}
      {opened.recording ? <Comparison visible={visible} /> : null}
    </section>
  );
}

function Comparison({ visible }: { visible: boolean }) {
  const { name, recording } = useRecording();
  useEffect(() => (visible ? wantEventValues() : undefined), [visible]);
  const { value, event: read, stale } = useEventValues();
  const event = useWorkbench(eventOf);
  const events = useMemo(() => (recording ? eventsOfRecording(recording) : []), [recording]);
  const at = events.indexOf(event);
  const ready = value !== null && !stale && read === event && at >= 0;
  const rows = useMemo(() => {
    if (!ready || !recording) return [];
    const reference = new Map([...value.reference].map(([key, { data }]) => [key, data]));
    const program = new Map(
      value.program.values.map((one) => [one.name, Float64Array.from(one.data, (integer, i) => integer * scaleAt(one, i))]),
    );
    const ours = new Map(compareRecorded(recording, at, program).map((row) => [row.name, row]));
    return compareRecorded(recording, at, reference).map((row) => ({ ...row, program: ours.get(row.name)?.maxAbs ?? null }));
  }, [ready, recording, value, at]);
  if (!recording) return null;
  const count = rows.filter(differs).length;
  const shown =
    events.length > 6
      ? `${events
          .slice(0, 5)
          .map((one) => one + 1)
          .join(', ')}, …`
      : events.map((one) => one + 1).join(', ');
  return (
    <div data-testid="recorded" data-ready={ready} data-differ={count} data-tensors={rows.length}>
      <p>{texts.opened(name, recording.size, events.length)}</p>
      {at < 0 ? (
        <p className="muted">{texts.notHeld(event, shown)}</p>
      ) : !ready ? (
        <p className="muted">{texts.waiting}</p>
      ) : rows.length === 0 ? (
        <p className="bad">{texts.none}</p>
      ) : (
        <>
          <p className={count === 0 ? 'ok' : 'bad'}>{count === 0 ? texts.same(rows.length) : texts.differ(count, rows.length)}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard. */}
          <section className="tensor-files-table" tabIndex={0} aria-label={texts.list}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{texts.columns.name}</th>
                  <th scope="col">{texts.columns.reference}</th>
                  <th scope="col">{texts.columns.program}</th>
                  <th scope="col">{texts.columns.range}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.name}>
                    <th scope="row" className="mono ellipsis" title={row.name}>
                      {row.name}
                    </th>
                    <td className={differs(row) ? 'bad' : ''}>
                      {differs(row) ? '✕ ' : ''}
                      {row.maxAbs === 0 ? '0' : row.maxAbs.toPrecision(2)}
                    </td>
                    <td>{row.program === null ? '–' : row.program.toPrecision(2)}</td>
                    <td>{row.range.toPrecision(3)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
    </div>
  );
}
