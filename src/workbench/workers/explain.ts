import { withoutContents } from '../../bpf/edit-function.ts';
import { disassemble } from '../../bpf/listing.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { explain } from '../../verifier/explain/explain.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { ExplanationView } from '../views.ts';
import { heldProgram } from './programs.ts';

interface ExplainArgs {
  readonly program: ProgramSpec;
  readonly kernel: KernelVersion;
  /** The search for edits verifies many variants: the story comes first, without it. */
  readonly withFixes: boolean;
}

/** Why the verifier refuses the program; null when it accepts it. */
export async function explainProgram(
  { program: spec, kernel, withFixes }: ExplainArgs,
  context: CallContext,
): Promise<ExplanationView | null> {
  const { program } = await heldProgram(spec, context);
  const options = { kernel, privilege: 'root', logLevel: 0 } as const;
  const result = verify(program, options);
  if (result.accepted) return null;
  const { title, known, allowed, story, why, change, fixes } = explain(program, result, {
    verify: options,
    ...(withFixes ? {} : { maxTries: 0 }),
  });
  return {
    title,
    known: known?.text ?? null,
    allowed: allowed?.text ?? null,
    story: story.map(({ role, insnIdx, code, text }) => ({ role, insnIdx, code, text })),
    why,
    change,
    fixes: fixes.map((fix) => ({
      title: fix.title,
      size: fix.size,
      text: disassemble(withoutContents(fix.program), { labels: true }),
    })),
  };
}
