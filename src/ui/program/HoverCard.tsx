import { createPortal } from 'react-dom';
import { originsOf } from '../../workbench/relations.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { insnHelp } from './decode.ts';

/** What an instruction does and whom it serves, beside the pointer. */
export function HoverCard({ program, insn, x, y }: { program: ProgramView; insn: number; x: number; y: number }) {
  const help = insnHelp(program, insn);
  const origins = originsOf(program, insn);
  if (!help) return null;
  const left = Math.min(x + 12, window.innerWidth - 372);
  const below = y + 180 < window.innerHeight;
  return createPortal(
    <div className="hover-card" role="tooltip" style={below ? { left, top: y + 16 } : { left, bottom: window.innerHeight - y + 12 }}>
      <p>
        <code>{help.mnemonic}</code> {help.description}
        {help.rfc ? <span className="muted"> · RFC 9669 §{help.rfc}</span> : null}
      </p>
      {help.helper ? (
        <p>
          <code>
            {help.helper.name}: {help.helper.signature}
          </code>
          <br />
          {help.helper.description}
        </p>
      ) : null}
      {origins.length > 0 ? <p className="muted">serves {summary(origins.map((origin) => origin.label))}</p> : null}
    </div>,
    document.body,
  );
}

function summary(labels: readonly string[]): string {
  const shown = labels.slice(0, 3).join(', ');
  return labels.length > 3 ? `${shown} and ${labels.length - 3} more` : shown;
}
