import type { KernelVersion } from '../../verifier/api.ts';
import { askCell, useKernel } from '../../workbench/kernel.ts';
import type { MatrixCell, VerdictView } from '../../workbench/kernel-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { Stale } from './Stale.tsx';
import { useAnswers } from './store.ts';

const KERNELS: readonly KernelVersion[] = ['5.15', '6.1', '6.6', '6.12', '6.18'];

/** The program's verdict by the rules of several kernels, and what real ones say where they can be asked. */
export function MatrixView() {
  const words = texts.matrix;
  const program = useWorkbench((state) => state.stages.program.value!);
  const matrix = useAnswers((state) => state.matrix);
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend !== 'none');
  const { progress, running, error, run, cancel } = useTask();
  const start = useStable(() => {
    if (!connected) return;
    const of = program.key;
    useAnswers.setState({ matrix: { of, cells: [] } });
    void run(
      async (options) => {
        for (const kernel of KERNELS) {
          const cell = await askCell(of, kernel, options);
          const { matrix: before } = useAnswers.getState();
          if (before?.of === of) useAnswers.setState({ matrix: { of, cells: [...before.cells, cell] } });
        }
      },
      () => undefined,
    );
  });
  useCommandHandler('kernel.ask', start);
  return (
    <>
      <div className="kernel-tools">
        <button type="button" className="button primary" disabled={!connected || running} onClick={start}>
          {words.start}
        </button>
      </div>
      {running ? <Progress progress={progress} label={words.running(KERNELS[matrix?.cells.length ?? 0] ?? '')} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {matrix && matrix.cells.length > 0 ? (
        <div className="kernel-scroll" data-testid="kernel-matrix" data-cells={matrix.cells.length}>
          <Stale of={matrix.of} />
          <table className="kernel-table">
            <caption className="visually-hidden">{words.caption}</caption>
            <thead>
              <tr>
                <th scope="col">{words.kernel}</th>
                <th scope="col">{words.ours}</th>
                <th scope="col">{words.real}</th>
                <th scope="col">{texts.run.same}</th>
              </tr>
            </thead>
            <tbody>
              {matrix.cells.map((cell) => (
                <Row key={cell.kernel} cell={cell} />
              ))}
            </tbody>
          </table>
          <p className="kernel-pad small muted">{words.note}</p>
        </div>
      ) : running ? null : (
        <p className="kernel-pad muted">{texts.nothingYet}</p>
      )}
    </>
  );
}

function Verdict({ said }: { said: VerdictView }) {
  const words = texts.verdict;
  return (
    <>
      <span className={said.accepted ? 'ok' : 'bad'}>
        {said.accepted ? '✓' : '✕'} {said.accepted ? words.accepted : words.rejected(said.message ?? '')}
      </span>{' '}
      <span className="muted">{texts.matrix.processed(said.processed)}</span>
    </>
  );
}

function Row({ cell }: { cell: MatrixCell }) {
  const words = texts.matrix;
  const { ours, real } = cell;
  const same = real ? real.accepted === ours.accepted && real.message === ours.message && real.processed === ours.processed : null;
  return (
    <tr data-kernel={cell.kernel} data-real={real?.how ?? 'profile'} data-same={same ?? ''}>
      <th scope="row">{cell.kernel}</th>
      <td>
        <Verdict said={ours} />
      </td>
      <td>
        {real ? (
          <>
            <Verdict said={real} />
            <div className="small muted">
              {real.release}, {words.how[real.how]}
            </div>
          </>
        ) : (
          <span className="muted">{cell.refusal || words.none}</span>
        )}
      </td>
      <td className={same === null ? 'muted' : same ? 'ok' : 'bad'}>
        {same === null ? words.profileOnly : same ? words.same : words.differs}
      </td>
    </tr>
  );
}
