import { Cancelled, type Progress } from '../base/progress.ts';
import { countedFetch } from './counted-fetch.ts';

/** Files by path; folders are nested. */
export interface FileTree {
  readonly [name: string]: FileTree | string | Uint8Array;
}

export interface ToolchainResult {
  /** What clang was asked to write; null when it ended with an error. */
  readonly output: string | null;
  /** What clang says, as text. */
  readonly messages: string;
  /** Why it ended in the midst of its work; null when it came to an end of its own. */
  readonly crash: string | null;
}

type Clang = typeof import('@yowasp/clang');
let loaded: Promise<Clang> | null = null;
const uncounted = (): void => {};
let count: (bytes: number) => void = uncounted;

/** clang in WebAssembly (75 MB, fetched when it is first asked for; a browser keeps it). */
function load(): Promise<Clang> {
  loaded ??= withCountedFetch(() => import('@yowasp/clang')).catch((error: unknown) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

/** The package takes the global `fetch` when it is loaded, and keeps it. */
async function withCountedFetch(importing: () => Promise<Clang>): Promise<Clang> {
  const plain = globalThis.fetch;
  globalThis.fetch = (input, init) => countedFetch(plain(input, init), (bytes) => count(bytes));
  try {
    return await importing();
  } finally {
    globalThis.fetch = plain;
  }
}

/**
 * Runs clang's front end and optimiser with `args` on `files`. What it makes goes to its standard output: the file system of this build makes a file anew for each 4 KB that
 * are written to it, which comes to gigabytes of copies for a few megabytes of IR.
 */
export async function runClang(args: readonly string[], files: FileTree, progress?: Progress): Promise<ToolchainResult> {
  const { commands, runLLVM, Exit } = await load();
  // Without arguments nothing is run: this fetches what is not there yet, once.
  let totalBytes = 0;
  let doneBytes = 0;
  count = (bytes) => {
    doneBytes += bytes;
    progress?.report('fetching clang', doneBytes, totalBytes);
  };
  await runLLVM(
    undefined,
    {},
    {
      fetchProgress: ({ totalLength }) => {
        totalBytes = totalLength;
      },
    },
  );
  // It would keep whoever asked first for as long as the worker lives.
  count = uncounted;
  if (progress?.cancelled) throw new Cancelled();
  const written = streamedText();
  const said = streamedText();
  try {
    await commands.clang([...args, '-o', '-'], files as Parameters<Clang['commands']['clang']>[1], {
      stdout: written.take,
      stderr: said.take,
      decodeASCII: false,
    });
    return { output: written.text(), messages: said.text(), crash: null };
  } catch (error) {
    const messages = said.text();
    if (error instanceof Exit) return { output: null, messages, crash: null };
    // clang's parser calls itself for what is nested; WebAssembly traps at the end of its stack, and wherever clang would crash.
    if (error instanceof RangeError) return { output: null, messages, crash: 'the source is nested deeper than its stack reaches' };
    if (error instanceof WebAssembly.RuntimeError) return { output: null, messages, crash: `it crashed (${error.message})` };
    throw error;
  }
}

/** Puts the text of a stream together, whose pieces may end within a character; null is a flush. */
function streamedText(): { take: (bytes: Uint8Array | null) => void; text: () => string } {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  return {
    take: (bytes) => void (bytes && pieces.push(decoder.decode(bytes, { stream: true }))),
    text: () => pieces.join(''),
  };
}
