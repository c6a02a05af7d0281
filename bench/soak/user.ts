import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { encodeLink } from '../../src/workbench/projects/link.ts';
import { files, type SoakFile } from './files.ts';
import { press, type Target } from './pointer.ts';

const ACTION_MS = 4_000;
const LESSON_MS = 10_000;
const LOOK_MS = 1_000;
const RELOAD_MS = 25_000;
const SAMPLES = ['payload-ids', 'motion', 'flows', 'syscalls', 'unchecked', 'classifier.c', 'model.c', 'count-flows'];
const DESKS = ['Explore', 'Debug', 'Replay', 'Learn', 'Accelerator'];
const KERNELS = ['5.15', '6.1', '6.6', '6.12', '6.18'];
const KEYS = [
  'ArrowDown',
  'ArrowUp',
  'ArrowLeft',
  'ArrowRight',
  'Enter',
  'Escape',
  'Tab',
  'Home',
  'End',
  'PageDown',
  ' ',
  'Delete',
  'F6',
  'o',
  't',
  'f',
  'n',
  '?',
];
const WORDS = [
  '0',
  '-1',
  '1e999',
  'r0 = 1',
  'tcp.port == 80',
  '((((',
  'exit',
  'ü𝔘\u0000',
  '99999999999999999999',
  'a'.repeat(300),
  '.*',
  '[',
  '',
];
const INSNS = ['r0 = 1', 'r1 = r0', 'exit', 'goto +0', 'r0 += r1', 'r3 = *(u8 *)(r1 +0)', 'call 5', 'nonsense', ''];

/**
 * What can be clicked now, one of them by a number in [0, 1): its middle and what it is. As text: what runs in the page must not pass through this
 * process's loader, which adds names of its own.
 */
const PICK = `(part) => {
  const wanted = 'button, [role=tab], [role=radio], [role=treeitem], [role=option], [role=row], [role=menuitem], [role=gridcell], [role=switch], [role=checkbox], [role=slider], [role=separator], input:not([type=file]), textarea, select, summary, .graph-op, .view-line';
  const dialog = document.querySelector('dialog[open]');
  const seen = [...(dialog ?? document).querySelectorAll(wanted)].filter((one) => {
    if (one.disabled) return false;
    const box = one.getBoundingClientRect();
    return box.width > 2 && box.height > 2 && box.top >= 0 && box.left >= 0 && box.top < innerHeight && box.left < innerWidth;
  });
  if (seen.length === 0) return null;
  // Long lists would take every turn: a role is drawn first, then one of its elements.
  const kinds = Map.groupBy(seen, (one) => one.getAttribute('role') ?? one.tagName);
  const all = [...kinds.values()];
  const of = all[Math.floor(part * all.length)];
  const one = of[Math.floor((part * all.length % 1) * of.length)];
  const box = one.getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2, tag: one.tagName, type: one.type ?? '', name: (one.getAttribute('aria-label') || one.textContent || '').trim().slice(0, 60) };
}`;

/** Chooses a kernel in the list of the status bar, as text for the same reason. */
const CHOOSE = `(kernel) => {
  const list = document.querySelector('.kernel select');
  if (!list || list.disabled) return;
  list.value = kernel;
  list.dispatchEvent(new Event('change', { bubbles: true }));
}`;

interface Picked {
  readonly x: number;
  readonly y: number;
  readonly tag: string;
  readonly type: string;
  readonly name: string;
}

const deskTab = (title: string): Target => ({ selector: '.desk-tab', begins: title });

/** One who does anything at all, by a seeded sequence of numbers. */
export class RandomUser {
  readonly #random: () => number;
  readonly #files: readonly SoakFile[];
  /** What was done, newest last. */
  readonly done: string[] = [];

