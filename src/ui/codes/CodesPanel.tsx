import { ArrowDown, ArrowLeftRight, ArrowUp } from 'lucide-react';
import { type DragEvent, useEffect, useMemo, useRef, useState } from 'react';
import { ONLY_A, ONLY_B, OTHER, OTHER_REGISTERS, SAME } from '../../bpf/align.ts';
import { type CodesView, ROW_FUNCTION, ROW_SOURCE, type SideFigures } from '../../workbench/codes-views.ts';
import { codeTexts, compareCodes, readCodeFile } from '../../workbench/inspect.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { usePages } from '../components/usePages.ts';
import { useTask } from '../components/useTask.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { Code } from '../program/Code.tsx';
import { useStable } from '../program/useStable.ts';
import { codes as texts } from '../texts/codes.ts';
import { codesPanel } from '../texts/codes-panel.ts';
import { type Choice, choicesOf } from './choices.ts';
import { useCodes } from './store.ts';
import './codes.css';

const ROW_HEIGHT = 18;
/** A mark for each kind of row that does not rest on colour. */
const GLYPHS: Readonly<Record<number, string>> = { [SAME]: '', [OTHER_REGISTERS]: 'r', [OTHER]: '~', [ONLY_A]: '−', [ONLY_B]: '+' };

export default function CodesPanel() {
  const { files, left, right } = useCodes();
  const doc = useWorkbench((state) => state.history.doc);
  const program = useWorkbench((state) => state.stages.program);
  const c = useWorkbench((state) => state.stages.c);
  const choices = useMemo(() => choicesOf(doc, { program, c }, files), [doc, program, c, files]);
  const [a, b] = [left, right].map((id) => choices.find((choice) => choice.id === id));
  const adding = useTask();
  const add = useStable((file: File | undefined) => {
    if (!file) return;
    void adding.run(
      (options) => readCodeFile(file, options),
      (read) => {
        const kept = files.filter(({ blob }) => blob.hash !== read.blob.hash);
        const first = choices[0];
        const here = a ?? first;
        const twin = read.programs.find(({ name }) => name === here?.name) ?? read.programs[0];
        const others = read.programs.filter(({ name }) => name !== twin?.name);
        // Without an open program the first two of the file stand beside each other.
        useCodes.setState({
          files: [...kept, read],
          left: here?.id ?? (twin ? `${read.blob.hash}:${twin.name}` : ''),
          right: here ? (twin ? `${read.blob.hash}:${twin.name}` : '') : others[0] ? `${read.blob.hash}:${others[0].name}` : '',
        });
      },
    );
  });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    add(event.dataTransfer.files[0]);
  };
  return (
    <Panel id="codes" title={codesPanel.title}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: files can be dropped anywhere in the panel, and chosen with its button */}
      <div className="codes" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <Sides choices={choices} left={a} right={b} onAdd={add} />
        {adding.running ? <Progress progress={adding.progress} label={texts.reading('')} onCancel={adding.cancel} /> : null}
        {adding.error ? <ErrorNote error={adding.error} /> : null}
        {a && b ? (
          <Compared left={a} right={b} />
        ) : (
          <div className="empty">
            <strong>{texts.emptyTitle}</strong>
            <p>{texts.empty}</p>
          </div>
        )}
      </div>
    </Panel>
  );
}

interface SidesProps {
  readonly choices: readonly Choice[];
  readonly left: Choice | undefined;
  readonly right: Choice | undefined;
  readonly onAdd: (file: File | undefined) => void;
}

