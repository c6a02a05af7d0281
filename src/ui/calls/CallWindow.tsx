import { useMemo } from 'react';
import { callsOf, EXIT_GROUP, padOf, type SyscallInput } from '../../hooks/syscalls/binding.ts';
import { CallWindows } from '../../hooks/syscalls/windows.ts';
import { callName } from '../../traces/syscalls/numbers.ts';
import { formatScore } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { CallTraceView } from '../../workbench/views.ts';
import { calls } from '../texts/calls.ts';

const texts = calls.window;

interface WindowProps {
  readonly trace: CallTraceView;
  readonly at: number;
  readonly mine: { readonly verdict: string; readonly score: number } | null;
  readonly theirs: { readonly score: number } | null;
}

/** The last calls of the chosen call's process as the model gets them. */
export function CallWindow({ trace, at, mine, theirs }: WindowProps) {
  const input = useWorkbench((state) => state.history.doc.binding?.input);
  const stale = useWorkbench((state) => state.stages.replay.stale);
  const seen = useMemo(() => (input?.kind === 'syscalls' ? windowAt(trace, at, input) : null), [trace, at, input]);
  if (!seen || input?.kind !== 'syscalls')
    return (
      <div className="call-window">
        <p className="muted">{texts.noBinding}</p>
      </div>
    );
  // What stands before a process's first call says nothing line by line.
  const pads = Math.max(
    0,
    seen.tokens.findIndex((token) => token !== padOf(input)),
  );
  const nameOf = (token: number): string => (token === callsOf(input) ? texts.other : callName(token));
  return (
    <div className="call-window" data-testid="call-window">
      <p>
        <strong>{texts.title(input.length, trace.pid[at]!)}</strong>
      </p>
      {mine ? (
        <p className={stale ? 'stale' : ''}>
          <span className={`v-${mine.verdict}`}>{texts.verdict(mine.verdict, formatScore(mine.score))}</span>
          {theirs ? <span className="muted"> · {texts.reference(formatScore(theirs.score))}</span> : null}
        </p>
      ) : null}
      <p className="muted small">
        {texts.runs(input.every)} {seen.left === 0 ? texts.here : texts.notHere(seen.left)}
      </p>
      {pads > 0 ? (
        <p className="faint">
          {texts.pads(pads)} <span className="mono">{padOf(input)}</span>
        </p>
      ) : null}
      <ol className="call-tokens" aria-label={texts.tokens} start={pads + 1}>
        {Array.from(seen.tokens.subarray(pads), (token, i) => (
          <li key={i} title={texts.token(token, nameOf(token))}>
            <span className="call-token-name ellipsis">{nameOf(token)}</span>
            <span className="mono muted">{token}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** The window behind call `at`, and in how many calls of its process the model runs. */
function windowAt({ pid, nr }: CallTraceView, at: number, input: SyscallInput): { tokens: Uint16Array; left: number } {
  const process = pid[at]!;
  // Asked at every call, the memory of processes gives the window at each.
  const windows = new CallWindows({ ...input, every: 1 });
  let tokens = new Uint16Array(0);
  let made = 0;
  let ended = false;
  for (let call = 0; call <= at; call++) {
    if (pid[call] !== process) continue;
    // A process that has ended is forgotten, and its number may come again.
    made = ended ? 1 : made + 1;
    ended = nr[call] === EXIT_GROUP;
    tokens = windows.next(process, nr[call]!) as Uint16Array<ArrayBuffer>;
  }
  return { tokens, left: (input.every - (made % input.every)) % input.every };
}
