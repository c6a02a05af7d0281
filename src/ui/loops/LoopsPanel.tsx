import { type ReactNode, Suspense, useEffect, useState } from 'react';
import type { FixedStrategy } from '../../compiler/api.ts';
import type { LoopForm } from '../../verifier/whatif/rewrite.ts';
import { commitFork, setStrategy } from '../../workbench/actions.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import type { UserError } from '../../workbench/errors.ts';
import { loadFrame } from '../../workbench/frames.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { compileWith, loopAs, loopAt } from '../../workbench/strategies.ts';
import type { LoopView, StrategyView, VerdictFigures } from '../../workbench/strategy-views.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { part } from '../components/part.tsx';
import { useTask } from '../components/useTask.ts';
import { loops as texts } from '../texts/loops.ts';
import { loopsPanel } from '../texts/loops-panel.ts';
import './loops.css';

const LogLoops = part(() => import('./LogLoops.tsx'));

const STRATEGIES = Object.keys(texts.strategies) as FixedStrategy[];

/** One line of a comparison. */
interface Row<Name extends string> {
  readonly name: Name;
  readonly refused: string | null;
  readonly figures: VerdictFigures | null;
  readonly engineNs?: number | null;
  readonly text?: string | null;
}

/** Computes one row after the other, tells how far it is, and can be stopped. */
function useRows<Name extends string>(of: string) {
  const [held, setHeld] = useState<{ readonly of: string; readonly rows: ReadonlyMap<Name, Row<Name>> }>({ of, rows: new Map() });
  const { progress, running, error, run, cancel } = useTask();
  const start = (
    names: readonly Name[],
    ask: (name: Name, signal: AbortSignal, onProgress: (stage: string, done: number, total: number) => void) => Promise<Row<Name>>,
  ) =>
    run(
      async ({ signal, onProgress }) => {
        const rows = new Map<Name, Row<Name>>();
        setHeld({ of, rows });
        for (const name of names) {
          const row = await ask(name, signal!, onProgress!);
          if (signal!.aborted) return;
          rows.set(name, row);
          setHeld({ of, rows: new Map(rows) });
        }
      },
      () => {},
    );
  return {
    rows: held.of === of ? held.rows : new Map<Name, Row<Name>>(),
    running: running && held.of === of,
    progress,
    error,
    start,
    cancel,
  };
}

