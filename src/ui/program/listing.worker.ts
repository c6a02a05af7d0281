import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { type CallContext, type Handler, serveRpc } from '../../workbench/rpc.ts';
import { rest, SLICE_MS } from '../../workbench/workers/rest.ts';
import { Finder, type FindView, UNKNOWN_PROGRAM } from './find.ts';
import type { FlowLayout } from './flow.ts';

interface OnProgram {
  readonly key: string;
  readonly view?: FindView;
}

/** The program on show: the page shows one at a time. */
let held: { readonly key: string; readonly view: FindView } | null = null;

function viewOf({ key, view }: OnProgram): FindView {
  if (view) held = { key, view };
  if (held?.key !== key) throw new InputError(UNKNOWN_PROGRAM);
  return held.view;
}

/** Finds `query`, in batches as they come. */
async function find(args: OnProgram & { readonly query: string }, context: CallContext): Promise<number> {
  const finder = new Finder(viewOf(args), args.query);
  let found = 0;
  do {
    const until = performance.now() + SLICE_MS;
    const hits = finder.slice(() => performance.now() > until);
    found += hits.length;
    if (hits.length > 0) context.emit(hits, [hits.buffer]);
    context.progress('searching', finder.done, finder.total);
    await rest();
    if (context.cancelled) throw new Cancelled();
  } while (finder.done < finder.total);
  return found;
}

/** Blocks and edges of a function, laid out. Dagre is loaded when it is first needed. */
async function flow(args: OnProgram & { readonly from: number; readonly to: number; readonly around: number }): Promise<FlowLayout> {
  const view = viewOf(args);
  const { layoutFlow } = await import('./flow.ts');
  return layoutFlow(view, args.from, args.to, args.around);
}

const DOING: Readonly<Record<string, string>> = { find: 'Searching', flow: 'Laying out the control-flow graph' };

const handlers: Record<string, Handler> = { find, flow };

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
