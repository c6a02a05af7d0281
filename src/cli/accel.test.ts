import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileC } from '../clang/compile.ts';
import { compileUse } from '../hooks/accelerator/testing/uses.ts';
import { writeNpy } from '../traces/npy.ts';
import { call } from './testing/call.ts';

const root = mkdtempSync(join(tmpdir(), 'accel-'));
afterAll(() => rmSync(root, { recursive: true }));
const path = (name: string): string => join(root, name);

const ARTICLE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <gaudi.h>
SEC("gaudi/validate_tensor")
int validate(struct bpf_context *ctx) {
if (ctx->tensor.dim[0] > 4096) return -1;
return 0;
}
`;
const FIXTURE = new URL('../../samples/zoo/fixtures/encoder-post-relu-cls/', import.meta.url).pathname;
const MODEL = ['--trace', `${FIXTURE}model.onnx`, '--input', `${FIXTURE}inputs.npy`, '--limit', '6'];
let states = 0;
/** A device of its own. */
const device = (): string[] => ['--state', path(`device${states++}`), '--json'];

const json = async (...args: string[]) => {
  const answer = await call('accel', ...args);
  expect(answer.err === '' || answer.status !== 2, answer.err).toBe(true);
  return { status: answer.status, ...JSON.parse(answer.out) };
};

beforeAll(async () => {
  const article = await compileC(ARTICLE, { fileName: 'validate.c' });
  writeFileSync(path('validate.o'), article.object!);
  for (const use of ['shape_provenance', 'adaptive_qos', 'audit'] as const)
    writeFileSync(path(`${use}.o`), (await compileUse(use)).object!);
  for (const rows of [4096, 4097])
    writeFileSync(path(`x${rows}.npy`), writeNpy({ dtype: 'f4', shape: [rows, 2], data: new Float32Array(rows * 2) }));
}, 120_000);

describe('accel on the command line', { timeout: 120_000 }, () => {
  test('attaches the article’s program, which passes 4,096 and aborts 4,097 before the units see it', async () => {
    const on = device();
    const attach = await json('attach', path('validate.o'), '--attach', 'gaudi/validate_tensor', '--trace', path('x4096.npy'), ...on);
    expect(attach).toMatchObject({
      status: 0,
      accepted: true,
      link: 1,
      program: 'validate',
      commands: 1,
      completed: 1,
      aborted: 0,
      started: 1,
    });
    const run = await json('run', '--trace', path('x4097.npy'), ...on);
    expect(run).toMatchObject({ status: 0, commands: 1, completed: 0, aborted: 1, started: 0 });
    expect(run.requests).toEqual([{ request: 2, commands: 1, started: 0, status: -1, errno: 'EPERM', program: 'validate' }]);
    expect((await json('list', ...on)).links).toEqual([
      { link: 1, object: 'validate', program: 'validate', hook: 'validate_tensor', order: 0 },
    ]);
    expect(await json('detach', 'all', ...on)).toMatchObject({ detached: [1] });
    expect(await json('run', '--trace', path('x4097.npy'), ...on)).toMatchObject({ completed: 1, aborted: 0 });
  });

  test('keeps objects, links, maps and the log between calls', async () => {
    const on = device();
    await json('load', path('adaptive_qos.o'), ...on);
    await json('attach', 'adaptive_qos', '--attach', 'token', ...on);
    const policy = ['map', 'adaptive_qos', 'policies', '--at', '0', '--set', 'u64:1000000 u32:4,4,200,0'];
    const map = await json(...policy, ...on);
    expect(map.entries).toEqual([
      { key: '00000000', value: '40420f00000000000400000004000000c800000000000000', u32: [1_000_000, 0, 4, 4, 200, 0] },
    ]);
    await json('attach', path('audit.o'), '--attach', 'token', '--order', '9', ...on);
    await json('attach', 'audit', '--attach', 'complete', ...on);
    const run = await json('run', ...MODEL, '--export', path('run.trace'), ...on);
    expect([run.aborted, run.deferred > 0, run.completed === run.commands]).toEqual([0, true, true]);
    const buckets = await json('map', 'adaptive_qos', 'buckets', ...on);
    expect(buckets.entries[0].u32[4]).toBe(run.requests.length);
    // The log goes on over calls, in one chain; the exported trace is run again.
    const again = await json('run', '--trace', path('run.trace'), ...on);
    expect([again.commands, again.completed, again.aborted]).toEqual([run.commands, run.commands, 0]);
    expect(await json('audit', ...on)).toMatchObject({
      status: 0,
      whole: true,
      limits: null,
      records: run.traceRecords + again.traceRecords,
    });
    await json('log', '--audit', path('audit.bin'), ...on);
    const log = readFileSync(path('audit.bin'));
    writeFileSync(path('shorter.bin'), Buffer.concat([log.subarray(0, 152 * 5), log.subarray(152 * 6)]));
    expect(await json('audit', path('shorter.bin'), ...on)).toMatchObject({
      status: 1,
      whole: false,
      findings: [{ fault: 'missing', at: 5 }],
    });
    expect(await json('audit', path('audit.bin'), ...on)).toMatchObject({ status: 0, whole: true });
  });

  test('takes signed objects only once there is a root of trust', async () => {
    const on = device();
    const { key } = await json('keygen', '-o', path('ours'), '--json');
    await json('trust', 'add', path('ours.pub.pem'), ...on);
    expect(await json('load', path('validate.o'), ...on)).toMatchObject({ status: 1, accepted: false, reason: 'unsigned' });
    await json('sign', path('validate.o'), '--key', path('ours.pem'), '--version', '2', '--json');
    const tampered = readFileSync(path('validate.o'));
    tampered[tampered.length - 1]! ^= 1;
    writeFileSync(path('tampered.o'), tampered);
    const signature = ['--signature', path('validate.o.sig')];
    expect(await json('verify', path('tampered.o'), ...signature, ...on)).toMatchObject({ status: 1, ok: false, reason: 'tampered' });
    expect(await json('load', path('tampered.o'), ...signature, ...on)).toMatchObject({ status: 1, reason: 'tampered' });
    expect(await json('load', path('validate.o'), ...on)).toMatchObject({ status: 0, accepted: true, version: 2, signer: 'ours.pub.pem' });
    // What was loaded before is not replaced by an older version.
    await json('sign', path('validate.o'), '--key', path('ours.pem'), '--version', '1', '-o', path('old.sig'), '--json');
    const old = await json('load', path('validate.o'), '--name', 'again', '--signature', path('old.sig'), ...on);
    expect(old).toMatchObject({ status: 1, reason: 'old version' });
    await json('trust', 'revoke', key, ...on);
    expect(await json('verify', path('validate.o'), ...on)).toMatchObject({ status: 1, reason: 'revoked key' });
    rmSync(path('validate.o.sig'));
  });

  test('applies a resource, all or nothing, and names the line of what is wrong', async () => {
    mkdirSync(path('serving'), { recursive: true });
    const example = readFileSync(new URL('../../samples/accelerator/serving.yaml', import.meta.url), 'utf8');
    for (const use of ['shape_provenance', 'adaptive_qos', 'audit'])
      writeFileSync(path(`serving/${use}.o`), readFileSync(path(`${use}.o`)));
    writeFileSync(path('serving/serving.yaml'), example);
    const on = device();
    const run = await json('apply', path('serving/serving.yaml'), ...MODEL, '--tenants', '1,2', ...on);
    expect(run.resources[0].links.map(({ object, hook }: { object: string; hook: string }) => `${object} ${hook}`)).toEqual([
      'shapes submit',
      'shapes validate_tensor',
      'qos token',
      'audit token',
      'audit complete',
    ]);
    expect([run.aborted, run.completed === run.commands]).toEqual([0, true]);
    expect((await json('list', ...on)).links.map(({ order }: { order: number }) => order)).toEqual([0, 0, 10, 20, 0]);
    writeFileSync(path('serving/wrong.yaml'), example.replace('map: policies', 'map: policy'));
    const wrong = await call('accel', 'apply', path('serving/wrong.yaml'), ...device());
    const line = example.split('\n').findIndex((text) => text.includes('map: policies'));
    expect([wrong.status, wrong.err]).toEqual([
      2,
      expect.stringMatching(new RegExp(`wrong.yaml, line (${line}|${line + 1}): object qos has no map policy`)),
    ]);
  });

  test('replaces a program in its place', async () => {
    const on = device();
    await json('attach', path('validate.o'), '--attach', 'validate_tensor', ...on);
    await json('load', path('shape_provenance.o'), ...on);
    expect(await json('replace', '1', 'shape_provenance', ...on)).toMatchObject({ link: 1, program: 'shape_provenance' });
    expect(await json('run', '--trace', path('x4096.npy'), ...on)).toMatchObject({ aborted: 1, requests: [{ errno: 'EINVAL' }] });
  });

  test.each([
    [['frobnicate'], /accel has no verb frobnicate/],
    [['attach', 'nothing.o', '--attach', 'submit'], /no such file/],
    [['attach', 'x', '--attach', 'xdp'], /--attach takes one of validate_tensor/],
    [['run', '--trace', 'nothing.trace'], /no such file/],
    [['detach', '7'], /no such link/],
    [['map', 'a', 'b'], /the device has no such object/],
    [['trust', 'add', 'nothing.pem'], /no such file/],
    [['run', '--trace', '%root%/validate.o'], /neither a trace of tensor commands nor a model/],
  ])('%j is unusable input', async (args, message) => {
    const answer = await call('accel', ...args.map((arg) => arg.replace('%root%', root)), ...(args[0] === 'frobnicate' ? [] : device()));
    expect([answer.status, answer.err]).toEqual([2, expect.stringMatching(message)]);
  });

  test('a program that the device’s verifier refuses is an answer', async () => {
    const source = ARTICLE.replace('return 0;', 'return *(volatile int *)0x4d435500000000ul;');
    writeFileSync(path('bad.o'), (await compileC(source, { fileName: 'bad.c' })).object!);
    expect(await json('load', path('bad.o'), ...device())).toMatchObject({ status: 1, accepted: false, reason: 'verifier' });
  });
});
