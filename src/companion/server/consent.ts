import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A question that is not answered is refused. */
const PATIENCE_MS = 120_000;

/** The terminal that the companion was started in: the only place where a write can be allowed. */
export class Terminal {
  readonly #lines: Interface;
  readonly #out: Writable;
  readonly #questions: { readonly text: string; settle(yes: boolean): void }[] = [];
  readonly #commands: Readonly<Record<string, () => void>>;
  #closed = false;

  /** `commands`: what a line does that answers no question. */
  constructor(input: Readable, out: Writable, commands: Readonly<Record<string, () => void>> = {}) {
    this.#out = out;
    this.#commands = commands;
    this.#lines = createInterface({ input, terminal: false });
    this.#lines.on('line', (line) => this.#line(line.trim()));
    this.#lines.on('close', () => {
      this.#closed = true;
      for (const { settle } of this.#questions.splice(0)) settle(false);
    });
  }

  say(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** True if the user types yes. What a page sent stands in `text` only as {@link printable} text. */
  ask(text: string, signal: AbortSignal): Promise<boolean> {
    if (this.#closed || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => question.settle(false), PATIENCE_MS);
      const onAbort = (): void => question.settle(false);
      const question = {
        text,
        settle: (yes: boolean) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          const at = this.#questions.indexOf(question);
          if (at >= 0) this.#questions.splice(at, 1);
          resolve(yes);
          if (at === 0) this.#show();
        },
      };
      signal.addEventListener('abort', onAbort);
      this.#questions.push(question);
      if (this.#questions.length === 1) this.#show();
    });
  }

  #show(): void {
    const question = this.#questions[0];
    if (question) this.say(`${question.text}\nType yes to allow this once, anything else to refuse:`);
  }

  #line(line: string): void {
    const question = this.#questions[0];
    if (question) {
      const yes = line === 'yes';
      this.say(yes ? 'Allowed.' : 'Refused.');
      question.settle(yes);
    } else if (Object.hasOwn(this.#commands, line)) this.#commands[line]!();
  }

  close(): void {
    this.#lines.close();
  }
}

const MOST_SHOWN = 80;

/** Text of a page as a terminal may show it: no control characters, and not without end. */
export function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > MOST_SHOWN ? `${clean.slice(0, MOST_SHOWN)}…` : clean;
}
