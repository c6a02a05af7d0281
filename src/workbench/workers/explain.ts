import { Cancelled } from '../../base/progress.ts';
import { withoutContents } from '../../bpf/edit-function.ts';
import { disassemble } from '../../bpf/listing.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { explain, type Fact } from '../../verifier/explain/explain.ts';
import { fixDiff } from '../../verifier/explain/fix-diff.ts';
import { verify } from '../../verifier/verify.ts';
import type { ProgramSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { ExplanationView, FactView } from '../views.ts';
import { heldProgram } from './programs.ts';

interface ExplainArgs {
  readonly program: ProgramSpec;
  readonly kernel: KernelVersion;
  /** The search for edits verifies many variants: the story comes first, without it. */
  readonly withFixes: boolean;
}

/** The limit that progress of one verification is measured by. */
const PROCESSED_LIMIT = 1_000_000;

/** Why the verifier refuses the program; null when it accepts it. */
export async function explainProgram(
  { program: spec, kernel, withFixes }: ExplainArgs,
  context: CallContext,
): Promise<ExplanationView | null> {
  const { program } = await heldProgram(spec, context);
  const options = {
    kernel,
    privilege: 'root',
    logLevel: 0,
    onProgress: (processed: number) => {
      context.progress('explaining', processed, PROCESSED_LIMIT);
      return context.cancelled;
    },
  } as const;
  const result = verify(program, options);
  if (result.accepted) return null;
  const found = explain(program, result, { verify: options, ...(withFixes ? {} : { maxTries: 0 }) });
  if (context.cancelled) throw new Cancelled();
  const { line } = found.source;
  return {
    title: found.title,
    insnIdx: found.insnIdx,
    code: found.code,
    source: line ? `${line.file}:${line.line} ${line.text.trim()}` : '',
    serves: found.source.labels,
    subject: found.subject,
    known: factView(found.known),
    allowed: factView(found.allowed),
    story: found.story,
    cut: found.cut,
    provedAt: found.provedAt,
    lostAt: found.lostAt,
    why: found.why,
    change: found.change,
    fixes: found.fixes.map((fix) => ({
      title: fix.title,
      size: fix.size,
      processed: fix.processed,
      diff: fixDiff(program, fix),
      text: disassemble(withoutContents(fix.program), { labels: true }),
    })),
  };
}

const factView = (fact: Fact | null): FactView | null =>
  fact && { text: fact.text, min: fact.min?.toString() ?? null, max: fact.max?.toString() ?? null };
