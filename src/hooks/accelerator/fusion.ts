import type { Model, Node } from '../../onnx/model.ts';
import type { Parameters } from './parameters.ts';
import { movedBytes, type Plan, type Step } from './plan.ts';
import { rowWork } from './rows.ts';
import type { ModelOnDevice } from './stream.ts';
import { aloneNs } from './units.ts';

export type FusionKind = 'elementwise' | 'matmul' | 'attention';

/** What was observed of a model's commands: how often each came, and what programs cost it. */
export interface Observed {
  /** By label of the step. */
  readonly times: ReadonlyMap<string, number>;
  /** Modelled time of the programs of one command, ns. */
  readonly hookNs: number;
}

/** Several commands that can be one. */
export interface Fusion {
  readonly kind: FusionKind;
  readonly label: string;
  /** Indices of the plan's steps, in order. */
  readonly steps: readonly number[];
  readonly fused: Step;
  /** Of one pass: bytes between memory and units, and modelled time with what programs cost; passes that were observed. */
  readonly before: { readonly commands: number; readonly bytes: number; readonly ns: number };
  readonly after: { readonly commands: 1; readonly bytes: number; readonly ns: number };
  readonly observed: number;
}

/** More than this would not find room in a unit’s registers. */
const MOST_NODES = 24;
const MOST_OUTPUTS = 2;

/**
 * Commands of a stream that can be one: products with what is done to their rows behind them, attention (scores, softmax, their product with the values), and chains of element-wise work.
 * A command joins others where all work row by row on the same rows, nothing outside stands between them, and its result comes no later for it: work that
 * would otherwise overlap stays apart.
 */
export function proposeFusions(on: ModelOnDevice, parameters: Parameters, observed: Observed | null = null): Fusion[] {
  const hookNs = observed?.hookNs ?? 0;
  const ns = (step: Step): number => aloneNs(step, parameters) + hookNs;
  const groups = new Grouping(on, ns).groups();
  return groups.map((steps) => {
    const members = steps.map((at) => on.plan.steps[at]!);
    const fused = fusedStep(on.model, on.plan, members, usedOutside(on, new Set(steps)));
    return {
      kind: kindOf(members),
      label: fused.label,
      steps,
      fused,
      before: {
        commands: steps.length,
        bytes: members.reduce((sum, { bytes }) => sum + bytes, 0),
        ns: members.reduce((sum, step) => sum + ns(step), 0),
      },
      after: { commands: 1, bytes: fused.bytes, ns: ns(fused) },
      observed: observed?.times.get(members[0]!.label) ?? 0,
    };
  });
}

/** The model with the chosen fusions in place of the commands that they join. */
export function applyFusions(on: ModelOnDevice, fusions: readonly Fusion[]): ModelOnDevice {
  const { steps } = on.plan;
  const fusionOf = new Map(fusions.flatMap((fusion) => fusion.steps.map((at) => [at, fusion] as const)));
  const units: Step[] = [];
  const placed = new Set<Fusion>();
  steps.forEach((step, at) => {
    const fusion = fusionOf.get(at);
    if (!fusion) units.push(step);
    else if (!placed.has(fusion)) {
      placed.add(fusion);
      units.push(fusion.fused);
    }
  });
  return on.withSteps(ordered(units, on.plan));
}

function kindOf(members: readonly Step[]): FusionKind {
  const products = members.filter(({ op }) => op === 'matmul').length;
  return products > 1 ? 'attention' : products === 1 ? 'matmul' : 'elementwise';
}

function fusedStep(model: Model, { views }: Plan, members: readonly Step[], outputs: readonly string[]): Step {
  const nodes = members.flatMap((step) => step.nodes);
  const made = new Set(members.flatMap((step) => step.outputs));
  const inputs = [...new Set(members.flatMap((step) => step.inputs))].filter((name) => !made.has(views.get(name) ?? name));
  const step = {
    nodes,
    op: 'fused' as const,
    label: members.length > 3 ? `${members[0]!.label} … ${members.at(-1)!.label}` : members.map(({ label }) => label).join(' + '),
    layer: members[0]!.layer,
    inputs,
    outputs,
    flops: members.reduce((sum, { flops }) => sum + flops, 0),
    width: Math.max(...members.map(({ width }) => width)),
  };
  return { ...step, bytes: movedBytes(model, step) };
}