function Sides({ choices, left, right, onAdd }: SidesProps) {
  const picker = useRef<HTMLInputElement>(null);
  const side = (label: string, value: Choice | undefined, onChange: (id: string) => void) => (
    <select className="field codes-side" aria-label={label} value={value?.id ?? ''} onChange={(event) => onChange(event.target.value)}>
      {value ? null : <option value="">{texts.choose}</option>}
      {choices.map(({ id, label: name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
  return (
    <div className="codes-sides">
      {side(texts.left, left, (id) => useCodes.setState({ left: id }))}
      <button
        type="button"
        className="button square"
        aria-label={texts.swap}
        title={texts.swap}
        onClick={() => useCodes.setState(({ left: l, right: r }) => ({ left: r, right: l }))}
      >
        <ArrowLeftRight size={14} />
      </button>
      {side(texts.right, right, (id) => useCodes.setState({ right: id }))}
      <button type="button" className="button bordered" onClick={() => picker.current?.click()}>
        {texts.add}
      </button>
      <input
        ref={picker}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={texts.addLabel}
        accept=".o,.s,.bpf"
        onChange={(event) => {
          onAdd(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
    </div>
  );
}

function Compared({ left, right }: { left: Choice; right: Choice }) {
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const [view, setView] = useState<CodesView | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const compare = useStable(() => {
    void run(async (options) => compareCodes(await Promise.all([left.side(), right.side()]), kernel, options), setView);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another choice, another program under the same choice or another kernel is compared anew
  useEffect(compare, [left, right, kernel, compare]);
  return (
    <>
      {running ? <Progress progress={progress} label={texts.comparing} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {view ? (
        <div className={running ? 'codes-body stale' : 'codes-body'} aria-busy={running}>
          <Figures sides={view.sides} />
          <Rows view={view} open={left.isOpen ? 'a' : right.isOpen ? 'b' : null} />
        </div>
      ) : null}
    </>
  );
}

function Figures({ sides: [a, b] }: { sides: readonly [SideFigures, SideFigures] }) {
  const { figures } = texts;
  const columns = [
    [figures.insns, a.insns, b.insns],
    [figures.processed, a.processed, b.processed],
    [figures.frame, a.frame, b.frame],
    [figures.functions, a.functions, b.functions],
  ] as const;
  const row = (side: SideFigures, at: 1 | 2) => {
    const verdict = side.accepted ? texts.accepted : texts.rejected(side.insn, side.message ?? '');
    return (
      <tr>
        <th scope="row" className="mono ellipsis" title={side.name}>
          {side.name}
        </th>
        <td className={`ellipsis ${side.accepted ? 'ok' : 'bad'}`} title={verdict}>
          {side.accepted ? '✓' : '✕'} {verdict}
        </td>
        {columns.map((column) => (
          <td key={column[0]} className="num">
            {column[at].toLocaleString('en')}
          </td>
        ))}
      </tr>
    );
  };
  return (
    <table className="codes-figures" data-testid="codes-figures">
      <caption className="visually-hidden">{texts.table}</caption>
      <thead>
        <tr>
          <th scope="col">{figures.program}</th>
          <th scope="col">{figures.verdict}</th>
          {columns.map(([name]) => (
            <th key={name} scope="col" className="num">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {row(a, 1)}
        {row(b, 2)}
        <tr className="muted">
          <th scope="row">{texts.difference}</th>
          <td />
          {columns.map(([name, x, y]) => (
            <td key={name} className="num">
              {texts.change(x, y)}
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

const isDifference = (kind: number): boolean => kind === OTHER || kind === ONLY_A || kind === ONLY_B;

function Rows({ view, open }: { view: CodesView; open: 'a' | 'b' | null }) {
  const list = useRef<VirtualListHandle>(null);
  const insn = useWorkbench((state) => state.cursors.insn);
  const [active, setActive] = useState(-1);
  const textAt = usePages(view.key, (from, to) => codeTexts(view.key, from, to));
  const [differing, registers] = useMemo(
    () => view.functions.reduce(([d, r], func) => [d + func.differing, r + func.registers], [0, 0]),
    [view],
  );
  // The row of the instruction that is selected anywhere.
  const selected = useMemo(
    () => (open && insn !== undefined ? view[open].findIndex((at, row) => at === Number(insn) && view.kind[row]! < ROW_SOURCE) : -1),
    [view, open, insn],
  );
  useEffect(() => {
    if (selected >= 0) setActive(selected);
  }, [selected]);
  const go = useStable((by: 1 | -1) => {
    const { kind } = view;
    // The first row of the run of differences behind or before this one.
    const starts = (row: number) => isDifference(kind[row]!) && !isDifference(kind[row - 1] ?? SAME);
    for (let step = 1; step <= kind.length; step++) {
      const row = (active + by * step + 2 * kind.length) % kind.length;
      if (!starts(row)) continue;
      setActive(row);
      list.current?.scrollTo(row, 'center');
      return;
    }
  });
  const next = useStable(() => go(1));
  const previous = useStable(() => go(-1));
  useCommandHandler('codes.next', next);
  useCommandHandler('codes.previous', previous);
  const activate = (row: number) => {
    setActive(row);
    const at = open ? view[open][row]! : -1;
    if (view.kind[row]! < ROW_SOURCE && at >= 0) select('insn', at);
  };
  const label = (row: number): string => {
    const kind = view.kind[row]!;
    const [x, y] = textAt(row) ?? ['', ''];
    if (kind === ROW_FUNCTION) return texts.func(...view.functions[view.a[row]!]!.names);
    return kind === ROW_SOURCE ? `${y} ${x}` : `${texts.kinds[kind]}: ${[x, y].filter(Boolean).join(' / ')}`;
  };
  return (
    <>
      <div className="codes-tools">
        <span className="muted grow" role="status">
          {differing + registers === 0 ? texts.same : texts.summary(differing, registers)}
        </span>
        <button
          type="button"
          className="button square"
          aria-label={texts.previous}
          title={texts.previous}
          disabled={differing === 0}
          onClick={previous}
        >
          <ArrowUp size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={texts.next}
          title={texts.next}
          disabled={differing === 0}
          onClick={next}
        >
          <ArrowDown size={14} />
        </button>
      </div>
      <VirtualList
        ref={list}
        className="codes-list mono"
        label={texts.list}
        count={view.kind.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={activate}
        rowLabel={label}
        rowClass={(row) => (row === active ? 'selected' : '')}
      >
        {(row) => <Row view={view} row={row} text={textAt(row)} />}
      </VirtualList>
    </>
  );
}

function Row({ view, row, text }: { view: CodesView; row: number; text: readonly [string, string] | undefined }) {
  const kind = view.kind[row]!;
  const [a, b] = [view.a[row]!, view.b[row]!];
  if (kind === ROW_FUNCTION) {
    const { names, insns, differing, registers } = view.functions[a]!;
    const alone = names[1] === null ? texts.aloneLeft : names[0] === null ? texts.aloneRight : '';
    return (
      <span className="codes-func">
        <strong>{texts.func(...names)}</strong> <span className="muted">{alone || texts.funcAbout(...insns, differing, registers)}</span>
      </span>
    );
  }
  if (kind === ROW_SOURCE)
    return (
      <span className="codes-source">
        <span className="ellipsis">{text?.[0]}</span>
        <span className="codes-place">{text?.[1]}</span>
      </span>
    );
  return (
    <span className="codes-pair" data-kind={kind}>
      <Half insn={a} text={text?.[0]} kind={kind} />
      <span className="codes-glyph" title={texts.kinds[kind]}>
        {GLYPHS[kind]}
      </span>
      <Half insn={b} text={text?.[1]} kind={kind} />
    </span>
  );
}

function Half({ insn, text, kind }: { insn: number; text: string | undefined; kind: number }) {
  const tone = insn < 0 ? 'codes-none' : kind === OTHER ? 'codes-other' : kind === ONLY_A ? 'codes-a' : kind === ONLY_B ? 'codes-b' : '';
  return (
    <span className={`codes-half ${tone}`}>
      <span className="codes-idx">{insn < 0 ? '' : insn}</span>
      {insn >= 0 && text !== undefined ? <Code text={text} /> : null}
    </span>
  );
}
