import { useLayoutEffect, useRef, useState } from 'react';
import type { After } from '../../verifier/lab/interval.ts';
import type { Slice, Step } from '../../verifier/lab/slice.ts';
import type { Traces } from '../../vm/samples.ts';
import { useWidth } from '../components/useWidth.ts';
import { useThemeCount } from '../model/useThemeCount.ts';
import { Code } from '../program/Code.tsx';
import { interval as texts } from '../texts/interval.ts';
import { boundText } from '../verifier/range-scale.ts';
import { allBits, hullOf, positionOf, type Ranges, type Reach, rangesOf } from './model.ts';

interface StepsProps {
  readonly slice: Slice;
  readonly reach: Reach;
  readonly after: readonly After[];
  readonly traces: Traces | null;
  readonly lost: ReadonlyMap<number, number>;
  readonly code: (insnIdx: number) => string;
  readonly onFollow: (insnIdx: number, follow: boolean) => void;
  readonly onSelect: ((insnIdx: number) => void) | null;
}

/** Each step with what the verifier knows after it in words and as a bar, and the samples as dots in that. */
export function Steps({ slice, reach, after, traces, lost, code, onFollow, onSelect }: StepsProps) {
  const [open, setOpen] = useState<number | null>(null);
  return (
    <ol className="interval-steps" aria-label={texts.steps}>
      {slice.steps.map((step, k) => (
        <StepRow
          key={step.insnIdx}
          k={k}
          step={step}
          reach={reach}
          after={after[k]!}
          traces={traces}
          lost={lost.get(k)}
          code={code(step.insnIdx)}
          open={open === k}
          onOpen={() => {
            setOpen(open === k ? null : k);
            onSelect?.(step.insnIdx);
          }}
          onFollow={onFollow}
        />
      ))}
    </ol>
  );
}

interface RowProps {
  readonly k: number;
  readonly step: Step;
  readonly reach: Reach;
  readonly after: After;
  readonly traces: Traces | null;
  readonly lost: number | undefined;
  readonly code: string;
  readonly open: boolean;
  readonly onOpen: () => void;
  readonly onFollow: (insnIdx: number, follow: boolean) => void;
}

function StepRow({ k, step, reach, after, traces, lost, code, open, onOpen, onFollow }: RowProps) {
  const known = after.reg && rangesOf(after.reg);
  const name = `r${step.insn.dst}`;
  return (
    <li className={step.kind} data-step={step.insnIdx}>
      <div className="interval-line">
        <button type="button" className="interval-code mono" aria-expanded={known ? open : undefined} onClick={onOpen}>
          <span className="muted">{step.insnIdx}</span> <Code text={code} />
        </button>
        {known ? (
          <span className="mono interval-known">
            {name} {texts.to(...bounds(known))}
          </span>
        ) : (
          <span className={after.refused === 'here' ? 'bad small' : 'muted small'}>
            {after.refused ? texts.refused[after.refused] : step.kind === 'pass' ? texts.pass : texts.pointer}
          </span>
        )}
      </div>
      {after.reg ? <Bar reg={after.reg} apart={after.apart} reach={reach} traces={traces} k={k} /> : null}
      <div className="interval-remarks small">
        {step.kind === 'branch' && !after.refused ? <Branch k={k} step={step} after={after} traces={traces} onFollow={onFollow} /> : null}
        {after.forked ? <span>{texts.forked}</span> : null}
        {lost === undefined ? null : (
          <span className="interval-lost" title={texts.lostAbout}>
            {texts.lost(lost)}
          </span>
        )}
      </div>
      {open && known ? <Details name={texts.details(name, step.insnIdx)} known={known} hull={traces && hullOf(traces, k)} /> : null}
    </li>
  );
}

/** The narrower of the two 64-bit views, in words. */
function bounds({ s64, u64 }: Ranges): [string, string] {
  const [a, b] = u64[1] - u64[0] < s64[1] - s64[0] ? u64 : s64;
  return [boundText(a), boundText(b)];
}

