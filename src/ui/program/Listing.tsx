import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { inRanges, originsOf, type Range } from '../../workbench/relations.ts';
import type { Selection } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { familyColour, familyOf } from '../model/families.ts';
import { insnText, isCall, targetOf } from './decode.ts';
import { HoverCard } from './HoverCard.tsx';
import { highlight } from './highlight.ts';
import { ListingRows } from './rows.ts';

const ROW_HEIGHT = 18;

interface ListingProps {
  readonly program: ProgramView;
  readonly ranges: readonly Range[];
  readonly selection: Selection | null;
}

interface Hover {
  readonly insn: number;
  readonly x: number;
  readonly y: number;
}

/** The instructions of the program, one a line, with the stripe of the operator that each serves. */
export function Listing({ program, ranges, selection }: ListingProps) {
  const model = useWorkbench((state) => state.stages.model.value);
  const verdict = useWorkbench((state) => state.stages.verified.value);
  const rows = useMemo(() => new ListingRows(program), [program]);
  const list = useRef<VirtualListHandle>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const timer = useRef(0);
  const opOfNode = useMemo(() => new Map(model?.nodes.map((node) => [node.index, node.op])), [model]);
  const targets = useMemo(() => jumpTargets(program), [program]);

  const cursor = selection?.kind === 'insn' && selection.artifact === program.key ? Number(selection.id) : -1;
  const active = cursor >= 0 ? rows.rowOf(cursor) : -1;
  const firstRelated = longestStart(ranges);
  useEffect(() => {
    if (firstRelated >= 0) list.current?.scrollTo(Math.max(0, rows.rowOf(firstRelated) - 2), 'start');
  }, [firstRelated, rows]);
  const failing = verdict && !verdict.accepted ? verdict.insnIdx : null;

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && cursor >= 0) {
      const target = targetOf(program, cursor);
      if (target >= 0) {
        select('insn', target);
        event.preventDefault();
      }
    }
    if (event.key === 'Escape') setHover(null);
  };

  const stripe = (insn: number): string => {
    const origins = originsOf(program, insn);
    const node = origins.find((origin) => origin.kind === 'node');
    if (node) return familyColour(familyOf(opOfNode.get(node.nodeIdx) ?? ''));
    const [origin] = origins;
    if (!origin) return 'transparent';
    return familyColour(origin.kind === 'runtime' ? 'runtime' : 'binding');
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointer hovers only; the same facts stand below the list for the selected line
    <div
      className="listing"
      onMouseLeave={() => {
        window.clearTimeout(timer.current);
        setHover(null);
      }}
    >
      <VirtualList
        ref={list}
        label="Instructions"
        className="mono"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={(row) => {
          const insn = rows.insnAt(row);
          // Moving up onto a heading goes past it.
          const up = row < active && rows.at(row).kind !== 'insn';
          select('insn', up ? Math.max(0, previousInsn(rows, row)) : insn);
        }}
        onKeyDown={onKeyDown}
        rowClass={(row) => {
          const item = rows.at(row);
          if (item.kind !== 'insn') return `listing-${item.kind}`;
          if (row === active) return 'selected';
          return inRanges(ranges, item.insn) ? 'related' : item.insn === failing ? 'failing' : '';
        }}
      >
        {(row) => {
          const item = rows.at(row);
          if (item.kind === 'func') return <FuncRow program={program} at={item.at} />;
          if (item.kind === 'line') return <span className="listing-comment">; {program.lines[item.at]!.text}</span>;
          const { insn } = item;
          const target = targetOf(program, insn);
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: see above
            <span
              className="listing-insn"
              onMouseEnter={(event) => {
                const { clientX: x, clientY: y } = event;
                window.clearTimeout(timer.current);
                timer.current = window.setTimeout(() => setHover({ insn, x, y }), 350);
              }}
              onMouseLeave={() => {
                window.clearTimeout(timer.current);
                setHover(null);
              }}
            >
              <span className="listing-stripe" style={{ background: stripe(insn) }} />
              <span className="listing-idx">{insn}</span>
              <span className="listing-mark">{insn === failing ? '✕' : targets.has(insn) ? '›' : ''}</span>
              <Code text={insnText(program, insn)} />
              {target >= 0 && !isCall(program, insn) ? (
                <span className="listing-target">
                  {target > insn ? '↓' : '↑'} {target}
                </span>
              ) : null}
            </span>
          );
        }}
      </VirtualList>
      {hover ? <HoverCard program={program} insn={hover.insn} x={hover.x} y={hover.y} /> : null}
    </div>
  );
}

/** Where most of what is related stands in one piece; -1 when nothing is. */
function longestStart(ranges: readonly Range[]): number {
  let [start, length] = [-1, 0];
  for (const [from, to] of ranges) if (to - from > length) [start, length] = [from, to - from];
  return start;
}

function FuncRow({ program, at }: { program: ProgramView; at: number }) {
  const { name, linkage } = program.subprogs[at]!;
  return (
    <span className="listing-head">
      {name} <span className="muted">{at === 0 ? program.section : linkage}</span>
    </span>
  );
}

export function Code({ text }: { text: string }) {
  return (
    <span className="code">
      {highlight(text).map((token, at) =>
        token.kind === 'plain' ? (
          token.text
        ) : (
          <span key={at} className={`syn-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </span>
  );
}

function previousInsn(rows: ListingRows, row: number): number {
  for (let at = row; at >= 0; at--) {
    const item = rows.at(at);
    if (item.kind === 'insn') return item.insn;
  }
  return rows.insnAt(0);
}

function jumpTargets(program: ProgramView): ReadonlySet<number> {
  const targets = new Set<number>();
  const count = program.code.length / 8;
  for (let insn = 0; insn < count; insn++) {
    const target = isCall(program, insn) ? -1 : targetOf(program, insn);
    if (target >= 0) targets.add(target);
    if (program.code[insn * 8] === 0x18) insn++;
  }
  return targets;
}
