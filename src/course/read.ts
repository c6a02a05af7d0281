import type { Code, Root, RootContent } from 'mdast';
import type { ContainerDirective, LeafDirective } from 'mdast-util-directive';
import { parse as parseYaml } from 'yaml';
import { InputError, oneLine } from '../base/errors.ts';
import { readChecks, yamlProblem } from './checks.ts';
import {
  type Block,
  EXERCISE_KINDS,
  type Exercise,
  type ExerciseKind,
  exercisesOf,
  type Lesson,
  type Problem,
  type Step,
  type WrongAnswer,
} from './lesson.ts';
import { parseMarkdown } from './markdown.ts';
import { readCondition, readLive, readScene, type Stage } from './scene.ts';

const ID = /^[a-z0-9][a-z0-9-]{0,60}$/;
/** Kernels whose rules an exercise may be held to. */
export const KERNELS: readonly string[] = ['5.15', '6.1', '6.6', '6.12', '6.18'];
const HEAD_KEYS = ['lesson', 'title', 'minutes', 'after', 'goals', 'opens'];

export interface ReadLesson {
  /** Null when the file has no usable front matter or no step. */
  readonly lesson: Lesson | null;
  readonly problems: readonly Problem[];
}

const lineOf = (node: { position?: { start: { line: number } } }): number => node.position?.start.line ?? 1;

