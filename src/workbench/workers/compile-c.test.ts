import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readObject } from '../../object/reader.ts';
import { verify } from '../../verifier/verify.ts';
import type { CompiledInWorker } from '../c.ts';
import type { CallContext } from '../rpc.ts';
import { compileC } from './compile-c.ts';

const quiet: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };
const compiled = async (text: string, fileName = 'a.c'): Promise<CompiledInWorker> =>
  (await compileC({ fileName, text, cpu: 'v3', libraries: [] }, quiet)).value;

test('the C that comes with the site becomes an object that the verifier accepts', async () => {
  const { object, diagnostics, programs } = await compiled(readFileSync('public/samples/c/classifier.c', 'utf8'));
  expect(diagnostics).toEqual([]);
  expect(programs.map(({ name, section }) => `${section} ${name}`)).toEqual(['xdp run_classifier_on_packet']);
  const [program] = readObject(object!, 'a.o').programs;
  expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).accepted).toBe(true);
});

test('a loop that ends at the end of a packet keeps comparing with it', async () => {
  const text = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int sum(struct xdp_md *ctx) {
  unsigned char *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  int sum = 0;
  for (int i = 0; i < 32; i++) { if (at + i + 1 > end) break; sum += at[i]; }
  return sum & 3;
}`;
  const [program] = readObject((await compiled(text)).object!, 'a.o').programs;
  expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 })).toMatchObject({ accepted: true });
});

test('mistakes are an answer with lines, under any name, and the next call is not spoilt', async () => {
  const { object, diagnostics } = await compiled('int f(void) {\n  return x;\n}\n', '-o evil name.c');
  expect(object).toBeNull();
  expect(diagnostics[0]).toMatchObject({ severity: 'error', line: 2, column: 10 });
  expect(diagnostics[0]!.message).toContain("undeclared identifier 'x'");
  const [next] = (await compiled('__attribute__((section("socket"))) int f(void *ctx) { return 0; }', 'b.c')).programs;
  expect(next).toMatchObject({ name: 'f', section: 'socket' });
});
