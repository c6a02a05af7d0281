import type { Device } from '../../../hooks/accelerator/device.ts';
import type { VmMaps } from '../../../vm/core.ts';

/**
 * What user space does for the shipped uses, as a driver would: keys into the enclave, and the maps that programs read. All of it can be seen and changed
 * in the panel's maps.
 */

/** Under which the host and all tenants vouch for tensors, and under which the device signs. */
export const HOST_KEY = 1;
export const DEVICE_KEY = 2;
/** Handles of requests' keys begin here. */
const REQUEST_KEYS = 1000;
/** Of a bucket's refill and of quotas, ns of the device. */
export const PERIOD_NS = 1_000_000;
const FIRST_RATE = 20;
const FIRST_BURST = 4;
const FLOAT32_AND_INTS = (1 << 1) | (1 << 6) | (1 << 7);
const MOST_DIM = 4096;

export const u32s = (...values: readonly number[]): Uint8Array<ArrayBuffer> => new Uint8Array(Uint32Array.from(values).buffer);
export const u64s = (...values: readonly number[]): Uint8Array<ArrayBuffer> => new Uint8Array(BigUint64Array.from(values, BigInt).buffer);

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Fills the maps that a use begins with. */
export function setUp(use: string, maps: VmMaps): void {
  if (use === 'shape_provenance') {
    setBounds(maps, true);
    maps.get('vouchers').update(u32s(0), u32s(HOST_KEY));
  }
  if (use === 'sign_activations') maps.get('signer').update(u32s(0), u32s(DEVICE_KEY));
}

/** Bounds of shape and type by role; `vouched`: inputs and weights need a digest. */
export function setBounds(maps: VmMaps, vouched: boolean): void {
  for (const role of [0, 1, 2]) {
    const bounds = [...new Array<number>(8).fill(MOST_DIM), 8, FLOAT32_AND_INTS, vouched && role !== 2 ? 1 : 0];
    maps.get('bounds').update(u32s(role), u32s(...bounds));
  }
}

/** What a use needs for a request that is about to be submitted. */
export function setUpRequest(use: string, maps: VmMaps, device: Device, request: number, tenant: number): void {
  if (use === 'shape_provenance') maps.get('vouchers').update(u32s(tenant), u32s(HOST_KEY));
  if (use === 'confidential') {
    const handle = REQUEST_KEYS + request;
    device.enclave.put(handle, crypto.getRandomValues(new Uint8Array(32)));
    maps.get('request_keys').update(u64s(request), u32s(handle));
  }
  if (use === 'adaptive_qos') {
    const policies = maps.get('policies');
    if (!policies.lookup(u32s(tenant))) policies.update(u32s(tenant), policyOf(FIRST_RATE));
  }
}

/** `struct policy` of the token bucket. */
const policyOf = (rate: number): Uint8Array<ArrayBuffer> => joined(u64s(PERIOD_NS), u32s(rate, FIRST_BURST, 100, 0));

const NS = 1e9;

/** A bucket's rate in tokens a second, in steps of one token a period. */
export function setPolicyRate(maps: VmMaps, tenant: number, perSecond: number): number {
  const policies = maps.get('policies');
  const value = (policies.lookup(u32s(tenant)) ?? policyOf(FIRST_RATE)).slice();
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const period = Number(view.getBigUint64(0, true)) || PERIOD_NS;
  const rate = Math.max(1, Math.round((perSecond * period) / NS));
  view.setUint32(8, rate, true);
  policies.update(u32s(tenant), value);
  return (rate * NS) / period;
}

/** Policies and buckets as the program has them. */
export function bucketsOf(maps: VmMaps) {
  const buckets = new Map(
    maps
      .get('buckets')
      .entries()
      .map(({ key, value }) => [u32(key, 0), value]),
  );
  return maps
    .get('policies')
    .entries()
    .map(({ key, value }) => {
      const tenant = u32(key, 0);
      const period = u64(value, 0) || PERIOD_NS;
      const bucket = buckets.get(tenant);
      return {
        tenant,
        perSecond: (u32(value, 8) * NS) / period,
        burst: u32(value, 12),
        level: bucket ? u64(bucket, 8) / period : u32(value, 12),
        passed: bucket ? u64(bucket, 16) : 0,
        deferrals: bucket ? u64(bucket, 24) : 0,
      };
    })
    .sort((a, b) => a.tenant - b.tenant);
}

const u32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
const u64 = (bytes: Uint8Array, at: number): number => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true));
