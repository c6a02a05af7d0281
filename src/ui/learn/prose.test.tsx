import fc from 'fast-check';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { parseMarkdown } from '../../course/markdown.ts';
import { Prose } from './Prose.tsx';

const html = (text: string): string => renderToStaticMarkup(<Prose nodes={parseMarkdown(text, 'lesson').children} top={2} />);

describe('the text of a lesson', () => {
  it('are headings, paragraphs, lists, quotes, code and tables', () => {
    const drawn = html(
      '# T\n\nOne *line*, **two** `x<y`, [site](https://example.org/a).\n\n- a\n\n1. b\n\n> c\n\n```c\nint x;\n```\n\n| a |\n|---|\n| 1 |\n',
    );
    expect(drawn).toBe(
      '<h2>T</h2><p>One <em>line</em>, <strong>two</strong> <code>x&lt;y</code>, <a href="https://example.org/a" target="_blank" rel="noopener noreferrer nofollow">site</a>.</p><ul><li><p>a</p></li></ul><ol start="1"><li><p>b</p></li></ol><blockquote><p>c</p></blockquote><pre class="lesson-code mono" tabindex="0"><span class="src-op">int</span> x;</pre><div class="lesson-table" tabindex="0"><table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table></div>',
    );
  });

  it('hold nothing that runs, whatever they say', () => {
    const hostile =
      '<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) [y](data:text/html,z) ![p](https://a/b.png)';
    expect(html(hostile)).not.toMatch(/<script|<img|href="(?!https?:)/i);
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            '<script>',
            '[a](',
            'javascript:',
            ')',
            '`',
            '**',
            '*',
            '\n',
            '\n\n',
            '# ',
            '- ',
            '> ',
            '```',
            '|',
            '---',
            'https://x"',
            '<a onclick=1>',
            'b',
            ':::n\n',
          ),
          {
            maxLength: 40,
          },
        ),
        (parts) => {
          const tags = html(parts.join('')).match(/<\/?[a-z][^>]*>/gi) ?? [];
          for (const tag of tags) {
            expect(tag).toMatch(
              /^<\/?(aside|div|span|p|h[2-6]|ul|ol|li|blockquote|pre|code|strong|em|a|table|thead|tbody|tr|th|td|br|hr)\b/,
            );
            expect(tag).not.toMatch(/\son[a-z]+\s*=|javascript:/i);
          }
        },
      ),
      { seed: 9, numRuns: 300 },
    );
  });
});
