import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AUDIT_RECORD_BYTES,
  type AuditHead,
  checkAudit,
  isAuditRecord,
  packAudit,
  readAuditHead,
  readAuditRecord,
  unpackAudit,
} from './audit.ts';

const LENGTH = 20;

/** A log as the program writes it, with node:crypto's hash, and the end of its chain. */
function logOf(length: number): { log: Uint8Array[]; head: AuditHead } {
  let previous = new Uint8Array(32);
  const log = Array.from({ length }, (_, i) => {
    const bytes = new Uint8Array(AUDIT_RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x54445541, true);
    view.setUint32(4, (i % 2) + 1, true);
    view.setBigUint64(8, BigInt(i), true);
    bytes.set(previous, 16);
    view.setUint32(48, 1000 + i);
    view.setBigUint64(64, BigInt(5000 + i * 10), true);
    view.setBigUint64(72, BigInt(i >> 2), true);
    view.setUint32(88, 7, true);
    previous = new Uint8Array(createHash('sha256').update(bytes).digest());
    return bytes;
  });
  return { log, head: { count: length, hash: previous, dropped: 0 } };
}

const { log, head } = logOf(LENGTH);
const faults = (records: readonly Uint8Array[], end: AuditHead | null = head) =>
  checkAudit(records, end).findings.map(({ fault }) => fault);

describe('an audit log', () => {
  test('as it was written is whole', () => {
    const report = checkAudit(log, head);
    expect(report.findings).toEqual([]);
    expect(report.limits).toBeNull();
    expect(report.records[5]).toMatchObject({ kind: 'output', number: 5, request: 1, tenant: 7, nowNs: 5050 });
    expect(checkAudit([], { count: 0, hash: new Uint8Array(32), dropped: 0 }).findings).toEqual([]);
  });

  test('shows each record that was taken out, and how many', () => {
    for (let at = 0; at < LENGTH; at++) {
      const without = log.filter((_, i) => i !== at);
      expect(faults(without)).toEqual([at === LENGTH - 1 ? 'cut off' : 'missing']);
    }
    const [finding] = checkAudit(
      log.filter((_, i) => i < 4 || i > 8),
      head,
    ).findings;
    expect(finding!.message).toBe('5 records missing between record 3 and record 9');
  });

  test('shows a change of any byte', () => {
    for (let at = 0; at < AUDIT_RECORD_BYTES; at++) {
      const changed = log.map((record) => record.slice());
      changed[3]![at]! ^= 0x10;
      expect(faults(changed).length, `byte ${at}`).toBeGreaterThan(0);
      const lastChanged = log.map((record) => record.slice());
      lastChanged[LENGTH - 1]![at]! ^= 0x10;
      expect(faults(lastChanged).length, `byte ${at} of the last`).toBeGreaterThan(0);
    }
  });

  test('shows other orders and repetitions', () => {
    const swapped = [...log];
    [swapped[4], swapped[5]] = [swapped[5]!, swapped[4]!];
    expect(faults(swapped)).toEqual(['order']);
    expect(faults([...log.slice(0, 6), log[5]!, ...log.slice(6)])).toEqual(['repeated']);
  });

  test('that was renumbered over a gap does not fit its hashes', () => {
    const short = log.filter((_, i) => i !== 7).map((record) => record.slice());
    for (const [i, record] of short.entries()) new DataView(record.buffer).setBigUint64(8, BigInt(i), true);
    expect(faults(short)).toContain('changed');
    expect(faults(short)).toContain('cut off');
  });

  test('that was written anew from a gap on has another end', () => {
    const anew = logOf(LENGTH - 1);
    expect(checkAudit(anew.log, null).findings).toEqual([]);
    expect(checkAudit(anew.log, null).limits).toContain('cannot be noticed');
    expect(faults(anew.log)).toEqual(['cut off']);
  });

  test('answers for any bytes', () => {
    const entry = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 152, maxLength: 152 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (records) => {
        expect(checkAudit(records, head).findings.length).toBeGreaterThan(0);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('goes into a file and back', () => {
    const file = packAudit([log[0]!, new Uint8Array(40), ...log.slice(1)]);
    expect(unpackAudit(file, 'audit.bin')).toEqual(log);
    expect(() => unpackAudit(file.subarray(1), 'audit.bin')).toThrow(/audit\.bin.*whole records/);
    expect(isAuditRecord(new Uint8Array(152))).toBe(false);
    expect(() => readAuditRecord(new Uint8Array(3))).toThrow(/no record/);
    expect(() => readAuditHead(new Uint8Array(3))).toThrow(/48 bytes/);
  });
});
