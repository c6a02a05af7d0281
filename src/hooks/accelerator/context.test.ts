import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCEL_HOOKS } from '../../bpf/accelerator/hooks.ts';
import { ACCEL_OPS, ACCEL_ROLES, CONTEXT_LAYOUT, type Layout, MOST_TENSORS, TENSOR_LAYOUT } from '../../bpf/accelerator/layout.ts';
import { contextSize } from '../../vm/memory-context.ts';
import type { Command, HookMoment, TensorDesc } from './command.ts';
import { CONTEXT_BYTES, type DecodedContext, decodeContext, encodeContext, readWrites } from './context.ts';
import { commandOf, momentOf, tensorOf } from './testing/commands.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.maxSafeNat();

const tensor: fc.Arbitrary<TensorDesc> = fc.array(fc.tuple(u32, u64), { maxLength: 8 }).chain((axes) =>
  fc.record({
    name: fc.constant('t'),
    dims: fc.constant(axes.map(([dim]) => dim)),
    strides: fc.constant(axes.map(([, stride]) => stride)),
    dtype: u32,
    addr: u64,
    bytes: u64,
    role: fc.constantFrom(...ACCEL_ROLES),
    digest: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
    sealed: fc.boolean(),
    signed: fc.boolean(),
  }),
);

const command: fc.Arbitrary<Command> = fc.record({
  seq: u64,
  request: u64,
  tenant: u32,
  token: u32,
  layer: u32,
  op: fc.constantFrom(...ACCEL_OPS),
  nodes: fc.constant([]),
  label: fc.constant(''),
  tensors: fc.array(tensor, { minLength: 1, maxLength: 7 }),
  flops: u64,
  bytes: u64,
  deadlineNs: u64,
  priority: u32,
  key: u32,
});

const moment: fc.Arbitrary<HookMoment> = fc.record({
  hook: fc.constantFrom(...ACCEL_HOOKS),
  tensorIndex: fc.nat({ max: 6 }),
  nowNs: u64,
  queuedNs: u64,
  elapsedNs: u64,
  queueDepth: u32,
  unitsBusy: u32,
  status: u32,
});

/** What of a tensor comes back, with what the structure does not hold left out. */
const described = ({ dims, strides, dtype, addr, bytes, role, digest, sealed, signed }: TensorDesc): DecodedContext => ({
  dim: Array.from({ length: 8 }, (_, i) => dims[i] ?? 1),
  rank: dims.length,
  dtype,
  stride: Array.from({ length: 8 }, (_, i) => strides[i] ?? 0),
  addr,
  size: bytes,
  digest: digest ?? new Uint8Array(32),
  role: ACCEL_ROLES.indexOf(role),
  flags: (sealed ? 1 : 0) | (signed ? 2 : 0),
});

const nothing = decodeContext(new Uint8Array(CONTEXT_BYTES)).tensor as DecodedContext;

describe('contexts', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(command, moment, (sent, when) => {
        const at = { ...when, tensorIndex: Math.min(when.tensorIndex, sent.tensors.length - 1) };
        const first = sent.tensors.slice(0, MOST_TENSORS);
        expect(decodeContext(encodeContext(sent, at))).toEqual({
          tensor: described(sent.tensors[at.tensorIndex]!),
          seq: sent.seq,
          request: sent.request,
          tenant: sent.tenant,
          token: sent.token,
          layer: sent.layer,
          op: ACCEL_OPS.indexOf(sent.op),
          hook: ACCEL_HOOKS.indexOf(at.hook),
          tensor_count: sent.tensors.length,
          tensor_index: at.tensorIndex,
          priority: sent.priority,
          deadline_ns: sent.deadlineNs,
          now_ns: at.nowNs,
          defer_ns: 0,
          flops: sent.flops,
          bytes: sent.bytes,
          queued_ns: at.queuedNs,
          elapsed_ns: at.elapsedNs,
          queue_depth: at.queueDepth,
          units_busy: at.unitsBusy,
          key: sent.key,
          status: at.status,
          tensors: [...first.map(described), ...Array.from({ length: MOST_TENSORS - first.length }, () => nothing)],
        });
      }),
      { seed: 9, numRuns: 200 },
    );
  });

  it('give back what a program may have written', () => {
    const bytes = encodeContext(commandOf(4, { priority: 7, key: 9 }), momentOf('dispatch'));
    const defer = CONTEXT_LAYOUT.fields.find(({ name }) => name === 'defer_ns')!;
    new DataView(bytes.buffer).setBigUint64(defer.byteOff, 123_456_789_012n, true);
    expect(readWrites(bytes)).toEqual({ priority: 7, key: 9, deferNs: 123_456_789_012 });
  });

  it('refuse what they cannot describe', () => {
    const deep = tensorOf(4, { dims: Array.from({ length: 9 }, () => 1) });
    expect(() => encodeContext(commandOf(4, { tensors: [deep] }), momentOf('submit'))).toThrow('it has 9 dimensions');
    expect(() => decodeContext(new Uint8Array(CONTEXT_BYTES - 1))).toThrow('struct bpf_context has');
  });

  it('have no holes, natural alignment and room in the engine', () => {
    const sizes = { u8: 1, u32: 4, u64: 8, tensor: TENSOR_LAYOUT.bytes };
    const check = ({ fields, bytes }: Layout): void => {
      let end = 0;
      for (const { type, count, byteOff } of fields) {
        expect([byteOff, byteOff % Math.min(8, sizes[type])]).toEqual([end, 0]);
        end = byteOff + sizes[type] * count;
      }
      expect([end, end % 8]).toEqual([bytes, 0]);
    };
    check(TENSOR_LAYOUT);
    check(CONTEXT_LAYOUT);
    expect(CONTEXT_BYTES).toBeLessThanOrEqual(contextSize(0x4143));
  });
});
