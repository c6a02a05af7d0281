import { describe, expect, test } from 'vitest';
import { detect } from './detection.ts';
import { reportHtml } from './report.ts';
import { parseRun, type RunRecord, sideRecord } from './run-record.ts';

const HOSTILE = `<script>alert(1)</script>"'&`;
const side = sideRecord(detect([0.9, 0.8, 0.2], [1, 0, 0], 1), 0.5);
const run: RunRecord = {
  format: 'bpformer-run',
  version: 1,
  at: 0,
  model: HOSTILE,
  trace: { name: HOSTILE, events: 3 },
  settings: { kernel: '6.18', strategy: 'global', quant: `w8a16,${HOSTILE}=w4a16`, calibration: 'trace', specialise: false },
  binding: null,
  insns: 1234,
  processed: 5678,
  engine: 'wasm',
  nsPerEvent: 1000,
  verdicts: { [HOSTILE]: 3 },
  comparison: {
    events: 3,
    agreed: 2,
    agreement: 2 / 3,
    maxAbsError: 0.5,
    meanAbsError: 0.1,
    relativeError: 0.1,
    margins: null,
    classes: [
      { name: HOSTILE, events: 2, agreed: 1 },
      { name: 'PASS', events: 1, agreed: 1 },
    ],
    confusion: [
      [1, 1],
      [0, 1],
    ],
    nearTies: { margin: 0.1, events: 0, disagreed: 0 },
  },
  maxScoreError: null,
  detection: { class: 1, threshold: 0.5, program: side, reference: side },
};

describe('report', () => {
  test('is one page without scripts, links or markup from names', () => {
    const html = reportHtml(run, { ...run, insns: 2468 });
    expect(html).not.toMatch(/<script|<link|<img|href=|src=/);
    expect(html).toContain('&#60;script&#62;');
    expect(html).toContain('66.67 %');
    expect(html).toContain('−50.00 %');
    expect(html).toMatch(/precision<\/th><td>50.00 %/);
  });

  test('a run comes back as it was written', () => {
    expect(parseRun(JSON.stringify(run))).toEqual(run);
  });

  test.each([
    ['{', 'not JSON'],
    ['null', 'not a run'],
    ['{"format":"bpformer-run","version":2}', 'not a run'],
    [JSON.stringify({ ...run, insns: '<b>' }), '`insns`'],
    [JSON.stringify({ ...run, at: 1e300 }), '`at`'],
    [JSON.stringify({ ...run, detection: {} }), '`detection`'],
    [JSON.stringify({ ...run, settings: { kernel: 3 } }), '`settings`'],
  ])('%s is refused', (text, what) => {
    expect(() => parseRun(text)).toThrow(expect.objectContaining({ what: expect.stringContaining(what) }));
  });
});
