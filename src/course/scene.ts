import type { Condition, Live, Scene } from './lesson.ts';

/** What may stand in `select`. */
export const SELECT = /^(insn|packet|byte):\d{1,9}$|^(op|node|tensor):[^\s:][^\n]{0,120}$/;

const SCENE_KEYS = ['open', 'desk', 'panel', 'select', 'program'] as const;
const CONDITION_KEYS = ['select', 'panel', 'verdict'] as const;

/** What the page has, against which names in lessons are checked; handed in, because the page lies above. */
export interface Stage {
  readonly samples: ReadonlySet<string>;
  readonly desks: ReadonlySet<string>;
  readonly panels: ReadonlySet<string>;
  /** Widgets that stand within the text, and what each may be told. */
  readonly widgets: ReadonlyMap<string, readonly string[]>;
}

type Attributes = Readonly<Record<string, string | null | undefined>>;

function nameProblem(key: string, value: string, stage: Stage | null): string | null {
  if (key === 'select')
    return SELECT.test(value) ? null : `select="${value}" is none of insn:N, packet:N, byte:N, op:NAME, node:NAME and tensor:NAME`;
  if (key === 'verdict') return value === 'accepted' || value === 'rejected' ? null : `verdict="${value}" is neither accepted nor rejected`;
  if (!stage) return null;
  const known = { open: stage.samples, desk: stage.desks, panel: stage.panels }[key as 'open' | 'desk' | 'panel'] as
    | ReadonlySet<string>
    | undefined;
  if (!known || known.has(value)) return null;
  return `there is no ${key === 'open' ? 'sample' : key} ${value}: there are ${[...known].join(', ')}`;
}

function read<K extends string>(
  attributes: Attributes,
  keys: readonly K[],
  stage: Stage | null,
  fail: (message: string) => void,
): { [P in K]?: string } {
  const found: { [P in K]?: string } = {};
  for (const [key, raw] of Object.entries(attributes)) {
    if (!keys.includes(key as K)) {
      fail(`there is no ${key} here: there are ${keys.join(', ')}`);
      continue;
    }
    const value = raw ?? '';
    const problem = nameProblem(key, value, stage);
    if (problem) fail(problem);
    else found[key as K] = value;
  }
  if (Object.keys(found).length === 0) fail(`it says nothing: give one of ${keys.join(', ')}`);
  return found;
}

export const readScene = (attributes: Attributes, stage: Stage | null, fail: (message: string) => void): Scene =>
  read(attributes, SCENE_KEYS, stage, fail);

export const readCondition = (attributes: Attributes, stage: Stage | null, fail: (message: string) => void): Condition =>
  read(attributes, CONDITION_KEYS, stage, fail) as Condition;

/** `widget="NAME"` and what the widget is told. */
export function readLive(attributes: Attributes, stage: Stage | null, fail: (message: string) => void): Live {
  const { widget = '', ...rest } = attributes;
  const keys = stage?.widgets.get(widget ?? '');
  if (!widget) fail('it needs a widget: ::live[Caption]{widget="NAME"}');
  else if (stage && !keys) fail(`there is no widget ${widget}: there are ${[...stage.widgets.keys()].join(', ') || 'none'}`);
  const args: Record<string, string> = {};
  for (const [key, value] of Object.entries(rest)) {
    if (keys && !keys.includes(key)) fail(`widget ${widget} has no ${key}: there are ${keys.join(', ') || 'none'}`);
    else args[key] = (value ?? '').slice(0, 200);
  }
  return { widget: widget ?? '', args };
}
