import fc from 'fast-check';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { Markdown } from './Markdown.tsx';
import { parseMarkdown } from './markdown.ts';

const html = (text: string): string => renderToStaticMarkup(<Markdown text={text} />);

describe('lessons in Markdown', () => {
  it('are headings, paragraphs, lists, quotes, code and tables', () => {
    const blocks = parseMarkdown('# Title\n\nOne *line*\nand **two** `x<y`.\n\n- a\n  more\n- b\n\n1. c\n\n> said\n\n```c\nint x;\n\n#if 0\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n');
    expect(blocks.map(({ kind }) => kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'code', 'table']);
    expect(blocks[5]).toEqual({ kind: 'code', text: 'int x;\n\n#if 0' });
    expect(html('One *line* and **two** `x<y`, [site](https://example.org/a).')).toBe(
      '<div class="accel-lesson"><p>One <em>line</em> and <strong>two</strong> <code>x&lt;y</code>, <a href="https://example.org/a" target="_blank" rel="noopener noreferrer">site</a>.</p></div>',
    );
  });

  it('hold nothing that runs, whatever they say', () => {
    const hostile = '<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) [y](data:text/html,z) [z](https://a"onx="1)';
    const drawn = html(hostile);
    expect(drawn).not.toMatch(/<script|<img|href="(?!https?:)/i);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<script>', '[a](', 'javascript:', ')', '`', '**', '*', '\n', '# ', '- ', '> ', '```', '|', '---', 'https://x"', '<a onclick=1>', 'b'), { maxLength: 40 }),
        (parts) => {
          const tags = html(parts.join('')).match(/<\/?[a-z][^>]*>/gi) ?? [];
          for (const tag of tags) {
            expect(tag).toMatch(/^<\/?(div|p|h[2-6]|ul|ol|li|blockquote|pre|code|strong|em|a|table|thead|tbody|tr|th|td)\b/);
            expect(tag).not.toMatch(/\son[a-z]+\s*=|javascript:/i);
          }
        },
      ),
      { seed: 9, numRuns: 300 },
    );
  });
});