/** Values that the steps make and others, or the model's user, read. */
function usedOutside({ plan: { steps, views }, model }: ModelOnDevice, inside: ReadonlySet<number>): string[] {
  const made = new Set([...inside].flatMap((at) => steps[at]!.outputs));
  const used = new Set(model.outputs.map(({ name }) => views.get(name) ?? name));
  steps.forEach(({ inputs }, at) => {
    if (!inside.has(at)) for (const name of inputs) used.add(views.get(name) ?? name);
  });
  return [...made].filter((name) => used.has(name));
}

/** Steps so that each follows those whose outputs it reads; as far as that goes in the order given. */
function ordered(steps: readonly Step[], { views }: Plan): Step[] {
  const makers = new Map<string, Step>(steps.flatMap((step) => step.outputs.map((name) => [name, step] as const)));
  const done = new Set<Step>();
  const out: Step[] = [];
  // Depth first by hand: a deep model would overflow the stack.
  for (const root of steps) {
    const stack = [root];
    while (stack.length > 0) {
      const step = stack.at(-1)!;
      const missing = done.has(step)
        ? undefined
        : step.inputs.map((name) => makers.get(views.get(name) ?? name)).find((maker) => maker && !done.has(maker));
      if (missing) stack.push(missing);
      else {
        stack.pop();
        if (!done.has(step)) out.push(step);
        done.add(step);
      }
    }
  }
  return out;
}

/** Finds groups of steps, products first, each as large as it gets. */
class Grouping {
  readonly #on: ModelOnDevice;
  readonly #steps: readonly Step[];
  /** Group of each step: its own index while it is in none. */
  readonly #group: number[];
  readonly #members = new Map<number, number[]>();
  readonly #makers = new Map<string, number>();
  readonly #readers: number[][];
  readonly #ns: (step: Step) => number;
  /** When each step would be done if there were units for all that is ready. */
  readonly #doneNs: number[] = [];

