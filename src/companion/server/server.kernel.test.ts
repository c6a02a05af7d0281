import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { CompanionClient, CompanionError } from '../client.ts';
import { Blobs, type LoadReply, programMessage, type RunReply } from '../protocol.ts';
import { kernelForTests } from '../vitest-kernel.ts';
import { Terminal } from './consent.ts';
import { Guests } from './guests.ts';
import { Companion } from './server.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const folder = mkdtempSync(join(tmpdir(), 'bpformer-companion-'));
mkdirSync(join(folder, 'site'));
writeFileSync(join(folder, 'site/index.html'), '<!doctype html><title>site</title>');
afterAll(() => rmSync(folder, { recursive: true }));

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

const COUNT = program(`.section xdp
.name count
.license GPL
.map hits array 4 8 1
*(u32 *)(r10 -4) = 0
r2 = r10
r2 += -4
r1 = map[hits]
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 +0)
r1 += 1
*(u64 *)(r0 +0) = r1
out: r0 = 2
exit`);

/** It verifies for seconds: nested loops whose states differ. */
const SLOW = program(`.section xdp
.name slow
.license GPL
r6 = 0
r7 = 0
top: r7 += 3
r6 += 1
if r6 < 240000 goto top
r0 = r7
r0 &= 1
exit`);

/** A message whose head is any text. */
function framed(head: string): Uint8Array {
  const json = new TextEncoder().encode(head);
  return new Uint8Array([...new Uint8Array(Uint32Array.of(json.length).buffer), ...json]);
}