/** Plain text of a node and all within it. */
export function plainText(node: unknown): string {
  const { value, children } = node as { value?: string; children?: readonly unknown[] };
  return value ?? children?.map(plainText).join('') ?? '';
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #stage: Stage | null;

  constructor(stage: Stage | null) {
    this.#stage = stage;
  }

  fail(node: { position?: { start: { line: number } } } | number, message: string): void {
    this.problems.push({ line: typeof node === 'number' ? node : lineOf(node), message: oneLine(message) });
  }

  head(root: Root): Omit<Lesson, 'steps'> | null {
    const [first] = root.children;
    if (first?.type !== 'yaml') {
      this.fail(1, 'a lesson begins with front matter: a line of ---, lesson, title and minutes, and a line of ---');
      return null;
    }
    let head: unknown;
    try {
      head = parseYaml(first.value, { maxAliasCount: 0 });
    } catch (error) {
      this.fail(lineOf(first) + 1, `front matter: ${yamlProblem((error as Error).message)}`);
      return null;
    }
    if (typeof head !== 'object' || head === null || Array.isArray(head)) {
      this.fail(first, 'front matter has a line for each of lesson, title and minutes');
      return null;
    }
    const lines = first.value.split('\n');
    const at = (key: string) =>
      lineOf(first) +
      1 +
      Math.max(
        0,
        lines.findIndex((line) => line.startsWith(`${key}:`)),
      );
    const values = head as Record<string, unknown>;
    for (const key of Object.keys(values))
      if (!HEAD_KEYS.includes(key)) this.fail(at(key), `there is no ${key} in front matter: there are ${HEAD_KEYS.join(', ')}`);
    const { lesson: id, title, minutes, after = [], goals = [], opens = {} } = values;
    const before = this.problems.length;
    if (typeof id !== 'string' || !ID.test(id)) this.fail(at('lesson'), 'lesson is a name of small letters, digits and hyphens');
    if (typeof title !== 'string' || title.length === 0 || title.length > 120)
      this.fail(at('title'), 'title is a text of at most 120 characters');
    if (typeof minutes !== 'number' || !(minutes >= 1 && minutes <= 240)) this.fail(at('minutes'), 'minutes is a number from 1 to 240');
    const texts = (value: unknown): value is string[] =>
      Array.isArray(value) && value.length <= 50 && value.every((one) => typeof one === 'string' && one.length <= 300);
    if (!texts(after) || !after.every((one) => ID.test(one))) this.fail(at('after'), 'after is a list of lessons by their names');
    if (!texts(goals)) this.fail(at('goals'), 'goals is a list of texts');
    const attributes = typeof opens === 'object' && opens !== null && !Array.isArray(opens) ? (opens as Record<string, unknown>) : null;
    if (!attributes || !Object.values(attributes).every((one) => typeof one === 'string'))
      this.fail(at('opens'), 'opens has open, desk, panel or select, each a text');
    if (this.problems.length > before) return null;
    const scene =
      Object.keys(attributes!).length === 0
        ? {}
        : readScene(attributes as Record<string, string>, this.#stage, (message) => this.fail(at('opens'), message));
    return {
      id: id as string,
      title: title as string,
      minutes: minutes as number,
      after: after as string[],
      goals: goals as string[],
      opens: scene,
    };
  }

  steps(root: Root): readonly Step[] {
    const steps: { title: string; line: number; blocks: Block[] }[] = [];
    for (const node of root.children.slice(1)) {
      if (node.type === 'heading' && node.depth <= 2) {
        if (node.depth === 1) this.fail(node, 'the title stands in front matter; steps begin with ##');
        steps.push({ title: plainText(node).slice(0, 200), line: lineOf(node), blocks: [] });
        continue;
      }
      const step = steps.at(-1);
      if (!step) {
        this.fail(node, 'text before the first step: steps begin with ##');
        continue;
      }
      const block = this.block(node, true);
      if (block) step.blocks.push(block);
    }
    if (steps.length === 0) this.fail(1, 'it has no step: a step begins with ##');
    return steps;
  }

  block(node: RootContent, exercises: boolean): Block | null {
    if (node.type === 'leafDirective') return this.leaf(node);
    if (node.type === 'containerDirective') {
      if (node.name === 'exercise' && exercises) {
        const exercise = this.exercise(node);
        return exercise && { kind: 'exercise', exercise };
      }
      if (node.name === 'note') {
        this.inline(node);
        return { kind: 'text', node };
      }
      this.fail(
        node,
        node.name === 'exercise'
          ? 'an exercise stands in no other exercise'
          : node.name === 'hint'
            ? 'a :::hint stands within an exercise that begins and ends with four colons (::::exercise … ::::)'
            : `there is no :::${node.name}: there are ::::exercise, :::note, and :::hint within exercises`,
      );
      return null;
    }
    this.inline(node);
    return { kind: 'text', node };
  }

  leaf(node: LeafDirective): Block | null {
    const attributes = node.attributes ?? {};
    const fail = (message: string) => this.fail(node, `::${node.name}: ${message}`);
    if (node.name === 'show') return { kind: 'show', line: lineOf(node), scene: readScene(attributes, this.#stage, fail) };
    if (node.name === 'task') {
      if (node.children.length === 0) fail('it needs the task in words: ::task[Select the multiplication]{select="insn:4"}');
      return {
        kind: 'task',
        line: lineOf(node),
        text: node.children as RootContent[],
        until: readCondition(attributes, this.#stage, fail),
      };
    }
    if (node.name === 'live') {
      const live = readLive(attributes, this.#stage, fail);
      return { kind: 'live', line: lineOf(node), caption: node.children as RootContent[], live };
    }
    this.fail(node, `there is no ::${node.name}: there are ::show, ::task and ::live`);
    return null;
  }

  /** What stands inside of paragraphs, lists and tables: markup that is none of ours stays text, and is reported. */
  inline(node: RootContent): void {
    const visit = (one: RootContent): void => {
      if (one.type === 'paragraph' && /^:{3,}$/m.test(plainText(one)))
        this.fail(
          one,
          'these colons close nothing: what holds a :::hint or :::note begins and ends with four colons (::::exercise … ::::)',
        );
      if (one.type === 'html') this.fail(one, 'HTML is shown as it is written: use Markdown');
      else if (one.type === 'image' || one.type === 'imageReference') this.fail(one, 'pictures are not shown');
      else if (one.type === 'link' && !/^(?:https:\/\/|#)/.test(one.url))
        this.fail(one, `a link goes to https:// or to a part of the page (#…), not to ${one.url.slice(0, 40)}`);
      else if (one.type === 'heading' && one.depth <= 2) this.fail(one, 'a step begins outside of lists, notes and exercises');
      else if (one.type === 'textDirective') {
        if (one.name === 'go') readScene(one.attributes ?? {}, this.#stage, (message) => this.fail(one, `:go: ${message}`));
        else if (one.name !== 'term' && one.name !== 'fact') this.fail(one, `there is no :${one.name}: there are :term, :fact and :go`);
        else if (one.children.length === 0) this.fail(one, `:${one.name} needs a name: :${one.name}[tnum]`);
      } else if (one.type === 'code' && /\b(?:start|solution|wrong|check)\b/.test(one.meta ?? ''))
        this.fail(one, 'code for an exercise stands outside of one');
      if ('children' in one) for (const child of one.children) visit(child as RootContent);
    };
    visit(node);
  }

  exercise(node: ContainerDirective): Exercise | null {
    const { id = '', title = '', kind = '', kernel = '6.18', model = null, ...rest } = node.attributes ?? {};
    const before = this.problems.length;
    for (const key of Object.keys(rest)) this.fail(node, `an exercise has no ${key}: there are id, title, kind, kernel, model`);
    if (!ID.test(id ?? '')) this.fail(node, 'an exercise needs an id of small letters, digits and hyphens');
    if (!title) this.fail(node, 'an exercise needs a title');
    if (!EXERCISE_KINDS.includes(kind as ExerciseKind)) this.fail(node, `kind is one of ${EXERCISE_KINDS.join(', ')}`);
    if (!KERNELS.includes(kernel ?? '')) this.fail(node, `kernel is one of ${KERNELS.join(', ')}`);
    if (kind === 'options' && !model) this.fail(node, 'an exercise about options needs a model: the sample that it works on');
    if (model && this.#stage && !this.#stage.samples.has(model))
      this.fail(node, `there is no sample ${model}: there are ${[...this.#stage.samples].join(', ')}`);
    if (this.problems.length > before) return null;
    const task: Block[] = [];
    const hints: (readonly RootContent[])[] = [];
    const wrong: WrongAnswer[] = [];
    const code: Partial<Record<'start' | 'solution' | 'check', Code>> = {};
    for (const child of node.children as RootContent[]) {
      if (child.type === 'containerDirective' && child.name === 'hint') {
        this.inline(child);
        hints.push(child.children as RootContent[]);
        continue;
      }
      const role = child.type === 'code' ? /^(start|solution|wrong|check)\b/.exec(child.meta ?? '')?.[1] : undefined;
      if (child.type !== 'code' || !role) {
        const block = this.block(child, false);
        if (block) task.push(block);
      } else if (role === 'wrong') {
        const says = /\bsays="([^"\n]+)"/.exec(child.meta ?? '')?.[1];
        if (says) wrong.push({ line: lineOf(child), text: child.value, says });
        else this.fail(child, 'a wrong answer says what it is met with: wrong says="part of the feedback"');
      } else if (code[role as 'start']) this.fail(child, `a second ${role} in one exercise`);
      else code[role as 'start'] = child;
    }
    const need = (role: 'start' | 'solution' | 'check', what: string) => {
      if (!code[role]) this.fail(node, `exercise ${id} has no ${role}: ${what}`);
      return code[role]?.value ?? '';
    };
    const start = code.start?.value ?? (kind === 'value' ? '' : need('start', 'what stands there at first'));
    const solution = need('solution', 'an answer that passes');
    need('check', 'a code block whose info says "yaml check"');
    const { checks, problems } = code.check
      ? readChecks(code.check.value, kind as ExerciseKind, lineOf(code.check) + 1)
      : { checks: [], problems: [] };
    this.problems.push(...problems);
    if (code.check && checks.length === 0 && problems.length === 0) this.fail(code.check, 'no check: every answer would pass');
    if (wrong.length === 0) this.fail(node, `exercise ${id} has no wrong answer: give a typical one, and part of what it is met with`);
    return {
      id: id!,
      line: lineOf(node),
      title: title!,
      kind: kind as ExerciseKind,
      kernel: kernel!,
      model: model ?? null,
      task,
      start,
      solution,
      wrong,
      checks,
      hints,
    };
  }
}

/**
 * A lesson from its Markdown file (`docs/lessons.md`), with everything that is wrong with the form of it. Without `stage`, names of samples, desks and
 * panels are taken as they are. Throws an {@link InputError} for files that are too large to read.
 */
export function readLesson(text: string, where: string, stage: Stage | null): ReadLesson {
  const reader = new Reader(stage);
  let root: Root;
  try {
    root = parseMarkdown(text, where);
  } catch (error) {
    if (error instanceof RangeError) throw new InputError('its parts are nested too deep to be read', where);
    throw error;
  }
  const head = reader.head(root);
  const steps = reader.steps(
    root.children[0]?.type === 'yaml' ? root : { ...root, children: [{ type: 'yaml', value: '' }, ...root.children] },
  );
  const lesson = head && steps.length > 0 ? { ...head, steps } : null;
  if (lesson) {
    const seen = new Set<string>();
    for (const { id, line } of exercisesOf(lesson)) {
      if (seen.has(id)) reader.fail(line, `a second exercise ${id}`);
      seen.add(id);
    }
    for (const { blocks } of lesson.steps)
      for (const block of blocks)
        if (block.kind === 'show' && block.scene.program && !seen.has(block.scene.program))
          reader.fail(block.line, `there is no exercise ${block.scene.program}`);
  }
  return { lesson, problems: reader.problems.toSorted((a, b) => a.line - b.line) };
}