  constructor(on: ModelOnDevice, ns: (step: Step) => number) {
    this.#on = on;
    this.#ns = ns;
    this.#steps = on.plan.steps;
    this.#group = this.#steps.map((_, at) => at);
    this.#readers = this.#steps.map(() => []);
    this.#steps.forEach(({ outputs }, at) => {
      for (const name of outputs) this.#makers.set(name, at);
    });
    this.#steps.forEach((step, at) => {
      const sources = this.#sources(at);
      for (const from of sources) this.#readers[from]!.push(at);
      this.#doneNs[at] = Math.max(0, ...sources.map((from) => this.#doneNs[from]!)) + ns(step);
    });
  }

  /** Groups of at least two steps, as ascending indices, in the order of their first steps. */
  groups(): number[][] {
    const seeds = this.#steps.map((_, at) => at).filter((at) => this.#fits(at, []));
    const products = seeds.filter((at) => this.#steps[at]!.op === 'matmul');
    for (const seed of [...products, ...seeds]) if (!this.#members.has(this.#group[seed]!)) this.#grow(seed);
    return [...this.#members.values()].filter((members) => members.length > 1).sort((a, b) => a[0]! - b[0]!);
  }

  #sources(at: number): number[] {
    const { views } = this.#on.plan;
    return this.#steps[at]!.inputs.flatMap((name) => this.#makers.get(views.get(name) ?? name) ?? []);
  }

  #grow(seed: number): void {
    let members = [seed];
    this.#members.set(seed, members);
    for (let found = true; found && members.length < MOST_NODES; ) {
      found = false;
      for (const candidate of this.#neighbours(members)) {
        if (!this.#fits(candidate, members) || this.#wouldCircle(candidate, seed) || this.#delays(candidate, members)) continue;
        this.#group[candidate] = seed;
        members = [...members, candidate].sort((a, b) => a - b);
        found = true;
        break;
      }
    }
    members = this.#trimmed(members, seed);
    this.#members.set(seed, members);
    if (members.length === 1) this.#members.delete(seed);
  }

  /** Gives back the last steps while too much would have to be written. */
  #trimmed(members: number[], seed: number): number[] {
    let kept = members;
    while (kept.length > 1 && usedOutside(this.#on, new Set(kept)).length > MOST_OUTPUTS) {
      this.#group[kept.at(-1)!] = kept.at(-1)!;
      kept = kept.slice(0, -1);
    }
    // What is left may no longer hang together by its first step.
    if (!kept.includes(seed)) {
      for (const at of kept) this.#group[at] = at;
      return [seed];
    }
    return kept;
  }

  /** Readers of what the members make that are in no group, in order. */
  #neighbours(members: readonly number[]): number[] {
    const next = new Set(members.flatMap((at) => this.#readers[at]!));
    return [...next].filter((at) => this.#group[at] === at && !members.includes(at) && !this.#members.has(at)).sort((a, b) => a - b);
  }

  #fits(at: number, members: readonly number[]): boolean {
    const step = this.#steps[at]!;
    if (step.nodes.length !== 1 || !this.#on.isComputed(step)) return false;
    const [node] = step.nodes as [Node];
    const { views } = this.#on.plan;
    const made = new Set(members.flatMap((each) => this.#steps[each]!.outputs));
    const inside = (name: string): boolean => made.has(views.get(name) ?? name);
    // What lies between has the same rows under the name by which it is read as under that by which it was made.
    if (node.inputs.some((name) => inside(name) && !sameShape(this.#on.model, name, views.get(name) ?? name))) return false;
    const work = rowWork(this.#on.model, node, inside);
    if (!work) return false;
    if (members.length === 0) return true;
    const rows = (name: string): string => this.#on.model.values.get(name)!.dims.slice(0, -1).join();
    if (rows(node.outputs[0]!) !== rows(this.#steps[members[0]!]!.outputs[0]!)) return false;
    if (step.op !== 'matmul') return true;
    // A second product only as attention has it: behind the softmax of the first.
    const kinds = members.map((each) => this.#steps[each]!.op);
    return kinds.filter((kind) => kind === 'matmul').length === 1 && kinds.includes('softmax');
  }

  /** When a group would be done: it waits for what all its members read. */
  #groupDoneNs(members: readonly number[]): number {
    const own = new Set(members);
    const starts = members.flatMap((at) => this.#sources(at).filter((from) => !own.has(from)));
    const [only] = members;
    const steps = members.map((at) => this.#steps[at]!);
    const step = members.length === 1 ? this.#steps[only!]! : fusedStep(this.#on.model, this.#on.plan, steps, usedOutside(this.#on, own));
    return Math.max(0, ...starts.map((from) => this.#doneNs[from]!)) + this.#ns(step);
  }

  /** True where the candidate's result would come later as part of the group than by itself behind it. */
  #delays(candidate: number, members: readonly number[]): boolean {
    const others = this.#sources(candidate).filter((from) => !members.includes(from));
    const apart = Math.max(this.#groupDoneNs(members), ...others.map((from) => this.#doneNs[from]!)) + this.#ns(this.#steps[candidate]!);
    return this.#groupDoneNs([...members, candidate].sort((a, b) => a - b)) > apart;
  }

  /** True where something outside stands between the group and the candidate. */
  #wouldCircle(candidate: number, group: number): boolean {
    const seen = new Set<number>();
    const stack = this.#sources(candidate).filter((at) => this.#group[at] !== group);
    while (stack.length > 0) {
      const at = stack.pop()!;
      const own = this.#group[at]!;
      if (own === group) return true;
      if (seen.has(own)) continue;
      seen.add(own);
      for (const member of this.#members.get(own) ?? [at])
        for (const source of this.#sources(member)) if (this.#group[source] !== own) stack.push(source);
    }
    return false;
  }
}

const sameShape = (model: Model, a: string, b: string): boolean => model.values.get(a)!.dims.join() === model.values.get(b)!.dims.join();
