import { useRef, useState } from 'react';
import { isShown, type SwappedReplay, swapReplay, unswapReplay } from '../../workbench/numbers.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { numbers } from '../texts/numbers.ts';

const texts = numbers.swap;

/** Replaces the weights from one event of the replay on. */
export function NewWeights() {
  const replay = useWorkbench((state) => state.stages.replay);
  const judging = useWorkbench((state) => state.stages.reference.status === 'running');
  const cursor = useWorkbench((state) => state.cursors.packet);
  const [text, setText] = useState<string | null>(null);
  const [done, setDone] = useState<SwappedReplay | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const file = useRef<HTMLInputElement>(null);
  const total = replay.value?.total ?? 0;
  const from = text ?? String(Number(cursor ?? Math.floor(total / 2)) + 1);
  const at = Number(from) - 1;
  const valid = Number.isInteger(at) && at >= 0 && at < total;
  const swapped = done && isShown(done, replay.value) ? done : null;
  const take = (chosen: File | undefined) => {
    if (!chosen) return;
    if (swapped) unswapReplay(swapped);
    setDone(null);
    void run((options) => swapReplay(chosen, at, options), setDone);
  };
  return (
    <section aria-label={texts.title} data-testid="swap">
      <div className="numbers-head">
        <h2>{texts.title}</h2>
      </div>
      <p className="small muted numbers-note">{texts.about}</p>
      <div className="numbers-form">
        <label>
          <span>{texts.from}</span>
          <input
            className="field num"
            inputMode="numeric"
            value={from}
            aria-invalid={total > 0 && !valid}
            onChange={({ target }) => setText(target.value)}
          />
        </label>
        <button
          type="button"
          className="button bordered"
          disabled={!valid || running || judging}
          title={judging ? texts.judging : undefined}
          onClick={() => file.current?.click()}
        >
          {texts.choose}
        </button>
        <input
          ref={file}
          type="file"
          accept=".onnx"
          hidden
          aria-label={texts.choose}
          onChange={({ target }) => {
            take(target.files?.[0]);
            target.value = '';
          }}
        />
        {swapped ? (
          <button
            type="button"
            className="button bordered"
            onClick={() => {
              unswapReplay(swapped);
              setDone(null);
            }}
          >
            {texts.back}
          </button>
        ) : null}
      </div>
      {running ? <Progress progress={progress} label={texts.putting} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {swapped ? (
        <p className="numbers-note" role="status">
          {texts.done(swapped.name, swapped.from + 1, swapped.changed, total - swapped.from)}
        </p>
      ) : null}
    </section>
  );
}
