import { ACCEL_HOOKS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import type { HookProgram } from './runner.ts';

/** The programs of every hook at one moment, in the order in which they run. Never changed: attaching makes another. */
export type ProgramSet = Readonly<Record<AccelHook, readonly HookProgram[]>>;

interface Attached {
  program: HookProgram;
  readonly order: number;
  readonly id: number;
}

/** Which programs are attached. A command keeps the set that was current when it entered. */
export class Attachments {
  #attached: Attached[] = [];
  #next = 0;
  #set: ProgramSet = setOf([]);

  get current(): ProgramSet {
    return this.#set;
  }

  /** Lower orders run first; of equals, who was attached first. Returns the number of the attachment. */
  attach(program: HookProgram, order: number): number {
    const id = this.#next++;
    this.#attached.push({ program, order, id });
    this.#attached.sort((a, b) => a.order - b.order || a.id - b.id);
    this.#set = setOf(this.#attached);
    return id;
  }

  detach(id: number): void {
    this.#attached = this.#attached.filter((each) => each.id !== id);
    this.#set = setOf(this.#attached);
  }

  /** Puts another program of the same hook in the place of one, keeping its turn. */
  replace(id: number, program: HookProgram): void {
    this.#attached.find((each) => each.id === id)!.program = program;
    this.#set = setOf(this.#attached);
  }
}

function setOf(attached: readonly Attached[]): ProgramSet {
  return Object.fromEntries(
    ACCEL_HOOKS.map((hook) => [hook, attached.filter(({ program }) => program.hook === hook).map(({ program }) => program)]),
  ) as unknown as ProgramSet;
}