/** What loops become: a model's strategies side by side, and the selected loop of any program in another form. */
export default function LoopsPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const usable = program && !program.fromLog ? program : null;
  return (
    <Panel id="loops" title={loopsPanel.title}>
      {program?.fromLog && program.code.length > 0 ? (
        <Suspense>
          <LogLoops program={program} />
        </Suspense>
      ) : usable ? (
        <div className="loops">
          {usable.modelKey ? <Strategies program={usable} /> : null}
          <WhatIf program={usable} />
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

const NO_PACKET = new Uint8Array(64);

function Strategies({ program }: { program: ProgramView }) {
  const { kernel, strategy } = useWorkbench((state) => state.history.doc.options);
  const trace = useWorkbench((state) => state.stages.trace.value);
  const cursor = useWorkbench((state) => state.cursors.packet);
  const { rows, running, progress, error, start, cancel } = useRows<FixedStrategy>(`${program.modelKey} ${kernel}`);
  const now = strategy === 'auto' ? 'global' : strategy;
  const compare = () => {
    const at = trace?.kind === 'packets' && trace.count > 0 ? Math.min(trace.count - 1, Number(cursor ?? 0)) : -1;
    void start(STRATEGIES, async (name, signal, onProgress) => {
      const packet = trace?.kind === 'packets' && at >= 0 ? await loadFrame(trace, at) : NO_PACKET;
      const { refused, figures, engineNs }: StrategyView = await compileWith(
        program.key,
        { strategy: name, kernel, packet },
        { signal, onProgress },
      );
      return { name, refused, figures, engineNs };
    });
  };
  return (
    <section aria-label={texts.model} data-testid="strategies">
      <div className="loops-head">
        <h2>{texts.model}</h2>
        <button type="button" className="button bordered small" disabled={running} onClick={compare}>
          {rows.size > 0 ? texts.again : texts.compare}
        </button>
      </div>
      {program.fork ? <p className="small muted loops-note">{texts.fork}</p> : null}
      {running ? <Progress progress={progress} label={texts.comparing} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      <Comparison
        label={texts.model}
        first={texts.columns.strategy}
        names={STRATEGIES}
        title={(name) => texts.strategies[name][0]}
        about={(name) => texts.strategies[name][1]}
        rows={rows}
        running={running}
        now={now}
        timed
        action={(row) =>
          row.name === now || !row.figures?.accepted ? null : (
            <button
              type="button"
              className="button bordered small"
              title={texts.chooseAbout(row.name)}
              onClick={() => setStrategy(row.name)}
            >
              {texts.choose}
            </button>
          )
        }
      />
    </section>
  );
}

type FormName = '' | LoopForm;

function WhatIf({ program }: { program: ProgramView }) {
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const { insns } = useRelations();
  const insn = selection?.kind === 'insn' ? Number(selection.id) : (insns[0]?.[0] ?? Number(cursor ?? 0));
  const [found, setFound] = useState<{ readonly of: string; readonly loop: LoopView | null; readonly error: UserError | null } | null>(
    null,
  );
  const of = `${program.key} ${insn}`;
  useEffect(() => {
    let wanted = true;
    loopAt(program.key, insn).then(
      (loop) => {
        if (wanted) setFound({ of, loop, error: null });
      },
      (failure: unknown) => {
        if (wanted && failure instanceof RemoteError) setFound({ of, loop: null, error: failure.error });
      },
    );
    return () => {
      wanted = false;
    };
  }, [program.key, insn, of]);
  const loop = found?.of === of ? found.loop : null;
  const { rows, running, progress, error, start, cancel } = useRows<FormName>(`${program.key} ${kernel} ${loop?.head} ${loop?.latch}`);
  const names: readonly FormName[] = loop ? ['', ...loop.forms] : [];
  return (
    <section aria-label={texts.loop} data-testid="whatif">
      <div className="loops-head">
        <h2>{texts.loop}</h2>
        {loop ? (
          <button
            type="button"
            className="button bordered small"
            disabled={running}
            onClick={() =>
              void start(names, async (name, signal, onProgress) => {
                const { refused, figures, text } = await loopAs(program.key, { insn, form: name || null, kernel }, { signal, onProgress });
                return { name, refused, figures, text };
              })
            }
          >
            {texts.tryForms}
          </button>
        ) : null}
      </div>
      {found?.of === of && found.error ? <ErrorNote error={found.error} /> : null}
      {found?.of === of && !found.error ? (
        <p className="small muted loops-note">{loop ? texts.loopAt(loop.head, loop.latch, loop.rounds) : texts.noLoop}</p>
      ) : null}
      {running ? <Progress progress={progress} label={texts.comparing} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {loop && (running || rows.size > 0) ? (
        <Comparison
          label={texts.loop}
          first={texts.columns.form}
          names={names}
          title={(name) => texts.forms[name]}
          rows={rows}
          running={running}
          now=""
          action={({ name, text }) =>
            text ? (
              <button
                type="button"
                className="button bordered small"
                title={texts.applyAbout(texts.forms[name])}
                onClick={() => void commitFork(text)}
              >
                {texts.apply}
              </button>
            ) : null
          }
        />
      ) : null}
    </section>
  );
}

interface ComparisonProps<Name extends string> {
  readonly label: string;
  readonly first: string;
  readonly names: readonly Name[];
  readonly title: (name: Name) => string;
  readonly about?: (name: Name) => string;
  readonly rows: ReadonlyMap<Name, Row<Name>>;
  readonly running: boolean;
  readonly now: Name;
  readonly timed?: boolean;
  readonly action: (row: Row<Name>) => ReactNode;
}

/** The kernel prints the depth of each function, joined by plus signs. */
const largestFrame = (depth: string): number => Math.max(0, ...depth.split('+').map(Number).filter(Number.isFinite));

function Comparison<Name extends string>(props: ComparisonProps<Name>) {
  const { label, first, names, title, about, rows, running, now, timed, action } = props;
  const most = Math.max(1, ...[...rows.values()].map(({ figures }) => figures?.processed ?? 0));
  const { columns } = texts;
  return (
    <div className="loops-scroll">
      <table className="loops-table" aria-label={label}>
        <thead>
          <tr className="small muted">
            <th scope="col">{first}</th>
            <th scope="col">
              <span className="visually-hidden">{columns.verdict}</span>
            </th>
            <th scope="col">{columns.insns}</th>
            <th scope="col">{columns.processed}</th>
            <th scope="col">{columns.states}</th>
            <th scope="col" className="loops-stack" title={texts.stackAbout}>
              {columns.stack}
            </th>
            {timed ? (
              <th scope="col" title={texts.engineAbout}>
                {columns.engine}
              </th>
            ) : null}
            <td />
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const row = rows.get(name);
            const told = row?.figures;
            const why = row?.refused ?? told?.message;
            return (
              <tr key={name} data-row={name}>
                <th scope="row" title={about?.(name)}>
                  {title(name)}
                </th>
                <td>
                  <Verdict row={row} running={running} />
                </td>
                {told ? (
                  <>
                    <td>{told.insns.toLocaleString('en')}</td>
                    <td className="loops-processed">
                      {told.processed.toLocaleString('en')}
                      <span className="loops-bar" style={{ width: `${(told.processed / most) * 100}%` }} />
                    </td>
                    <td>{texts.pair(told.totalStates, told.peakStates)}</td>
                    <td className="loops-stack">{texts.bytes(largestFrame(told.stackDepth))}</td>
                    {timed ? <td>{row?.engineNs ? texts.us(row.engineNs) : ''}</td> : null}
                  </>
                ) : (
                  <td colSpan={timed ? 5 : 4} className="small loops-why">
                    {why ?? about?.(name)}
                  </td>
                )}
                <td>{name === now ? <span className="small muted">{timed ? texts.now : ''}</span> : row ? action(row) : null}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {[...rows.values()]
        .filter(({ figures }) => figures?.message)
        .map(({ name, figures }) => (
          <p key={name} className="small loops-note">
            <span className="bad">{texts.rejected}</span> {title(name)}: {figures!.message}
          </p>
        ))}
    </div>
  );
}

/** The verdict as a mark, with its word for readers and the pointer. */
function Verdict({ row, running }: { row: Pick<Row<string>, 'figures'> | undefined; running: boolean }) {
  if (!row) return running ? texts.waiting : '';
  const { figures } = row;
  const word = figures ? (figures.accepted ? texts.accepted : texts.rejected) : texts.refused;
  return (
    <span className={figures ? (figures.accepted ? 'ok' : 'bad') : ''} role="img" aria-label={word.slice(2)} title={word.slice(2)}>
      {word[0]}
    </span>
  );
}