/** Where a comparison leads, how many samples each way, and which way to follow. */
function Branch({ k, step, after: { way }, traces, onFollow }: Pick<RowProps, 'k' | 'step' | 'after' | 'traces' | 'onFollow'>) {
  let stays = 0;
  let leaves = 0;
  for (const left of traces?.leaves ?? []) {
    if (left === k) leaves++;
    else if (left > k) stays++;
  }
  const dead = way !== null && way >= 0 && (way === 1) !== step.taken;
  return (
    <span className="interval-branch">
      <span className={dead ? 'bad' : ''}>
        {dead ? texts.branch.dead : way === 1 ? texts.branch.always : way === 0 ? texts.branch.never : texts.branch.both(stays, leaves)}
      </span>
      <button type="button" className="link" onClick={() => onFollow(step.insnIdx, !step.taken)}>
        {step.taken ? texts.follow.next : texts.follow.taken}
      </button>
    </span>
  );
}

interface BarProps {
  readonly reg: Int32Array;
  readonly apart: Int32Array | null;
  readonly reach: Reach;
  readonly traces: Traces | null;
  readonly k: number;
}

/** The range as a bar on a scale of doublings, what leaves at a branch as a line above it, samples as dots. */
function Bar({ reg, apart, reach, traces, k }: BarProps) {
  const { ref, width } = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useThemeCount();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || width === 0) return;
    const scale = window.devicePixelRatio;
    element.width = width * scale;
    element.height = HEIGHT * scale;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(element);
    const colour = (token: string): string => style.getPropertyValue(token);
    const x = (value: number): number => MARGIN + positionOf(value, reach) * (width - 2 * MARGIN);
    const bar = (r: Int32Array, y: number, height: number): void => {
      const { s64 } = rangesOf(r);
      const from = x(Number(s64[0]));
      context.fillRect(from - 1, y, Math.max(3, x(Number(s64[1])) - from + 2), height);
    };
    context.clearRect(0, 0, width, HEIGHT);
    context.fillStyle = colour('--line');
    context.fillRect(MARGIN, HEIGHT / 2, width - 2 * MARGIN, 1);
    context.fillStyle = colour('--line-strong');
    context.fillRect(x(0), 2, 1, HEIGHT - 4);
    if (apart) bar(apart, 0, 2);
    context.fillStyle = colour('--heat-1');
    bar(reg, 4, HEIGHT - 8);
    if (!traces) return;
    context.fillStyle = colour('--text');
    const { values, leaves, samples } = traces;
    for (let i = 0; i < samples; i++) {
      if (leaves[i]! <= k) continue;
      const at = 2 * (k * samples + i);
      context.fillRect(x(values[at + 1]! * 4294967296 + (values[at]! >>> 0)) - 0.5, 5 + ((i * 5) % 7), 1, 1);
    }
  }, [reg, apart, reach, traces, k, width, theme]);
  return (
    <div ref={ref} className="interval-bar">
      <canvas ref={canvas} aria-hidden="true" tabIndex={-1} style={{ width, height: HEIGHT }} />
    </div>
  );
}

const HEIGHT = 16;
const MARGIN = 2;

/** All four ranges and the bits, of verifier and samples. */
function Details({ name, known, hull }: { name: string; known: Ranges; hull: Ranges | null }) {
  const range = (of: Ranges | null, view: 's64' | 'u64' | 's32' | 'u32'): string =>
    of ? texts.to(boundText(of[view][0]), boundText(of[view][1])) : '';
  return (
    <table className="interval-details mono" aria-label={name}>
      <thead>
        <tr className="small muted">
          <th scope="col">{texts.view}</th>
          <th scope="col">{texts.verifier}</th>
          <th scope="col">{texts.samples}</th>
        </tr>
      </thead>
      <tbody>
        {(['s64', 'u64', 's32', 'u32'] as const).map((view) => (
          <tr key={view}>
            <th scope="row">{texts.views[view]}</th>
            <td>{range(known, view)}</td>
            <td>{range(hull, view)}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">{texts.views.bits}</th>
          <td>{allBits(known.value, known.mask)}</td>
          <td>{hull ? allBits(hull.value, hull.mask) : ''}</td>
        </tr>
      </tbody>
    </table>
  );
}
