import { describe, expect, it } from 'vitest';
import { type DocHistory, EMPTY_PROJECT, edited, type ProjectDoc, redone, undone } from './document.ts';
import { stageKeys } from './keys.ts';

const start: DocHistory = { past: [], doc: EMPTY_PROJECT, future: [] };
const named = (name: string): ProjectDoc => ({ ...EMPTY_PROJECT, name });

describe('undo and redo', () => {
  it('walks back and forth through every edit', () => {
    const twice = edited(edited(start, named('a'), 'first'), named('b'), 'second');
    const back = undone(twice);
    expect(back.doc.name).toBe('a');
    expect(redone(back).doc.name).toBe('b');
    expect(undone(undone(back)).doc).toBe(EMPTY_PROJECT);
  });

  it('forgets what was undone once something else is done', () => {
    const other = edited(undone(edited(start, named('a'), 'first')), named('c'), 'third');
    expect(other.future).toEqual([]);
    expect(redone(other)).toBe(other);
  });
});

describe('stage keys', () => {
  const blob = (hash: string) => ({ hash, name: hash, size: 1 });
  const doc: ProjectDoc = {
    ...EMPTY_PROJECT,
    source: { kind: 'model', blob: blob('model') },
    binding: {
      hook: 'xdp',
      input: { kind: 'payload', layer: 'l4_payload', length: 8, pad: 0 },
      output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
    },
    calibration: { kind: 'trace', blob: blob('calibration') },
    trace: blob('trace'),
  };
  const changedBy = (next: ProjectDoc) => {
    const [before, after] = [stageKeys(doc), stageKeys(next)];
    return (Object.keys(before) as (keyof typeof before)[]).filter((name) => before[name] !== after[name]);
  };

  it('follow what each stage is computed from', () => {
    expect(changedBy({ ...doc, name: 'other' })).toEqual([]);
    expect(changedBy({ ...doc, trace: blob('other') })).toEqual(['trace', 'replay', 'reference']);
    expect(changedBy({ ...doc, fork: { text: blob('fork') } })).toEqual(['program', 'verified', 'replay']);
    expect(changedBy({ ...doc, options: { ...doc.options, kernel: '6.1' } })).toEqual(['program', 'verified', 'replay']);
  });

  it('leave replay columns alone when a byte is edited', () => {
    expect(changedBy({ ...doc, edits: [{ packet: 0, byteOff: 0, value: 1 }] })).toEqual([]);
  });

  it('do not calibrate again when only the verdict rule changes', () => {
    const next = { ...doc, binding: { ...doc.binding!, output: { kind: 'argmax', verdicts: ['PASS', 'DROP'] } as const } };
    expect(changedBy(next)).toEqual(['program', 'verified', 'replay', 'reference']);
  });

  it('are empty for what cannot be computed', () => {
    const keys = stageKeys({ ...doc, source: { kind: 'object', blob: blob('o') }, trace: null });
    expect([keys.model, keys.calibration, keys.replay, keys.reference]).toEqual(['', '', '', '']);
    expect(keys.program).not.toBe('');
  });
});
