import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { CSP } from '../../../scripts/csp.mjs';
import { siteListener } from '../../../scripts/serve.mjs';
import { InputError } from '../../base/errors.ts';
import { type Envelope, pack, unpack } from '../envelope.ts';
import type { ErrorReply, Hello } from '../protocol.ts';
import { type Answer, KernelAnswers, machineFacts } from './ask-kernel.ts';
import { hasBpftool, loadByBpftool } from './bpftool.ts';
import { printable, type Terminal } from './consent.ts';
import { Desk, Stopped } from './desk.ts';
import { ENTRY, ENTRY_PATH } from './entry-page.ts';
import { askRefusal, hostRefusal, keyOf } from './gate.ts';
import type { Guests } from './guests.ts';
import { Gone, type Lease, Leases } from './leases.ts';
import { LIMITS } from './limits.ts';
import { outsideEffects } from './outside.ts';
import { capabilitiesOf, namesOf } from './privileges.ts';
import { blobOf, checkRequest, isRequest, type RequestName, type Requests } from './schema.ts';
import { Sessions } from './session.ts';

export interface CompanionOptions {
  /** Folder of the built site. */
  readonly site: string;
  readonly port: number;
  /** Writes need no further word in the terminal. */
  readonly allowWrite: boolean;
  readonly terminal: Terminal;
  readonly guests: Guests;
}

const API = '/companion/api/';
const HEARTBEAT_MS = 5000;
const [OK, BAD, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE, TOO_LARGE, FAILED, STOPPED] = [200, 400, 401, 403, 404, 410, 413, 500, 503];
/** Wrong tokens before no further one is looked at. */
const MOST_WRONG = 100;

/** The server: the IDE and its questions to the kernel, from one origin of this machine, to one page that was given a token. */
export class Companion {
  readonly #options: CompanionOptions;
  readonly #sessions = new Sessions();
  readonly #leases = new Leases();
  readonly #desk = new Desk();
  readonly #answers = new KernelAnswers(this.#desk, this.#leases);
  readonly #server: Server;
  readonly #site;
  #wrong = 0;
  /** There is no helper, and bpftool is there. */
  #bpftool = false;
  #mayPin = false;
  #port = 0;

