import { sha256 } from '@noble/hashes/sha2.js';
import { InputError } from '../../base/errors.ts';

/**
 * The audit log of `samples/accelerator/audit.c`: records that each carry the SHA-256 of the one before, and the end of the chain, which stays in a map
 * of the device. Checking needs no key: who holds the log alone can neither take a record out, change one, change their order, nor cut the end off
 * without the end of the chain telling.
 */

export const AUDIT_RECORD_BYTES = 152;
/** "AUDT". Other programs' records may lie between those of the log. */
const MAGIC = 0x54445541;
const HEAD_BYTES = 48;
const HASH_BYTES = 32;
const KINDS = ['', 'pass', 'output'] as const;

/** `struct audit_record`. 64-bit numbers that a log can hold stay below 2^53. */
export interface AuditRecord {
  readonly kind: 'pass' | 'output' | 'unknown';
  readonly number: number;
  readonly previous: Uint8Array;
  readonly uuid: string;
  readonly nowNs: number;
  readonly request: number;
  readonly seq: number;
  readonly tenant: number;
  readonly token: number;
  readonly layer: number;
  readonly op: number;
  readonly elapsedNs: number;
  readonly status: number;
  /** Records that found no room in the trace buffer before this one. */
  readonly dropped: number;
  /** SHA-256 of the output; zeros for a pass. */
  readonly output: Uint8Array;
}

