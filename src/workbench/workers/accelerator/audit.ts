import { checkAudit, isAuditRecord, readAuditHead, readAuditRecord } from '../../../hooks/accelerator/audit.ts';
import type { AuditRow, AuditState } from '../../accelerator-views.ts';
import { theHost } from './handlers.ts';
import { u32s } from './setup.ts';

/**
 * The audit log as the host has it: a copy of the device's trace buffer, from which somebody on the host may take records out. The head of the chain stays in
 * a map of the program.
 */

/** Numbers of records that were taken out, of the log of one device. */
let removed = new Set<number>();
let of: object | null = null;
let changes = 0;
let verdict: AuditState['verdict'] = null;
/** Records in the buffer when the verdict was given. */
let verified = -1;

function log(): Uint8Array[] {
  const { traceBuffer } = theHost().device;
  if (of !== traceBuffer) {
    of = traceBuffer;
    removed = new Set();
    verdict = null;
    changes++;
  }
  return traceBuffer.records.map(({ data }) => data).filter(isAuditRecord);
}

const held = (): Uint8Array[] => log().filter((_, at) => !removed.has(at));

export function audit(): AuditState {
  const all = log();
  if (verified !== all.length) verdict = null;
  return { total: all.length - removed.size, removed: removed.size, changes, verdict };
}

export function auditRows({ from, to }: { from: number; to: number }): readonly AuditRow[] {
  return held()
    .slice(from, Math.min(to, from + 500))
    .map((bytes) => {
      const { number, nowNs, kind, request, seq, token, uuid, previous } = readAuditRecord(bytes);
      const hex = Array.from(previous, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return { number, timeNs: nowNs, kind: kind === 'pass' ? 'pass' : 'output', request, seq, token, uuid, previous: hex };
    });
}

export function auditRemove({ index }: { index: number }): void {
  const kept = log().flatMap((_, at) => (removed.has(at) ? [] : [at]));
  const at = kept[index];
  if (at === undefined) return;
  removed.add(at);
  verdict = null;
  changes++;
}

export function auditRestore(): void {
  removed = new Set();
  verdict = null;
  changes++;
}

export function auditVerify(): void {
  const bytes = theHost().session.ofUse('audit')?.loaded.maps.get('head').lookup(u32s(0)) ?? null;
  const { findings, records } = checkAudit(held(), bytes && readAuditHead(bytes));
  const [first] = findings;
  verified = log().length;
  const whole = `${records.length.toLocaleString('en')} records, each with the hash of the one before, up to the end that the device keeps`;
  verdict = first
    ? { ok: false, message: findings.length > 1 ? `${first.message}; ${findings.length - 1} more` : first.message }
    : { ok: true, message: whole };
}
