import { originsOf } from '../../workbench/relations.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { insnHelp } from './decode.ts';

const SHOWN = 4;

/** What the hover says, for the instruction under the cursor: reachable without a pointer. */
export function InsnFoot({ program }: { program: ProgramView }) {
  const cursor = useWorkbench((state) => state.cursors.insn);
  const insn = cursor === undefined ? -1 : Number(cursor);
  const visits = useWorkbench((state) => state.stages.verified.value?.visits);
  if (insn < 0 || insn >= program.code.length / 8) return null;
  const help = insnHelp(program, insn);
  const origins = originsOf(program, insn);
  return (
    <div className="insn-foot small" data-testid="insn-foot">
      <p className="ellipsis">
        <span className="mono">{insn}</span> {help ? `${help.mnemonic}: ${help.description}` : 'no known instruction'}
        {help?.helper ? (
          <>
            {' · '}
            <span className="mono">{help.helper.signature}</span> {help.helper.description}
          </>
        ) : null}
      </p>
      <p className="ellipsis muted">
        {origins.length === 0 ? 'hand-written or unknown origin' : 'serves '}
        {origins.slice(0, SHOWN).map((origin, at) => (
          <span key={at}>
            {at > 0 ? ', ' : ''}
            {origin.kind === 'node' ? (
              <button type="button" className="link" onClick={() => select('node', origin.nodeIdx)}>
                {origin.label}
              </button>
            ) : (
              origin.label
            )}
          </span>
        ))}
        {origins.length > SHOWN ? ` and ${origins.length - SHOWN} more` : ''}
        {visits && insn < visits.length ? ` · verified ${visits[insn]!.toLocaleString('en')} ${visits[insn] === 1 ? 'time' : 'times'}` : ''}
      </p>
    </div>
  );
}
