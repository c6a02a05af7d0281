import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { PAGES, pageById, pageFor, searchPages } from './catalogue.ts';
import { templateOf } from './template.ts';

describe('the catalogue', () => {
  it('has pages with words of their own, whose names and templates are theirs alone', () => {
    expect(PAGES.length).toBeGreaterThan(150);
    expect(new Set(PAGES.map(({ id }) => id)).size).toBe(PAGES.length);
    expect(new Set(PAGES.map(({ template }) => template)).size).toBe(PAGES.length);
    for (const page of PAGES) {
      expect(page.id).toMatch(/^[a-z0-9-]{3,90}$/);
      for (const words of [page.title, page.allowed, page.why, page.change]) expect(words.length, page.template).toBeGreaterThan(5);
      expect(templateOf(page.message), page.message).toBe(page.template);
      expect(pageById(page.id)).toBe(page);
    }
  });

  it('shows programs that assemble, and a repair that differs', () => {
    const shown = PAGES.filter(({ example }) => example !== null);
    expect(shown.length).toBeGreaterThan(140);
    for (const { example, template } of shown) {
      expect(assemble(example!.rejected).program, template).not.toBeNull();
      expect(assemble(example!.repaired).program, template).not.toBeNull();
      expect(example!.rejected).not.toBe(example!.repaired);
      // Minimal: nobody reads fifty instructions to learn one rule.
      expect(assemble(example!.rejected).program!.insns.length, template).toBeLessThan(40);
    }
  });

  it('is found by a message, whatever its registers and numbers', () => {
    expect(pageFor("R7 invalid mem access 'map_value_or_null'")?.class).toBe('null-check');
    expect(pageFor('invalid bpf_context access off=77 size=3')?.example).not.toBeNull();
    expect(pageFor('R3 max value is outside of the allowed memory range')?.class).toBe('index');
    expect(pageFor('nobody has seen this')).toBeNull();
  });

  it('is searched by words', () => {
    expect(searchPages('').length).toBe(PAGES.length);
    expect(searchPages('packet outside').map(({ template }) => template)).toContain('R# offset is outside of the packet');
    expect(searchPages('R9 !read_ok')[0]?.template).toBe('R# !read_ok');
    expect(searchPages('zzzz')).toEqual([]);
  });

  const folder = process.env.BPFORMER_CORPUS ?? '';
  it.skipIf(!existsSync(join(folder, 'messages-6.18.tsv')))('has a page for each message of the corpus', () => {
    const messages = readFileSync(join(folder, 'messages-6.18.tsv'), 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => line.split('\t')[2] ?? [])
      .filter((message) => message !== '' && message.trim() !== '(no message)');
    expect(messages.length).toBeGreaterThan(170);
    expect(messages.filter((message) => pageFor(message) === null)).toEqual([]);
  });
});