/** `struct head`: the value of map `head`. */
export interface AuditHead {
  readonly count: number;
  readonly hash: Uint8Array;
  readonly dropped: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const u64 = (view: DataView, at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Whether a record of the trace buffer is one of the audit log. */
export const isAuditRecord = (bytes: Uint8Array): boolean =>
  bytes.length === AUDIT_RECORD_BYTES && viewOf(bytes).getUint32(0, true) === MAGIC;

/** A UUID as RFC 9562 writes it. */
function uuidText(bytes: Uint8Array): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Throws {@link InputError} for bytes that are no record of the log. */
export function readAuditRecord(bytes: Uint8Array): AuditRecord {
  if (!isAuditRecord(bytes)) throw new InputError('these bytes are no record of an audit log');
  const view = viewOf(bytes);
  return {
    kind: KINDS[view.getUint32(4, true)] || 'unknown',
    number: u64(view, 8),
    previous: bytes.slice(16, 48),
    uuid: uuidText(bytes.subarray(48, 64)),
    nowNs: u64(view, 64),
    request: u64(view, 72),
    seq: u64(view, 80),
    tenant: view.getUint32(88, true),
    token: view.getUint32(92, true),
    layer: view.getUint32(96, true),
    op: view.getUint32(100, true),
    elapsedNs: u64(view, 104),
    status: view.getUint32(112, true),
    dropped: view.getUint32(116, true),
    output: bytes.slice(120, 152),
  };
}

/** Reads the value of map `head`. Throws {@link InputError} for bytes that are none. */
export function readAuditHead(bytes: Uint8Array): AuditHead {
  if (bytes.length !== HEAD_BYTES) throw new InputError(`the end of an audit log has ${HEAD_BYTES} bytes, not ${bytes.length}`);
  const view = viewOf(bytes);
  return { count: u64(view, 0), hash: bytes.slice(8, 8 + HASH_BYTES), dropped: u64(view, 8 + HASH_BYTES) };
}

export type AuditFault = 'missing' | 'changed' | 'order' | 'repeated' | 'cut off' | 'time' | 'uuid' | 'unreadable';

export interface AuditFinding {
  readonly fault: AuditFault;
  /** Place in the log that was given, from 0; where records are missing, the one behind the gap; its length at the end. */
  readonly at: number;
  readonly message: string;
}

export interface AuditReport {
  readonly records: readonly AuditRecord[];
  readonly findings: readonly AuditFinding[];
  /** What the check could not see: null when the end of the chain was given. */
  readonly limits: string | null;
  /** SHA-256 of the last record, hexadecimal; null for an empty log. */
  readonly end: string | null;
}

const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * Checks a log: every record follows the one before by number, hash, time and UUID, and with `head` the last one is the chain's end. Without `head` a
 * log whose end was cut off looks whole, and `limits` says so. Whatever the bytes are, this answers.
 */
export function checkAudit(log: readonly Uint8Array[], head: AuditHead | null): AuditReport {
  const findings: AuditFinding[] = [];
  const records: AuditRecord[] = [];
  const add = (fault: AuditFault, at: number, message: string): void => {
    findings.push({ fault, at, message });
  };
  const numbers = new Set(log.filter(isAuditRecord).map((bytes) => readAuditRecord(bytes).number));
  const seen = new Set<number>();
  let last: { readonly record: AuditRecord; readonly hash: Uint8Array } | null = null;
  for (const [at, bytes] of log.entries()) {
    if (!isAuditRecord(bytes)) {
      add('unreadable', at, `entry ${at} is no record of an audit log`);
      continue;
    }
    const record = readAuditRecord(bytes);
    const { number } = record;
    const expected: number = last ? last.record.number + 1 : 0;
    records.push(record);
    if (seen.has(number)) add('repeated', at, `record ${number} is there a second time`);
    else if (number < expected) add('order', at, `record ${number} stands behind record ${last!.record.number}`);
    else {
      if (number > expected) {
        const elsewhere = [...numbers].filter((other) => other >= expected && other < number).length;
        const missing = number - expected - elsewhere;
        if (missing > 0)
          add(
            'missing',
            at,
            `${times(missing, 'record')} missing between ${last ? `record ${expected - 1}` : 'the beginning'} and record ${number}`,
          );
      } else if (!sameBytes(record.previous, last?.hash ?? new Uint8Array(HASH_BYTES)))
        add(
          'changed',
          at,
          last ? `record ${number - 1} or record ${number} was changed: the hash does not fit` : 'record 0 follows another record',
        );
      if (last && record.nowNs < last.record.nowNs) add('time', at, `record ${number} is older than the one before it`);
      if (last && record.uuid <= last.record.uuid) add('uuid', at, `the UUID of record ${number} is not above the one before it`);
      last = { record, hash: sha256(bytes) };
    }
    seen.add(number);
  }
  if (head) {
    const count = last ? last.record.number + 1 : 0;
    const hash = last?.hash ?? new Uint8Array(HASH_BYTES);
    if (count < head.count)
      add(
        'cut off',
        log.length,
        `${times(head.count - count, 'record')} at the end ${head.count - count === 1 ? 'is' : 'are'} missing: the device has written ${head.count}`,
      );
    else if (count > head.count) add('changed', log.length, `the log has ${count} records, and the device has written ${head.count}`);
    else if (!sameBytes(hash, head.hash))
      add('changed', log.length - 1, `record ${count - 1} was changed: its hash is not the end of the chain`);
  }
  return {
    records,
    findings,
    limits: head ? null : 'The end of the chain was not given: records cut off at the end cannot be noticed.',
    end: last ? [...last.hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') : null,
  };
}

/** Packs a log into a file: the records one after the other. */
export function packAudit(records: readonly Uint8Array[]): Uint8Array {
  const log = records.filter(isAuditRecord);
  const bytes = new Uint8Array(log.length * AUDIT_RECORD_BYTES);
  for (const [at, record] of log.entries()) bytes.set(record, at * AUDIT_RECORD_BYTES);
  return bytes;
}

/** The records of a file that {@link packAudit} wrote. Throws {@link InputError} when a part of a record is left over. */
export function unpackAudit(bytes: Uint8Array, where: string): Uint8Array[] {
  if (bytes.length % AUDIT_RECORD_BYTES !== 0)
    throw new InputError(
      `its ${bytes.length} bytes are not whole records of ${AUDIT_RECORD_BYTES}`,
      where,
      'accel log --audit writes such files',
    );
  return Array.from({ length: bytes.length / AUDIT_RECORD_BYTES }, (_, i) =>
    bytes.slice(i * AUDIT_RECORD_BYTES, (i + 1) * AUDIT_RECORD_BYTES),
  );
}
