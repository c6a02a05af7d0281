import type { AccelHook } from '../../bpf/accelerator/hooks.ts';
import type { Command } from './command.ts';
import type { Job } from './engine-cores.ts';
import type { HookProgram } from './runner.ts';
import type { Verdict } from './verdict.ts';

/** What one run of a program came to. */
export interface RunResult {
  readonly ns: number;
  readonly verdict: Verdict;
  readonly deferNs: number;
}

export interface Decision {
  readonly verdict: Verdict;
  /** The program that decided; null when all let the command go on. */
  readonly program: HookProgram | null;
  readonly deferNs: number;
}

export interface HookCall {
  readonly hook: AccelHook;
  readonly command: Command;
  readonly programs: readonly HookProgram[];
  /** Tensors that the hook is called for, one after the other. */
  readonly tensors: readonly number[];
}

/**
 * The programs of a hook for one command, one after the other on one core: for each tensor every program in its turn, until one does not
 * say continue. A program works on the state of its start; what it decides holds from its end.
 */
export class HookJob implements Job {
  readonly #call: HookCall;
  readonly #run: (call: HookCall, program: HookProgram, tensor: number, core: number) => RunResult;
  readonly #ended: () => boolean;
  readonly #decide: (decision: Decision) => void;
  #at = 0;
  #decision: Decision = { verdict: { kind: 'continue' }, program: null, deferNs: 0 };

  /** `ended` says that the command is no more, so that the programs left need not run. */
  constructor(
    call: HookCall,
    run: (call: HookCall, program: HookProgram, tensor: number, core: number) => RunResult,
    ended: () => boolean,
    decide: (decision: Decision) => void,
  ) {
    this.#call = call;
    this.#run = run;
    this.#ended = ended;
    this.#decide = decide;
  }

  next(core: number): number | null {
    const { programs, tensors } = this.#call;
    if (this.#decision.program || this.#at === programs.length * tensors.length || this.#ended()) return null;
    const program = programs[this.#at % programs.length]!;
    const { ns, verdict, deferNs } = this.#run(this.#call, program, tensors[Math.floor(this.#at / programs.length)]!, core);
    if (verdict.kind !== 'continue') this.#decision = { verdict, program, deferNs };
    this.#at++;
    return ns;
  }

  done(): void {
    this.#decide(this.#decision);
  }
}
