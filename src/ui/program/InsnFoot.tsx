import { originsOf } from '../../workbench/relations.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { insnHelp } from './help.ts';

const SHOWN = 4;

/** What the hover says, for the instruction under the cursor: reachable without a pointer. It keeps its place while there is none. */
export function InsnFoot({ program }: { program: ProgramView }) {
  const cursor = useWorkbench((state) => state.cursors.insn);
  const insn = cursor === undefined ? -1 : Number(cursor);
  const visits = useWorkbench((state) => state.stages.verified.value?.visits);
  if (insn < 0 || insn >= program.code.length / 8) {
    return (
      <div className="insn-foot small">
        <p className="ellipsis muted">{texts.noCursor}</p>
      </div>
    );
  }
  const help = insnHelp(program, insn);
  const origins = originsOf(program, insn);
  return (
    <div className="insn-foot small" data-testid="insn-foot">
      <p className="ellipsis">
        <span className="mono">{insn}</span> {help ? `${help.mnemonic}: ${help.description}` : texts.noInsn}
        {help?.helper ? (
          <>
            {' · '}
            <span className="mono">{help.helper.signature}</span> {help.helper.description}
          </>
        ) : null}
      </p>
      <p className="ellipsis muted">
        {origins.length === 0 ? texts.unknownOrigin : texts.serves}
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
        {origins.length > SHOWN ? texts.more(origins.length - SHOWN) : ''}
        {visits && insn < visits.length ? texts.visits(visits[insn]!) : ''}
      </p>
    </div>
  );
}
