import { figures, type RunRecord, type SideRecord } from './run-record.ts';

const NAMES = {
  agreement: 'agreement with ONNX Runtime',
  maxError: 'largest difference',
  precision: 'precision',
  recall: 'recall',
  insns: 'instructions',
  processed: 'processed by the verifier',
  ns: 'ns an event',
} as const;

const quoted = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

export function said(id: keyof typeof NAMES, value: number | null): string {
  if (value === null) return '–';
  if (SHARES.has(id)) return `${(value * 100).toFixed(2)} %`;
  if (id === 'maxError') return value.toPrecision(3);
  return Math.round(value).toLocaleString('en');
}

/** A run, beside another one where that is given, as a page that needs nothing else. Everything that came from files is escaped. */
export function reportHtml(run: RunRecord, baseline: RunRecord | null = null): string {
  const sides = baseline ? [run, baseline] : [run];
  const head = baseline ? '<tr><td></td><th>this run</th><th>baseline</th><th>change</th></tr>' : '';
  const settings = (one: RunRecord): [string, string][] => [
    ['model', one.model],
    ['trace', `${one.trace.name}, ${one.trace.events.toLocaleString('en')} events`],
    ['precision', one.settings.quant],
    ['loops', one.settings.strategy],
    ['kernel', one.settings.kernel],
    ['scales from', one.settings.calibration],
    ['weights in the code', one.settings.specialise ? 'yes' : 'no'],
    ['engine', one.engine],
    ['when', new Date(one.at).toISOString()],
  ];
  const settingRows = settings(run).map(([name], at) =>
    row(
      name,
      sides.map((side) => quoted(settings(side)[at]![1])),
    ),
  );
  const before = baseline && figures(baseline);
  const figureRows = figures(run).map(({ id, value }, at) => {
    const old = before?.[at]?.value ?? null;
    const cells = [said(id, value), ...(baseline ? [said(id, old), changeOf(id, value, old)] : [])];
    return row(NAMES[id], cells);
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${quoted(`${run.model} on ${run.trace.name}`)}</title>
<style>${STYLE}</style></head><body>
<h1>${quoted(run.model)} on ${quoted(run.trace.name)}</h1>
<table>${head}${figureRows.join('')}</table>
<h2>Settings</h2><table>${settingRows.join('')}</table>
<h2>Verdicts</h2><table>${Object.entries(run.verdicts)
    .map(([name, events]) => row(name, [events.toLocaleString('en')]))
    .join('')}</table>
${run.comparison ? confusion(run.comparison) : ''}
${run.detection ? detection(run.detection) : ''}
${run.binding ? `<h2>Binding</h2><pre>${quoted(JSON.stringify(run.binding, null, 2))}</pre>` : ''}
<p class="foot">Made by BPFormer. Times are of the engine named above on the machine that ran it.</p>
</body></html>
`;
}

const row = (name: string, cells: readonly string[]): string =>
  `<tr><th scope="row">${quoted(name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;

const SHARES: ReadonlySet<string> = new Set(['agreement', 'precision', 'recall']);

/** Of a share in points, of a quantity as part of the old one. */
export function changeOf(id: string, value: number | null, old: number | null): string {
  if (value === null || old === null) return '–';
  if (value === old) return '=';
  if (SHARES.has(id)) return `${value >= old ? '+' : '−'}${Math.abs((value - old) * 100).toFixed(2)} points`;
  if (old === 0) return '–';
  const share = (value / old - 1) * 100;
  return `${share >= 0 ? '+' : '−'}${Math.abs(share).toFixed(2)} %`;
}

function confusion({ classes, confusion: counts }: NonNullable<RunRecord['comparison']>): string {
  const used = classes.map((_, at) => at).filter((at) => counts[at]!.some((n) => n > 0) || counts.some((line) => line[at]! > 0));
  const head = used.map((at) => `<th>${quoted(classes[at]!.name)}</th>`).join('');
  const rows = used.map((from) =>
    row(
      classes[from]!.name,
      used.map((to) => counts[from]![to]!.toLocaleString('en')),
    ),
  );
  return `<h2>Decisions: ONNX Runtime by row, program by column</h2><table><tr><td></td>${head}</tr>${rows.join('')}</table>`;
}

function detection({ class: positive, threshold, program, reference }: NonNullable<RunRecord['detection']>): string {
  const sides = reference ? [program, reference] : [program];
  const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(2)} %`);
  const rows: [string, (side: SideRecord) => string][] = [
    ['precision', (side) => share(side.precision)],
    ['recall', (side) => share(side.recall)],
    ['F1', (side) => share(side.f1)],
    ['false alarms', (side) => side.alarms.toLocaleString('en')],
    ['missed', (side) => side.misses.toLocaleString('en')],
    ['area under the curve', (side) => side.area?.toFixed(4) ?? '–'],
  ];
  const curve = ({ curve: points }: SideRecord): string =>
    points.map(([x, y]) => `${(200 * x).toFixed(1)},${(200 * (1 - y)).toFixed(1)}`).join(' ');
  return `<h2>Class ${positive} against the labels, threshold ${threshold.toFixed(4)}</h2>
<table><tr><td></td><th>program</th>${reference ? '<th>ONNX Runtime</th>' : ''}</tr>${rows.map(([name, cell]) => row(name, sides.map(cell))).join('')}</table>
<svg viewBox="-2 -2 204 204" width="240" role="img" aria-label="Share of the class that is found against share of the others that is flagged">
<rect width="200" height="200"/><polyline class="reference" points="${reference ? curve(reference) : ''}"/><polyline points="${curve(program)}"/></svg>`;
}

const STYLE = `body{font:14px/1.45 system-ui,sans-serif;margin:32px auto;max-width:880px;padding:0 16px;color:#1a1c20;background:#fff}
h1{font-size:20px}h2{font-size:14px;margin:24px 0 4px}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:2px 16px 2px 0;border-bottom:1px solid #d9dce1;text-align:right;font-weight:400}th[scope=row]{text-align:left;color:#575e68}
pre{background:#f6f7f8;padding:8px;overflow:auto}svg rect{fill:none;stroke:#d9dce1}svg polyline{fill:none;stroke:#0072b2;stroke-width:2}
svg .reference{stroke:#c24e00;stroke-dasharray:5 3}.foot{color:#575e68}
@media(prefers-color-scheme:dark){body{background:#17191d;color:#e6e8eb}th,td{border-color:#343941}pre{background:#1e2126}th[scope=row],.foot{color:#a0a6b0}}`;