  constructor(random: () => number, samples: string) {
    this.#random = random;
    this.#files = files(random, (name) => readFileSync(join(samples, name)));
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)]!;
  }

  /** Opens each sample on each desk and looks at each panel: what is loaded on demand is there afterwards. */
  async lookAround(page: Page): Promise<void> {
    for (const title of SAMPLES) {
      await this.#sample(page, title);
      for (const desk of DESKS) {
        await press(page, deskTab(desk), ACTION_MS);
        // Those of one panel go when another one is chosen.
        for (let at = 0; await press(page, { selector: '[role=tab]', at }, LOOK_MS); at++);
      }
    }
    await this.#lesson(page);
  }

  /** The first lesson of the course and its first exercise. */
  async #lesson(page: Page): Promise<void> {
    await page.keyboard.press('Control+k');
    await page.keyboard.insertText('Open the course');
    await page.keyboard.press('Enter');
    for (const begins of ['Start with', 'Next', 'Check', 'Next']) await press(page, { selector: '.lesson button', begins }, LESSON_MS);
  }

  /** Does one thing. What cannot be done at the moment is left. */
  async act(page: Page, site: string): Promise<void> {
    const at = this.#random();
    const kinds: readonly (readonly [number, string, () => Promise<void>])[] = [
      [0.5, 'click', () => this.#click(page)],
      [0.6, 'key', () => page.keyboard.press(this.#noted(this.#one(KEYS)))],
      [0.66, 'file', () => page.locator('#file-picker').setInputFiles(this.#file(), { timeout: ACTION_MS })],
      [0.72, 'sample', () => this.#sample(page, this.#noted(this.#one(SAMPLES)))],
      [0.79, 'desk', () => this.#press(page, deskTab(this.#noted(this.#one(DESKS))))],
      [0.85, 'undo', () => page.keyboard.press(this.#noted(this.#one(['Control+z', 'Control+z', 'Control+Shift+z'])))],
      [0.88, 'edit code', () => this.#editCode(page)],
      [0.92, 'kernel', async () => void (await page.evaluate(`(${CHOOSE})(${JSON.stringify(this.#noted(this.#one(KERNELS)))})`))],
      [0.95, 'palette', () => this.#palette(page)],
      [0.97, 'replay', () => this.#press(page, { selector: 'button', begins: 'Replay', whole: true })],
      [0.99, 'link', () => this.#link(page, site)],
      [
        1,
        'size',
        () => page.setViewportSize({ width: 800 + Math.floor(this.#random() * 900), height: 600 + Math.floor(this.#random() * 500) }),
      ],
    ];
    const [, name, run] = kinds.find(([below]) => at < below)!;
    this.#note(name);
    try {
      await run();
    } catch (error) {
      // An element that went away, or that lies under another: a user would see it and do something else.
      if (!/Timeout|detached|not attached|intercepts|Execution context|navigation/i.test(String(error))) throw error;
      this.#noted('(left)');
    }
  }

  /** Loads the page anew, as it stands. */
  async reload(page: Page): Promise<void> {
    this.#note('reload');
    await page.evaluate('void (globalThis.mayReload = true)');
    await page.reload({ timeout: RELOAD_MS });
  }

  async #press(page: Page, target: Target): Promise<void> {
    if (!(await press(page, target, ACTION_MS))) this.#noted('(left)');
  }

  #note(what: string): void {
    this.done.push(what);
    if (this.done.length > 60) this.done.shift();
  }

  #noted(what: string): string {
    this.done[this.done.length - 1] += ` ${what.slice(0, 60)}`;
    return what;
  }

  #file(): SoakFile {
    const file = this.#one(this.#files);
    this.#noted(file.name);
    return file;
  }

  async #click(page: Page): Promise<void> {
    const picked = (await page.evaluate(`(${PICK})(${this.#random()})`)) as Picked | null;
    if (!picked) {
      await page.keyboard.press('Escape');
      return;
    }
    this.#noted(`${picked.tag.toLowerCase()} ${picked.name}`);
    await page.mouse.click(picked.x, picked.y, { modifiers: this.#random() < 0.05 ? ['Shift'] : [] } as object);
    if (picked.tag === 'SELECT') {
      await page.keyboard.press(this.#one(['ArrowDown', 'ArrowUp']));
      await page.keyboard.press('Enter');
    } else if (picked.tag === 'TEXTAREA' || (picked.tag === 'INPUT' && !/checkbox|radio|range/.test(picked.type))) {
      if (this.#random() < 0.5) await page.keyboard.press('Control+a');
      await page.keyboard.insertText(this.#noted(this.#one(WORDS)));
      await page.keyboard.press(this.#one(['Enter', 'Escape', 'Tab']));
    }
  }

  async #sample(page: Page, title: string): Promise<void> {
    await page.keyboard.press('Escape');
    await this.#press(page, { selector: 'button', begins: 'Project' });
    await this.#press(page, { selector: '[role=menuitem]', begins: title });
  }

  async #palette(page: Page): Promise<void> {
    await page.keyboard.press('Control+k');
    await page.keyboard.insertText(
      this.#noted(this.#one(['Show ', 'Theme', 'Instruction 12', 'Reset', 'Open the', 'Softmax', 'Panel', 'graph', 'Share', 'Export'])),
    );
    for (let down = Math.floor(this.#random() * 6); down > 0; down--) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
  }

  async #editCode(page: Page): Promise<void> {
    await press(page, { selector: '[data-panel-actions=program] button', begins: 'Edit', whole: true }, 0);
    await this.#press(page, { selector: '.monaco-editor .view-line' });
    for (let lines = 1 + Math.floor(this.#random() * 3); lines > 0; lines--) {
      for (let down = Math.floor(this.#random() * 5); down > 0; down--) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('End');
      await page.keyboard.press('Enter');
      await page.keyboard.insertText(this.#noted(this.#one(INSNS)));
    }
    await page.keyboard.press('Control+Enter');
  }

  /**
   * A link that someone has sent, some of them cut; without its first character it would load the page anew, and so would the browser's own way to an address that it is at
   * already.
   */
  async #link(page: Page, site: string): Promise<void> {
    const text = `.section xdp\n.license GPL\n${Array.from({ length: Math.floor(this.#random() * 20) }, () => this.#one(INSNS)).join('\n')}\nr0 = 2\nexit\n`;
    let link = encodeLink({ v: 1, base: { kind: 'text', text: { kind: 'assembly', name: 'sent.s', text } }, set: {} });
    if (this.#random() < 0.3) link = link.slice(0, 1 + Math.floor((link.length - 1) * this.#random()));
    await page.evaluate(`location.href = ${JSON.stringify(`${site}${link}`)}`);
  }
}
