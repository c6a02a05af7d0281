import { describe, expect, it } from 'vitest';
import { isFormat } from './format-string.ts';

describe('formats of bpf_snprintf', () => {
  it.each([
    '',
    'plain\n',
    '100%%',
    '%d',
    '%i %u %x %X',
    '%ld %llx',
    '%08x',
    '%-5d',
    '%s',
    '%10s,',
    '%c',
    '%p',
    '%p ',
    '%px',
    '%pK',
    '%pS',
    '%pB',
    '%pI4',
    '%pi6',
    '%pks',
    '%pus.',
    'é %d',
  ])('takes %j', (text) => {
    expect(isFormat(text, 4)).toBe(true);
  });

  it.each(['%', '%y', '%d %', '%f', '%hd', '%lld %lc', '%*d', '%.3d', '%sx', '%pI5', '%pz', '%ll', '\x01', '%é'])('refuses %j', (text) => {
    expect(isFormat(text, 4)).toBe(false);
  });

  it('counts arguments', () => {
    expect(isFormat('%d %%%s', 2)).toBe(true);
    expect(isFormat('%d %%%s', 1)).toBe(false);
    expect(isFormat('no argument', 0)).toBe(true);
  });
});