/** Programs of this name that the kernel holds now. */
function loadedNow(name: string): number {
  const all = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8', maxBuffer: 1 << 26 })) as { name?: string }[];
  return all.filter((one) => one.name === name).length;
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.skipIf(!kernel)('the companion', () => {
  let companion: Companion;
  let base: string;
  let session: string;
  const typed = new PassThrough();
  const said = new PassThrough();
  const tokenOf = (): string => companion.address().split('#')[1]!;

  beforeAll(async () => {
    const terminal = new Terminal(typed, said);
    companion = await Companion.start({ site: join(folder, 'site'), port: 0, allowWrite: false, terminal, guests: new Guests(null) });
    base = `http://127.0.0.1:${companion.port}`;
    session = JSON.parse((await raw('session', { token: tokenOf() }, {})).body).session as string;
  });
  afterAll(() => companion.close());

  /** A request as something else than a browser may send it, with any headers. */
  function raw(
    name: string,
    head: object | Uint8Array,
    headers: Record<string, string | undefined>,
    method = 'POST',
  ): Promise<{ status: number; body: string }> {
    const json = new TextEncoder().encode(JSON.stringify({ ...head, blobs: [] }));
    const body = head instanceof Uint8Array ? head : new Uint8Array([...new Uint8Array(Uint32Array.of(json.length).buffer), ...json]);
    const all: Record<string, string | undefined> = {
      host: `127.0.0.1:${companion.port}`,
      origin: base,
      'content-type': 'application/octet-stream',
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>;
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: companion.port, path: name.startsWith('/') ? name : `/companion/api/${name}`, method, headers: sent },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (text += part));
          response.on('end', () => resolve({ status: response.statusCode!, body: text }));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(method === 'POST' ? body : undefined);
    });
  }
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${session}` });

  /** A page: Node leaves out the origin that a browser sends. */
  const page = (key = session): CompanionClient =>
    new CompanionClient(base, key, (url, init) => fetch(url, { ...init, headers: { ...init?.headers, Origin: base } }));

  async function load(
    client: CompanionClient,
    lease: string,
    made: Program,
    keep = true,
    signal?: AbortSignal,
  ): Promise<{ head: LoadReply; log: string }> {
    const blobs = new Blobs();
    const message = programMessage(made, blobs);
    const { head, blobs: back } = await client.ask('load', { lease, program: message, logLevel: 4, keep }, blobs.list, signal);
    return { head: head as unknown as LoadReply, log: new TextDecoder().decode(back[0]) };
  }

  it('serves the site and the page that takes the token, from its own address alone', async () => {
    expect((await raw('/', {}, {}, 'GET')).body).toContain('<title>site</title>');
    expect((await raw('/companion/open', {}, {}, 'GET')).body).toContain('open.js');
    expect((await raw('/', {}, { host: 'rebound.example:80' }, 'GET')).status).toBe(421);
    expect((await raw('/', {}, { host: `127.0.0.1.nip.io:${companion.port}` }, 'GET')).status).toBe(421);
    expect((await raw('/', {}, { host: `localhost:${companion.port}` }, 'GET')).status).toBe(200);
    expect((await raw('/sw.js', {}, {}, 'GET')).status).toBe(404);
  });

  it.each([
    ['another origin', { origin: 'http://evil.example' }, 403],
    ['the same address by another name', { origin: 'http://localhost:1' }, 403],
    ['no origin', { origin: undefined }, 403],
    ['a page that another site shows', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another host, as DNS rebinding makes', { host: 'rebound.example', origin: 'http://rebound.example' }, 421],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a packed body', { 'content-encoding': 'gzip' }, 415],
    ['a key that is wrong', { authorization: 'Bearer AAAA' }, 401],
    ['no key', { authorization: undefined }, 401],
  ] as const)('refuses %s', async (_, headers, status) => {
    expect((await raw('hello', {}, { ...bearer(), ...headers })).status).toBe(status);
  });

  it('takes a token once, and no wrong one', async () => {
    const token = tokenOf();
    expect((await raw('session', { token }, {})).status).toBe(200);
    expect((await raw('session', { token }, {})).status).toBe(403);
    expect((await raw('session', { token: 'guess' }, {})).status).toBe(403);
    expect((await raw('session', { token: 1 }, {})).status).toBe(403);
  });

  it.each([
    ['shorter than its length', new Uint8Array([1, 2]), 'shorter than its own length'],
    ['a head that is not there', new Uint8Array([255, 0, 0, 0, 123]), 'cut short'],
    ['a head beyond all measure', new Uint8Array([255, 255, 255, 255]), 'longer than'],
    ['deep lists', framed(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), 'nested deeper than'],
    ['no JSON', framed('{"a":'), 'is no JSON'],
    ['a list', framed('[1]'), 'no JSON object'],
    ['a member that is not known', framed('{"__proto__":{"a":1},"blobs":[]}'), 'is not known'],
    ['a blob that is not there', framed('{"blobs":[9]}'), 'a blob is cut short'],
    ['bytes behind its end', new Uint8Array([...framed('{"blobs":[]}'), 1]), 'behind its last blob'],
  ])('names what is wrong with a message: %s', async (_, bytes, what) => {
    const { status, body } = await raw('hello', bytes, bearer());
    expect(status).toBe(400);
    expect(JSON.parse(body).error).toContain(what);
  });

  it('verifies, runs, reads and unloads', async () => {
    const client = page();
    const stop = new AbortController();
    const { lease, hello, ended } = await client.lease(stop.signal);
    expect(hello.backend).toBe('helper');
    const { head, log } = await load(client, lease, COUNT);
    expect(head.accepted).toBe(true);
    expect(log).toContain('processed');
    expect(head.jitedBytes).toBeGreaterThan(0);
    const frames = new Uint8Array(3 * 64);
    const lengths = new Uint8Array(Uint32Array.of(64, 64, 64).buffer);
    const ask = {
      lease,
      handle: head.handle,
      repeat: 1,
      count: 3,
      input: { kind: 'packet', bytes: 0, lengths: 1 },
      set: [],
      read: ['hits'],
      wantData: true,
    };
    const { head: ran, blobs } = await client.ask('run', ask, [frames, lengths]);
    expect(ran as unknown as RunReply).toMatchObject({ done: 3, errno: 0 });
    expect([...new Uint32Array(blobs[0]!.slice().buffer)]).toEqual([2, 2, 2]);
    expect([...new BigUint64Array(blobs[2]!.slice().buffer)]).toEqual([1n, 2n, 3n]);
    const dump = await client.ask('dump', { lease, handle: head.handle, what: 'xlated' });
    expect(dump.blobs[0]!.length).toBe(head.xlatedBytes);
    const jited = await client.ask('dump', { lease, handle: head.handle, what: 'jited' });
    expect(jited.blobs[0]!.length).toBe(head.jitedBytes);
    expect(loadedNow('count')).toBe(1);
    // The page is gone, without a word.
    stop.abort();
    await ended;
    await until(() => loadedNow('count') === 0);
    await expect(client.ask('maps', { lease, handle: head.handle })).rejects.toMatchObject({ status: 410 });
  });

  it('writes a map only after yes in the terminal', async () => {
    const client = page();
    const stop = new AbortController();
    const { lease } = await client.lease(stop.signal);
    const { head } = await load(client, lease, COUNT);
    const write = () =>
      client.ask('update', { lease, handle: head.handle, map: 'hits', key: 0, value: 1 }, [new Uint8Array(4), new Uint8Array(8).fill(7)]);
    const asked = () => until(() => String(said.read() ?? '').includes('asks to write map hits'));
    // What was typed before the question answers nothing.
    typed.write('yes\n');
    const first = write();
    await asked();
    typed.write('no\n');
    await expect(first).rejects.toMatchObject({ status: 403 });
    const second = write();
    await asked();
    typed.write('yes\n');
    await second;
    const { blobs } = await client.ask('entries', { lease, handle: head.handle, map: 'hits', from: 0, most: 10 });
    expect([...blobs[1]!]).toEqual([7, 7, 7, 7, 7, 7, 7, 7]);
    stop.abort();
  });

  it('stops what the page no longer waits for, and goes on', async () => {
    const client = page();
    const stop = new AbortController();
    const { lease } = await client.lease(stop.signal);
    const enough = new AbortController();
    const loading = load(client, lease, SLOW, false, enough.signal);
    enough.abort();
    await expect(loading).rejects.toThrow();
    expect((await load(client, lease, COUNT, false)).head.accepted).toBe(true);
    stop.abort();
  });

  it('gives its helper no right but those that speak of BPF', async () => {
    const { capabilities, confined } = companion.hello();
    expect(confined).toBe(true);
    expect(capabilities).toContain('CAP_BPF');
    const status = execFileSync('cat', [`/proc/${companion.helperPid}/status`], { encoding: 'utf8' });
    expect(/^NoNewPrivs:\s*1/m.test(status)).toBe(true);
    expect(/^Uid:\s*0/m.test(status)).toBe(false);
    // Between two requests CAP_BPF alone is in effect.
    expect(BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)![1]}`)).toBe(1n << 39n);
  });

  it('answers nothing of another page’s', async () => {
    const other = JSON.parse((await raw('session', { token: tokenOf() }, {})).body).session as string;
    const client = page();
    const stop = new AbortController();
    const { lease } = await client.lease(stop.signal);
    await expect(page(other).ask('maps', { lease, handle: 1 })).rejects.toBeInstanceOf(CompanionError);
    stop.abort();
  });
});
