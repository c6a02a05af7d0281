import { createPortal } from 'react-dom';
import { originsOf } from '../../workbench/relations.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { changeAt, hunkAt } from './changes.ts';
import { operandText } from './decode.ts';
import { insnHelp } from './help.ts';

const WIDTH = 360;
const HEIGHT = 220;
const SHOWN = 3;

/** What an instruction does, its fields, whom it serves and what it costs the verifier, beside the pointer. */
export function HoverCard({ program, insn, x, y }: { program: ProgramView; insn: number; x: number; y: number }) {
  const verified = useWorkbench((state) => state.stages.verified.value);
  const help = insnHelp(program, insn);
  const origins = originsOf(program, insn);
  const left = Math.max(4, Math.min(x + 12, window.innerWidth - WIDTH - 12));
  const below = y + HEIGHT < window.innerHeight;
  const visits = verified?.visits.length === program.code.length / 8 ? verified.visits[insn]! : null;
  const change = changeAt(program, insn);
  const hunk = hunkAt(program, insn);
  return createPortal(
    <div className="hover-card" role="tooltip" style={below ? { left, top: y + 16 } : { left, bottom: window.innerHeight - y + 12 }}>
      <p>
        {help ? (
          <>
            <code>{help.mnemonic}</code> {help.description}
            {help.rfc ? <span className="muted">{texts.rfc(help.rfc)}</span> : null}
          </>
        ) : (
          texts.noInsn
        )}
      </p>
      {help?.helper ? (
        <p>
          <code>
            {help.helper.name}: {help.helper.signature}
          </code>
          <br />
          {help.helper.description}
        </p>
      ) : null}
      <p className="hover-fields mono muted">{operandText(program, insn)}</p>
      {origins.length > 0 ? (
        <p className="muted">
          {texts.serves}
          {origins
            .slice(0, SHOWN)
            .map((origin) => origin.label)
            .join(', ')}
          {origins.length > SHOWN ? texts.more(origins.length - SHOWN) : ''}
        </p>
      ) : null}
      {visits === null ? null : (
        <p className="muted">{visits === 0 ? texts.neverVisited : texts.visited(visits, verified?.processed ?? 0)}</p>
      )}
      {change && hunk ? (
        <p className="warn">
          {change === 'added'
            ? texts.changeAdded
            : change === 'changed'
              ? texts.changeChanged
              : texts.changeRemoved(hunk.baseTo - hunk.baseFrom)}
        </p>
      ) : null}
    </div>,
    document.querySelector('main') ?? document.body,
  );
}