  private constructor(options: CompanionOptions) {
    this.#options = options;
    this.#site = siteListener({ root: options.site });
    this.#server = createServer(
      { requestTimeout: LIMITS.requestMs, headersTimeout: LIMITS.headersMs, maxHeaderSize: 16 << 10 },
      (request, response) => {
        this.#serve(request, response).catch((error: unknown) =>
          fail(response, FAILED, { error: String((error as Error)?.message ?? error), where: 'companion', advice: '' }),
        );
      },
    );
  }

  /** Listens on the loopback address alone. Throws {@link InputError} where the port is taken. */
  static async start(options: CompanionOptions): Promise<Companion> {
    const companion = new Companion(options);
    if (!(await companion.#desk.start())) companion.#bpftool = await hasBpftool();
    await new Promise<void>((resolve, reject) => {
      companion.#server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE';
        const advice = taken ? 'Give another with --port, or end what listens there' : '';
        reject(new InputError(taken ? 'something listens there already' : `cannot listen (${error.code})`, `port ${options.port}`, advice));
      });
      companion.#server.listen(options.port, '127.0.0.1', resolve);
    });
    companion.#port = (companion.#server.address() as AddressInfo).port;
    return companion;
  }

  get port(): number {
    return this.#port;
  }

  /** A new address that opens one session. */
  address(): string {
    return `http://127.0.0.1:${this.#port}${ENTRY_PATH}#${this.#sessions.offer()}`;
  }

  hello(): Hello {
    const facts = {
      ...machineFacts(),
      writesAllowed: this.#options.allowWrite,
      guests: this.#options.guests.versions,
      version: 1,
    } as const;
    if (this.#desk.absence === '') return { ...facts, ...this.#answers.hello() };
    if (this.#bpftool) {
      const limits = `bpftool alone is asked, for verdicts without runs, maps or replays: ${this.#desk.absence}`;
      return {
        ...facts,
        backend: 'bpftool',
        limits,
        cpus: availableParallelism(),
        capabilities: namesOf(capabilitiesOf('self', 'Eff')),
        confined: false,
      };
    }
    return { ...facts, backend: 'none', limits: this.#desk.absence, cpus: 1, capabilities: [], confined: false };
  }

  get helperPid(): number | undefined {
    return this.#desk.pid;
  }

  /** Ends everything: what was loaded is gone with the helper. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#desk.close();
    await this.#options.guests.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').replace(/[?#].*$/s, '');
    const foreign = hostRefusal(request.headers, this.#port);
    if (foreign)
      return fail(response, foreign.status, { error: foreign.why, where: 'host', advice: 'Use the address that the terminal shows' });
    if (path.startsWith(API)) return this.#api(path.slice(API.length), request, response);
    const entry = Object.hasOwn(ENTRY, path) ? ENTRY[path] : undefined;
    if (entry) return text(response, entry.type, entry.body);
    // What a service worker keeps would stay behind on this port when the companion is gone.
    if (path === '/sw.js') return fail(response, NOT_FOUND, { error: 'the companion keeps no copy of the page', where: path, advice: '' });
    this.#site(request, response);
  }

  async #api(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = askRefusal(request.method ?? '', request.headers, this.#port);
    if (refusal)
      return fail(response, refusal.status, { error: refusal.why, where: 'request', advice: 'Only the companion’s own page may ask' });
    const key = keyOf(request.headers);
    const isExchange = name === 'session';
    if (!isExchange && !this.#sessions.has(key))
      return fail(response, UNAUTHORIZED, {
        error: 'this page is not connected',
        where: 'session',
        advice: 'Type link in the companion’s terminal and open the new address',
      });
    if (!isExchange && name !== 'lease' && !isRequest(name))
      return fail(response, NOT_FOUND, { error: `nothing is called ${printable(name)}`, where: 'request', advice: '' });
    const body = await readBody(request, isExchange ? 4096 : LIMITS.messageBytes);
    if (body === null)
      return fail(response, TOO_LARGE, {
        error: `the message is longer than ${isExchange ? 4096 : LIMITS.messageBytes} bytes`,
        where: 'message',
        advice: '',
      });
    const stop = new AbortController();
    response.on('close', () => stop.abort());
    try {
      const envelope = unpack(body);
      if (isExchange) return this.#exchange(envelope, response);
      if (name === 'lease') return this.#lease(key, response);
      const { head, blobs } = await this.#answer(name as RequestName, envelope, key, stop.signal);
      const bytes = pack(head as object, blobs);
      response.writeHead(OK, { ...HEADERS, 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length });
      response.end(bytes);
    } catch (error) {
      if (error instanceof Stopped) return fail(response, STOPPED, { error: error.message || 'stopped', where: 'companion', advice: '' });
      if (error instanceof Gone) return fail(response, GONE, { error: error.what, where: error.where, advice: error.advice });
      if (error instanceof Refused) return fail(response, FORBIDDEN, { error: error.what, where: error.where, advice: error.advice });
      if (error instanceof InputError) return fail(response, BAD, { error: error.what, where: error.where, advice: error.advice });
      throw error;
    }
  }

  #exchange({ head }: Envelope, response: ServerResponse): void {
    const token = head.token;
    const session = typeof token === 'string' && token.length <= 128 && this.#wrong < MOST_WRONG ? this.#sessions.exchange(token) : null;
    if (session === null) {
      this.#wrong++;
      fail(response, FORBIDDEN, {
        error: 'this token is wrong, too old or used already',
        where: 'token',
        advice: 'Type link in the companion’s terminal and open the new address',
      });
      return;
    }
    response.writeHead(OK, { ...HEADERS, 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ session }));
  }

  /** A connection that lasts as long as the page: what the page loaded is unloaded when it ends, however it ends. */
  #lease(session: string, response: ServerResponse): void {
    const lease = this.#leases.open(session);
    response.writeHead(OK, { ...HEADERS, 'Content-Type': 'application/x-ndjson' });
    const tell = (line: object): void => void response.write(`${JSON.stringify(line)}\n`);
    tell({ lease: lease.id, hello: this.hello() });
    const beat = setInterval(() => tell({}), HEARTBEAT_MS);
    response.on('close', () => {
      clearInterval(beat);
      void this.#answers.free(this.#leases.close(lease));
    });
  }

  async #answer<Name extends RequestName>(name: Name, envelope: Envelope, session: string, signal: AbortSignal): Promise<Answer<unknown>> {
    const request = checkRequest(name, envelope);
    const plain = (head: object): Answer<object> => ({ head, blobs: [] });
    const ask = <Other extends RequestName>(): [Requests[Other], Lease] => {
      const mine = request as unknown as Requests[Other];
      return [mine, this.#leases.of((mine as { lease: string }).lease, session)];
    };
    const answers = this.#answers;
    switch (name as RequestName) {
      case 'hello':
        return plain(this.hello());
      case 'load': {
        const [load, lease] = ask<'load'>();
        if (this.#bpftool && load.guest === undefined) {
          if (!this.#mayPin)
            await this.#consent(
              'bpftool loads programs by pinning them, and each pin is taken away at once. The page asks for its verdicts.',
              signal,
            );
          this.#mayPin = true;
          return loadByBpftool(load, envelope, signal);
        }
        return load.guest === undefined
          ? answers.load(load, envelope, lease, signal)
          : this.#options.guests.load(load.guest, load, envelope, signal);
      }
      case 'run': {
        const [run, lease] = ask<'run'>();
        const outside = outsideEffects(answers.held(lease, run.handle).helpers);
        if (outside !== '')
          await this.#consent(`The page asks to run ${printable(answers.held(lease, run.handle).name)}, which may ${outside}.`, signal);
        return answers.run(run, envelope, lease, signal);
      }
      case 'drop': {
        const [drop, lease] = ask<'drop'>();
        await answers.drop(lease, drop.handle);
        return plain({});
      }
      case 'dump': {
        const [dump, lease] = ask<'dump'>();
        return answers.dump(lease, dump.handle, dump.what, signal);
      }
      case 'maps': {
        const [maps, lease] = ask<'maps'>();
        return plain(answers.maps(lease, maps.handle));
      }
      case 'entries': {
        const [entries, lease] = ask<'entries'>();
        return answers.entries(lease, entries, signal);
      }
      case 'update': {
        const [update, lease] = ask<'update'>();
        const [key, value] = [blobOf(envelope, update.key, 'key'), blobOf(envelope, update.value, 'value')];
        answers.held(lease, update.handle);
        const hex = (bytes: Uint8Array): string => printable(Buffer.from(bytes.subarray(0, 64)).toString('hex'));
        await this.#consent(
          `The page asks to write map ${printable(update.map)}: key ${hex(key)}, value ${hex(value)} (${value.length} bytes).`,
          signal,
        );
        await answers.update(lease, update.handle, update.map, key, value, signal);
        return plain({});
      }
      case 'btf':
        return answers.btf();
      case 'features':
        return plain(await answers.features(signal));
    }
    throw new InputError('is not answered', name);
  }

  async #consent(question: string, signal: AbortSignal): Promise<void> {
    if (this.#options.allowWrite) return;
    if (!(await this.#options.terminal.ask(question, signal)))
      throw new Refused('it was not allowed in the terminal', 'companion', 'Type yes there when it asks, or start it with --allow-write');
  }
}

class Refused extends InputError {}

const HEADERS = {
  'Content-Security-Policy': `${CSP}; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

function text(response: ServerResponse, type: string, body: string): void {
  response.writeHead(OK, { ...HEADERS, 'Content-Type': type });
  response.end(body);
}

function fail(response: ServerResponse, status: number, reply: ErrorReply): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // The rest of a message that was refused is not read.
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'application/json', Connection: 'close' });
  response.end(JSON.stringify(reply));
}

/** The whole body, or null when it is longer than `most`: the rest is then not read. */
async function readBody(request: IncomingMessage, most: number): Promise<Uint8Array | null> {
  if (Number(request.headers['content-length'] ?? 0) > most) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
