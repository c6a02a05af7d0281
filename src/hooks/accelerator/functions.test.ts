import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileC } from '../../clang/compile.ts';
import { encodeContext } from './context.ts';
import { type LoadedProgram, loadHookProgram } from './program.ts';
import { sealBytes } from './seal.ts';
import { commandOf, momentOf, servicesOf } from './testing/commands.ts';

const DIGESTS = `
#include <accelerator.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u8[32]); } answer SEC(".maps");
SEC("accelerator/submit") int digest(struct bpf_context *ctx) {
  __u32 zero = 0;
  __u8 *out = bpf_map_lookup_elem(&answer, &zero);
  if (!out) return -EFAULT;
  return ctx->key ? accel_tensor_hmac(ctx, 0, ctx->key, out, 32) : accel_tensor_sha256(ctx, 0, out, 32);
}`;

const message = fc.uint8Array({ maxLength: 300 });
const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const runs = { seed: 4143, numRuns: 100 };

describe('functions of the device', () => {
  let digest: LoadedProgram;
  beforeAll(async () => {
    const { programs, diagnostics } = await compileC(DIGESTS);
    expect(diagnostics).toEqual([]);
    digest = loadHookProgram(programs[0]!);
  }, 60_000);

  it('hash and sign as OpenSSL does', () => {
    fc.assert(
      fc.property(message, key32, fc.boolean(), (bytes, key, signs) => {
        const context = encodeContext(commandOf(1, { key: signs ? 5 : 0 }), momentOf('submit'));
        const services = servicesOf({ tensorBytes: () => bytes, key: (handle) => (handle === 5 ? key : null) });
        const run = digest.run(context, services);
        expect([run.returnValue, [...run.calls.values()]]).toEqual([0, [{ calls: 1, bytes: bytes.length }]]);
        const expected = signs ? createHmac('sha256', key).update(bytes).digest() : createHash('sha256').update(bytes).digest();
        expect(Buffer.from(digest.maps.get('answer').lookup(new Uint8Array(4))!).toString('hex')).toBe(expected.toString('hex'));
      }),
      runs,
    );
  });

  it('say which key there is not', () => {
    const context = encodeContext(commandOf(1, { key: 6 }), momentOf('submit'));
    expect(digest.run(context, servicesOf({ tensorBytes: () => randomBytes(8) })).returnValue).toBe(-126);
  });

  it('seal as OpenSSL does', () => {
    fc.assert(
      fc.property(
        message,
        key32,
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        fc.maxSafeNat(),
        fc.maxSafeNat(),
        (plain, key, nonce, request, addr) => {
          const aad = Buffer.alloc(16);
          aad.writeBigUInt64LE(BigInt(request), 0);
          aad.writeBigUInt64LE(BigInt(addr), 8);
          const openssl = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
          const cipher = Buffer.concat([openssl.update(plain), openssl.final()]);
          const sealed = sealBytes(plain, key, nonce, request, addr);
          expect([Buffer.from(sealed.cipher).toString('hex'), Buffer.from(sealed.tag).toString('hex')]).toEqual([
            cipher.toString('hex'),
            openssl.getAuthTag().toString('hex'),
          ]);
        },
      ),
      runs,
    );
  });
});
