import { type Envelope, pack, unpack } from './envelope.ts';
import type { ErrorReply, Hello } from './protocol.ts';

/** What the companion refused, or could not do. `status` is HTTP's; 0 when it does not answer at all. */
export class CompanionError extends Error {
  readonly status: number;
  readonly reply: ErrorReply;

  constructor(status: number, reply: ErrorReply) {
    super(reply.where ? `${reply.where}: ${reply.error}` : reply.error);
    this.name = 'CompanionError';
    this.status = status;
    this.reply = reply;
  }
}

const TYPE = 'application/octet-stream';
const lost = (): CompanionError => new CompanionError(0, { error: 'the companion does not answer', where: '', advice: 'Start it again' });

/** A page's end of the line. `base` is the companion's address, `''` for a page that it served itself. */
export class CompanionClient {
  readonly #base: string;
  readonly #session: string;
  readonly #fetch: typeof fetch;

  /** `fetcher`: for callers that are no browser and must say themselves what origin they have. */
  constructor(base: string, session: string, fetcher: typeof fetch = (...given) => fetch(...given)) {
    this.#base = base;
    this.#session = session;
    this.#fetch = fetcher;
  }

  /** The session's key for a token. Throws {@link CompanionError} for one that is wrong or used. */
  static async exchange(base: string, token: string): Promise<string> {
    const response = await send(fetch, base, 'session', '', pack({ token }));
    if (!response.ok) throw await failure(response);
    return ((await response.json()) as { session: string }).session;
  }

  async ask(name: string, head: object = {}, blobs: readonly Uint8Array[] = [], signal?: AbortSignal): Promise<Envelope> {
    const response = await send(this.#fetch, this.#base, name, this.#session, pack(head, blobs), signal);
    if (!response.ok) throw await failure(response);
    const bytes = await response.arrayBuffer().catch((error: unknown) => {
      throw signal?.aborted ? error : lost();
    });
    return unpack(new Uint8Array(bytes), { headBytes: 64 << 20, blobs: 1 << 20, depth: 32 });
  }

  /**
   * Holds a connection: what this page loads is unloaded when it ends. Gives the lease's name and what the companion is; `ended` settles when the
   * line is cut.
   */
  async lease(signal: AbortSignal): Promise<{ lease: string; hello: Hello; ended: Promise<void> }> {
    const response = await send(this.#fetch, this.#base, 'lease', this.#session, pack({}), signal);
    if (!response.ok || !response.body) throw await failure(response);
    const lines = readLines(response.body);
    const first = await lines.next().catch(() => ({ done: true, value: '' }) as const);
    if (first.done) throw lost();
    const { lease, hello } = JSON.parse(first.value) as { lease: string; hello: Hello };
    const ended = (async () => {
      try {
        for await (const _ of lines);
      } catch {
        // A line that is cut ends, too.
      }
    })();
    return { lease, hello, ended };
  }
}

function send(
  fetcher: typeof fetch,
  base: string,
  name: string,
  session: string,
  body: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = { 'Content-Type': TYPE, ...(session ? { Authorization: `Bearer ${session}` } : {}) };
  return fetcher(`${base}/companion/api/${name}`, { method: 'POST', headers, body, signal: signal ?? null, credentials: 'omit' }).catch(
    (error: unknown) => {
      throw signal?.aborted ? error : lost();
    },
  );
}

async function failure(response: Response): Promise<CompanionError> {
  try {
    return new CompanionError(response.status, (await response.json()) as ErrorReply);
  } catch {
    return new CompanionError(response.status, { error: `no companion answers here (status ${response.status})`, where: '', advice: '' });
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}
