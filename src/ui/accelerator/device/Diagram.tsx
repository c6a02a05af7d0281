import type { ReactNode } from 'react';
import type { Counts, Snapshot } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { bytesText, percent, timeText } from '../format.ts';

const { diagram: texts } = accelerator;

/** Slots of the queue that are drawn. */
const SLOTS = 24;
/** More cores or units than this are drawn as groups of equal size. */
const MOST_CELLS = 256;

/** Where everything is at this moment: driver, queue, engine and units from left to right, memory below. Nothing in it moves by itself. */
export function Diagram({ snapshot }: { snapshot: Snapshot }) {
  const { commands, passes, queue, queued, cores, units, memory, waiting, hooks, nowNs, model } = snapshot;
  return (
    <figure className="accel-diagram" aria-label={texts.label} data-testid="accel-diagram">
      <div className="accel-flow">
        <Block title={texts.host} figure={texts.waiting(waiting)} more={model ? texts.perPass(model.name, model.commands) : null}>
          <p className="small muted">{texts.pass(passes.submitted)}</p>
        </Block>
        <Block title={texts.queue} figure={texts.queued(queued)} more={null}>
          <Cells total={SLOTS} busy={queued} kind="queue" />
          <ul className="accel-now small">
            {queue.slice(0, 3).map(({ seq, label, tenant }) => (
              <li key={seq} className="ellipsis" title={label}>
                {texts.commandName(seq, label)} <span className="muted">{texts.tenant(tenant)}</span>
              </li>
            ))}
          </ul>
        </Block>
        <Block title={texts.engine} figure={texts.cores(cores.busy.length, cores.total)} more={texts.share(percent(cores.share))}>
          <Cells total={cores.total} busy={cores.busy.length} kind="engine" />
          <Now items={cores.busy} />
          <p className="small muted">{hooks.length === 0 ? texts.noHooks : texts.hooks(hooks.length)}</p>
        </Block>
        <Block title={texts.units} figure={texts.busyUnits(units.atWork, units.total)} more={texts.share(percent(units.share))}>
          <Cells total={units.total} busy={units.atWork} kind="units" />
          <Now items={units.busy} />
        </Block>
      </div>
      <div className="accel-memory">
        <strong>{texts.memory}</strong>
        <Meter share={memory.used / memory.total} />
        <span>{texts.memoryUse(bytesText(memory.used), bytesText(memory.total))}</span>
        <span className="muted">{texts.sealed(memory.sealed)}</span>
        <span className="muted">{texts.bandwidth(percent(memory.share))}</span>
      </div>
      <figcaption className="accel-caption small" data-testid="accel-counts" data-passes={told(passes)} data-commands={told(commands)}>
        <span>{texts.clock(timeText(nowNs))}</span>
        <span>{texts.counts(texts.passes, passes)}</span>
        <span>{texts.counts(texts.commands, commands)}</span>
      </figcaption>
    </figure>
  );
}

/** Submitted, done, aborted: for tests. */
const told = ({ submitted, done, aborted }: Counts): string => `${submitted} ${done} ${aborted}`;

interface BlockProps {
  readonly title: string;
  readonly figure: string;
  readonly more: string | null;
  readonly children: ReactNode;
}

function Block({ title, figure, more, children }: BlockProps) {
  return (
    <section className="accel-block" aria-label={title}>
      <h2>{title}</h2>
      <p className="small">{figure}</p>
      {children}
      {more ? <p className="small muted accel-block-foot">{more}</p> : null}
    </section>
  );
}

function Now({ items }: { items: readonly { readonly seq: number; readonly label: string }[] }) {
  return (
    <ul className="accel-now small">
      {items.slice(0, 2).map(({ seq, label }, at) => (
        <li key={at} className="ellipsis" title={label}>
          {texts.commandName(seq, label)}
        </li>
      ))}
      {items.length > 2 ? <li className="muted">{texts.more(items.length - 2)}</li> : null}
    </ul>
  );
}

/** A grid of cells, as many filled as are at work: the numbers beside it say the same. */
function Cells({ total, busy, kind }: { total: number; busy: number; kind: 'queue' | 'engine' | 'units' }) {
  const each = Math.max(1, Math.ceil(total / MOST_CELLS));
  const cells = Math.ceil(total / each);
  const filled = Math.min(cells, Math.ceil(busy / each));
  const columns = cells > 64 ? 32 : cells > 24 ? 16 : 12;
  return (
    <svg className={`accel-cells ${kind}`} viewBox={`0 0 ${columns * 4} ${Math.ceil(cells / columns) * 4}`} aria-hidden="true">
      {Array.from({ length: cells }, (_, at) => (
        <rect
          key={at}
          className={at < filled ? 'on' : ''}
          x={(at % columns) * 4 + 0.5}
          y={Math.floor(at / columns) * 4 + 0.5}
          width={3}
          height={3}
        />
      ))}
    </svg>
  );
}

function Meter({ share }: { share: number }) {
  return (
    <span className="accel-meter" aria-hidden="true">
      <span style={{ transform: `scaleX(${Math.min(1, share)})` }} />
    </span>
  );
}
