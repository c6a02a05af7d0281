import type { Progress } from '../../base/progress.ts';
import { type Cpu, compileC as compile } from '../../clang/compile.ts';
import type { CompiledInWorker, KeyedLibrary } from '../c.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { Recent } from './blobs.ts';

/** What was checked while it was typed is compiled once. */
const compiled = new Recent<CompiledInWorker>(8);

/** Compiles one file of C; its mistakes are part of the answer. */
export async function compileC(
  { fileName, text, cpu, libraries }: { fileName: string; text: string; cpu: Cpu; libraries: readonly KeyedLibrary[] },
  context: CallContext,
): Promise<Transferred<CompiledInWorker>> {
  const key = JSON.stringify([fileName, cpu, text, libraries.map((library) => library.key)]);
  const known = compiled.get(key) ?? compiled.set(key, await answer(fileName, text, cpu, libraries, context));
  // The bytes stay here for the next call: what crosses is a copy.
  const object = known.object?.slice() ?? null;
  return new Transferred({ ...known, object }, object ? [object.buffer] : []);
}

async function answer(
  fileName: string,
  text: string,
  cpu: Cpu,
  libraries: readonly KeyedLibrary[],
  context: CallContext,
): Promise<CompiledInWorker> {
  const progress: Progress = {
    report: (stage, done, total) => context.progress(stage, done, total),
    get cancelled() {
      return context.cancelled;
    },
  };
  const files = Object.assign({}, ...libraries.map(({ headers }) => headers)) as Record<string, string>;
  const link = libraries.flatMap((library) => library.link);
  const { object, diagnostics, programs } = await compile(text, { fileName: plainName(fileName), cpu, files, link, progress });
  return {
    object: object ? new Uint8Array(object) : null,
    diagnostics,
    programs: programs.map(({ name, section, insns }) => ({ name, section, insns: insns.length })),
  };
}

/** clang gets the name as an argument: what a shell or its own options would take otherwise is left out. */
function plainName(name: string): string {
  const plain = name.replace(/[^\w.+-]+/g, '_').replace(/^-+/, '');
  return /\.c$/i.test(plain) ? plain : `${plain || 'program'}.c`;
}
