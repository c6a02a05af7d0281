/** Parts of pages that stand alone: no script, nothing fetched. Everything that comes from outside goes through {@link quoted}. */
export const quoted = (text: string): string => text.replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);

/** How a report's run can be made again. */
export interface Restore {
  /** Address that opens it in the workbench. */
  readonly link?: string;
  /** Files that whoever opens the link must have. */
  readonly files?: readonly { readonly name: string; readonly size: number; readonly hash: string }[];
  /** Call of the command line. */
  readonly command?: string;
}

/** A page with `title`, and `body` as it is. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${quoted(title)}</title>
<style>${STYLE}</style></head><body><main>
${body}
</main></body></html>
`;

/** Head and rows; cells are markup. */
export const table = (head: readonly string[], rows: readonly string[], name = ''): string =>
  `<div class="wide"><table${name ? ` class="${name}"` : ''}>${
    head.length > 0
      ? `<thead><tr>${head.map((cell) => (cell === '' ? '<td></td>' : `<th scope="col">${cell}</th>`)).join('')}</tr></thead>`
      : ''
  }<tbody>${rows.join('')}</tbody></table></div>`;

/** One row: its name, then cells that are markup. */
export const row = (name: string, cells: readonly string[]): string =>
  `<tr><th scope="row">${quoted(name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;

export const section = (title: string, body: string): string => `<section><h2>${quoted(title)}</h2>${body}</section>`;

/** Counts by two decisions; where both have a name the cell is marked as agreement. */
export function counts(rows: readonly string[], columns: readonly string[], values: readonly (readonly number[])[]): string {
  const lines = rows.map((name, down) =>
    row(
      name,
      columns.map((column, across) => {
        const value = values[down]![across]!;
        const kind = value === 0 ? 'zero' : column === name ? 'alike' : 'apart';
        return `<span class="${kind}">${value.toLocaleString('en')}</span>`;
      }),
    ),
  );
  return table(['', ...columns.map(quoted)], lines, 'counts');
}

export function restored({ link, files, command }: Restore): string {
  if (link === undefined && command === undefined) return '';
  const parts: string[] = [];
  if (link !== undefined) {
    const open = /^(https?|file):/.test(link) ? `<a href="${quoted(link)}" rel="noreferrer">Open it in BPFormer</a>` : '';
    parts.push(`<p class="screen">${open}</p><p class="link print">${quoted(link)}</p>`);
    if (files && files.length > 0) {
      const rows = files.map(({ name, size, hash }) => row(name, [`${size.toLocaleString('en')} bytes`, `<code>${quoted(hash)}</code>`]));
      parts.push(
        `<p>The link carries no files: it asks for these and takes them by their SHA-256.</p>${table(['', 'size', 'SHA-256'], rows, 'files')}`,
      );
    }
  }
  if (command !== undefined) parts.push(`<pre>${quoted(command)}</pre>`);
  return section('Make it again', parts.join(''));
}

const STYLE = `:root{color-scheme:light dark;--text:#1a1c20;--muted:#575e68;--line:#d9dce1;--ground:#fff;--sunk:#f4f5f7;--a:#0072b2;--b:#c24e00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#e6e8eb;--muted:#a0a6b0;--line:#3a4049;--ground:#17191d;--sunk:#1e2126;--a:#56b4e9;--b:#f0a05a;--bad:#ff9b92}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--text);font:14px/20px system-ui,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:960px;margin:0 auto;padding:32px 24px 48px}h1{font-size:20px;line-height:28px;margin:0;overflow-wrap:anywhere}
h2{font-size:14px;line-height:20px;margin:28px 0 8px;font-weight:600}p{margin:4px 0}.muted,.foot{color:var(--muted)}
.facts{display:flex;flex-wrap:wrap;gap:12px 40px;margin:20px 0 0}.facts div{min-width:104px}.facts dt{color:var(--muted)}.facts dd{margin:0;font-size:20px;line-height:28px}
.facts dd.small{font-size:14px;line-height:20px;color:var(--muted)}
.wide{overflow-x:auto}.pair{display:flex;flex-wrap:wrap;gap:0 48px}.pair h3{font-size:14px;font-weight:400;color:var(--muted);margin:0 0 4px}.pair>div{min-width:0}
table{border-collapse:collapse}th,td{padding:4px 24px 4px 0;border-bottom:1px solid var(--line);text-align:right;font-weight:400;white-space:nowrap}
thead th{color:var(--muted)}th[scope=row]{text-align:left;color:var(--muted);white-space:normal;overflow-wrap:anywhere;max-width:360px}
td.text,.words thead th{text-align:left}td.text{white-space:normal;overflow-wrap:anywhere}.same td,.same th{color:var(--muted)}.zero{color:var(--muted)}.apart{color:var(--bad);font-weight:600}
pre,.link{background:var(--sunk);padding:8px 12px;margin:4px 0;overflow-x:auto;font:12px/18px ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
code{font:12px/18px ui-monospace,monospace}a{color:var(--a)}svg{display:block;max-width:100%}svg text{fill:var(--muted);font:12px system-ui,sans-serif}
.box{fill:none;stroke:var(--line)}.a{stroke:var(--a)}.b{stroke:var(--b)}.curve{fill:none;stroke-width:2}.curve.b{stroke-dasharray:5 3}.bar.a{fill:var(--a);stroke:none}.bar.b{fill:none;stroke:var(--b);stroke-width:1.5}
.key{display:flex;gap:24px;margin:0 0 4px}.key span::before{content:"";display:inline-block;width:12px;height:12px;margin-right:8px;vertical-align:-1px;border:2px solid var(--b)}.key span.a::before{background:var(--a);border-color:var(--a)}
.foot{margin-top:32px}.print{display:none}
@media print{:root{--text:#000;--muted:#444;--line:#bbb;--ground:#fff;--sunk:#f4f5f7;--a:#0072b2;--b:#c24e00;--bad:#b3261e}main{padding:0;max-width:none}.wide{overflow:visible}section{break-inside:avoid}section.long{break-inside:auto}tr{break-inside:avoid}thead{display:table-header-group}.screen{display:none}.print{display:block}}`;
