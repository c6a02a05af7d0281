import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import type { Compiled } from '../../compiler/api.ts';
import { ADDED, CHANGED, comparable, type DiffRow, diffPasses, REMOVED, SAME } from '../../compiler/passes/diff.ts';
import type { Pass, PassId } from '../../compiler/passes/pass.ts';
import { functionPasses, graphPass, nodePasses, planPass } from '../../compiler/passes/rows.ts';
import { productName } from '../../compiler/precision.ts';
import type { ProgramSpec } from '../clients.ts';
import { toUserError, type UserError } from '../errors.ts';
import type { Change, PassesView, PassRowView, PassView } from '../pass-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { Recent } from './blobs.ts';
import { compileModel } from './build.ts';
import { modelOf } from './models.ts';

/** The passes of one compilation, as far as it came. */
export interface Recorded {
  readonly passes: readonly Pass[];
  readonly compiled: Compiled | null;
  readonly refused: UserError | null;
  readonly products: PassesView['products'];
}

const recordings = new Recent<Recorded>(6);

export const keyOf = (program: ProgramSpec, change: Change | null): string => JSON.stringify([program.key, change]);

/** Compiles the model of `program`, with other options if there is a change, and keeps the rows of every pass. */
export async function recorded(program: ProgramSpec, change: Change | null, context: CallContext): Promise<Recorded> {
  const { from, options } = program;
  if (from.kind !== 'model') throw new InputError('the program was not compiled from a model');
  const key = keyOf(program, change);
  const known = recordings.get(key);
  if (known) return known;
  const model = await modelOf(from.model.model, from.model.dims);
  const passes: Pass[] = nodePasses(model);
  const products = new Map<string, number>();
  let compiled: Compiled | null = null;
  let refused: UserError | null = null;
  try {
    compiled = await compileModel(
      from,
      {
        ...options,
        ...change,
        onPass: (note) => {
          passes.push(note.pass === 'plan' ? planPass(note) : graphPass(note));
          if (note.pass !== 'precision') return;
          for (const op of note.graph.ops) {
            if (op.kind !== 'linear') continue;
            const name = productName(op);
            products.set(name, op.nodes.find((node) => node.name === name)?.index ?? -1);
          }
        },
      },
      context,
    );
    passes.push(...functionPasses(compiled));
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    refused = toUserError(error, 'Compiling');
  }
  return recordings.set(key, {
    passes,
    compiled,
    refused,
    products: [...products].map(([name, node]) => ({ name, node })),
  });
}

interface PassesArgs {
  readonly program: ProgramSpec;
  /** Other options whose passes stand beside those of the program; null: each pass is compared with the one before it. */
  readonly change: Change | null;
}

interface Compared {
  readonly pass: Pass;
  readonly rows: readonly DiffRow[];
  readonly compared: PassView['compared'];
}

const comparisons = new Recent<readonly Compared[]>(4);

async function compared({ program, change }: PassesArgs, context: CallContext): Promise<readonly Compared[]> {
  const key = keyOf(program, change);
  const known = comparisons.get(key);
  if (known) return known;
  const own = await recorded(program, null, context);
  const other = change && (await recorded(program, change, context));
  const made = (other ?? own).passes.map((pass, at) => {
    // A pass that the program does not have stands beside the one before it.
    const before = (other && own.passes.find(({ id }) => id === pass.id)) ?? (other ?? own).passes[at - 1] ?? null;
    return {
      pass,
      rows: diffPasses(before, pass),
      compared: !before || !comparable(before, pass) ? 'not' : before.kind === pass.kind ? 'like' : 'other',
    } as const;
  });
  return comparisons.set(key, made);
}

/** Every pass of the program, compared with the one before or with what other options make of it. */
export async function passes(args: PassesArgs, context: CallContext): Promise<Transferred<PassesView>> {
  const { refused, products, compiled } = await recorded(args.program, args.change, context);
  const views = (await compared(args, context)).map(viewOf);
  return new Transferred(
    { passes: views, refused, products, strategy: compiled?.meta.strategy ?? null },
    views.flatMap(({ state, node, nodeStart, nodes }) => [state, node, nodeStart, nodes].map(({ buffer }) => buffer as ArrayBuffer)),
  );
}

function viewOf({ pass, rows, compared: was }: Compared): PassView {
  const nodeStart = new Uint32Array(rows.length + 1);
  rows.forEach(({ row }, at) => {
    nodeStart[at + 1] = nodeStart[at]! + row.nodes.length;
  });
  const counts = { [SAME]: 0, [CHANGED]: 0, [ADDED]: 0, [REMOVED]: 0 };
  for (const { state } of rows) counts[state]++;
  return {
    id: pass.id,
    kind: pass.kind,
    compared: was,
    state: Uint8Array.from(rows, ({ state }) => state),
    node: Int32Array.from(rows, ({ row }) => row.node),
    nodeStart,
    nodes: Uint32Array.from(rows.flatMap(({ row }) => row.nodes)),
    counts,
  };
}

/** Rows of a pass by number, for those that a list shows. */
export async function passRows(
  { pass, rows, ...args }: PassesArgs & { readonly pass: PassId; readonly rows: readonly number[] },
  context: CallContext,
): Promise<PassRowView[]> {
  const found = (await compared(args, context)).find((one) => one.pass.id === pass);
  return rows.flatMap((at) => (found?.rows[at] ? [rowView(found.rows[at], found.compared === 'like')] : []));
}

function rowView({ state, row, was, fate }: DiffRow, alike: boolean): PassRowView {
  const before = new Map(state === CHANGED && alike ? was?.facts : []);
  const now = new Map(row.facts);
  const facts = row.facts.map(([key, text]) => {
    const old = before.get(key);
    return before.size === 0 || old === text ? { key, text } : { key, text, was: old ?? '' };
  });
  const gone = [...before].filter(([key]) => !now.has(key)).map(([key, text]) => ({ key, text: '', was: text }));
  return {
    op: row.op,
    name: row.name,
    dims: row.dims,
    state,
    facts: [...facts, ...gone],
    was: was && was.op !== row.op ? was.op : null,
    fate,
  };
}
