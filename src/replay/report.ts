import type { Difference } from './ab.ts';
import type { AbRecord, ErrorRecord } from './ab-record.ts';
import type { Pairs } from './pairs.ts';
import { counts, page, quoted, type Restore, restored, row, section, table } from './report-page.ts';
import { figures, type RunRecord, type SideRecord } from './run-record.ts';

export type { Restore } from './report-page.ts';

const NAMES = {
  agreement: 'agreement with ONNX Runtime',
  maxError: 'largest difference from ONNX Runtime',
  precision: 'precision against the labels',
  recall: 'recall against the labels',
  insns: 'instructions',
  processed: 'processed by the verifier',
  ns: 'ns an event',
} as const;

export function said(id: keyof typeof NAMES, value: number | null): string {
  if (value === null) return '–';
  if (SHARES.has(id)) return `${(value * 100).toFixed(2)} %`;
  if (id === 'maxError') return value.toPrecision(3);
  return whole(value);
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const SHARES: ReadonlySet<string> = new Set(['agreement', 'precision', 'recall']);
const FOOT = '<p class="foot">Made by BPFormer. Times are of the engine named above on the machine that ran it.</p>';

/** What a run was made with, in words. */
export function settingsOf(run: RunRecord): readonly (readonly [name: string, value: string])[] {
  return [
    ['model', run.model],
    ['trace', `${run.trace.name}, ${whole(run.trace.events)} events`],
    ['precision', run.settings.quant],
    ['loops', run.settings.strategy],
    ['kernel', run.settings.kernel],
    ['scales from', run.settings.calibration],
    ['weights in the code', run.settings.specialise ? 'yes' : 'no'],
    ['engine', run.engine],
    ['when', new Date(run.at).toISOString()],
  ];
}

/** Of a share in points, of a quantity as part of the old one, from ten times on as a factor. */
export function changeOf(id: string, value: number | null, old: number | null): string {
  if (value === null || old === null) return '–';
  if (value === old) return '=';
  if (SHARES.has(id)) return `${value >= old ? '+' : '−'}${Math.abs((value - old) * 100).toFixed(2)} points`;
  if (old === 0) return '–';
  if (value / old >= 10) return `× ${(value / old).toPrecision(3)}`;
  const share = (value / old - 1) * 100;
  return `${share >= 0 ? '+' : '−'}${Math.abs(share).toFixed(2)} %`;
}

/** A run, beside another one where that is given, as a page that needs nothing else. Everything that came from files is escaped. */
export function reportHtml(run: RunRecord, baseline: RunRecord | null = null, restore: Restore = {}): string {
  const head = baseline ? ['', 'this run', 'baseline', 'change'] : [];
  return page(
    `${run.model} on ${run.trace.name}`,
    [
      `<h1>${quoted(run.model)} on ${quoted(run.trace.name)}</h1>`,
      section('Figures', figureTable(run, baseline, head)),
      section('Settings', settingTable(run, baseline, head.slice(0, 3))),
      section(
        'Verdicts',
        table(
          [],
          Object.entries(run.verdicts).map(([name, events]) => row(name, [whole(events)])),
        ),
      ),
      run.comparison ? confusion(run.comparison) : '',
      run.detection ? detection(run.detection) : '',
      bindingOf(run),
      restored(restore),
      FOOT,
    ].join('\n'),
  );
}

/** Figures of a run, beside another's with what changed. */
function figureTable(run: RunRecord, other: RunRecord | null, head: readonly string[], otherFirst = false): string {
  const before = other && figures(other);
  const rows = figures(run).map(({ id, value }, at) => {
    const old = before?.[at]?.value ?? null;
    const values = [said(id, value), ...(other ? [said(id, old)] : [])];
    return row(NAMES[id], [...(otherFirst ? values.toReversed() : values), ...(other ? [changeOf(id, value, old)] : [])]);
  });
  return table(head, rows);
}

function settingTable(run: RunRecord, other: RunRecord | null, head: readonly string[]): string {
  const theirs = other && settingsOf(other);
  const rows = settingsOf(run).map(([name, value], at) => {
    const old = theirs?.[at]?.[1];
    const line = `<th scope="row">${name}</th>${[value, ...(old === undefined ? [] : [old])].map((cell) => `<td class="text">${quoted(cell)}</td>`).join('')}`;
    return `<tr${old === value ? ' class="same"' : ''}>${line}</tr>`;
  });
  return table(head, rows, 'words');
}

const bindingOf = ({ binding }: RunRecord): string =>
  binding ? `<section class="long"><h2>Binding</h2><pre>${quoted(JSON.stringify(binding, null, 2))}</pre></section>` : '';

function confusion({ classes, confusion: values }: NonNullable<RunRecord['comparison']>): string {
  const used = classes.map((_, at) => at).filter((at) => values[at]!.some((n) => n > 0) || values.some((line) => line[at]! > 0));
  const names = used.map((at) => classes[at]!.name);
  return section(
    'Decisions: ONNX Runtime by row, program by column',
    counts(
      names,
      names,
      used.map((from) => used.map((to) => values[from]![to]!)),
    ),
  );
}

function detection({ class: positive, threshold, program, reference }: NonNullable<RunRecord['detection']>): string {
  const sides = reference ? [program, reference] : [program];
  const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(2)} %`);
  const rows: [string, (side: SideRecord) => string][] = [
    ['precision', (side) => share(side.precision)],
    ['recall', (side) => share(side.recall)],
    ['F1', (side) => share(side.f1)],
    ['false alarms', (side) => whole(side.alarms)],
    ['missed', (side) => whole(side.misses)],
    ['area under the curve', (side) => side.area?.toFixed(4) ?? '–'],
  ];
  const curve = ({ curve: points }: SideRecord): string =>
    points.map(([x, y]) => `${(32 + 200 * x).toFixed(1)},${(4 + 200 * (1 - y)).toFixed(1)}`).join(' ');
  const ticks = [0, 0.5, 1]
    .map(
      (at) =>
        `<text x="${32 + 200 * at}" y="220" text-anchor="middle">${at}</text><text x="26" y="${208 - 200 * at}" text-anchor="end">${at}</text>`,
    )
    .join('');
  return section(
    `Class ${positive} against the labels, threshold ${threshold.toFixed(4)}`,
    `${table(
      ['', 'program', ...(reference ? ['ONNX Runtime'] : [])],
      rows.map(([name, cell]) => row(name, sides.map(cell))),
    )}
<p class="key"><span class="a">program</span>${reference ? '<span>ONNX Runtime</span>' : ''}</p>
<svg viewBox="0 0 244 240" width="244" height="240" role="img" aria-label="Share of the class that is found against share of the others that is flagged">
<rect class="box" x="32" y="4" width="200" height="200"/>${ticks}<text x="132" y="236" text-anchor="middle">share of the others that is flagged</text>${
      reference ? `<polyline class="curve b" points="${curve(reference)}"/>` : ''
    }<polyline class="curve a" points="${curve(program)}"/></svg>`,
  );
}

/** Two programs on one trace, as a page that needs nothing else. */
export function comparisonHtml(record: AbRecord, restore: Restore = {}): string {
  const { a, b, events, same, differs } = record;
  const title = a.model === b.model ? `${a.model}: two programs on ${a.trace.name}` : `${a.model} and ${b.model} on ${a.trace.name}`;
  const share = events > 0 ? `${((same / events) * 100).toFixed(2)} %` : '–';
  return page(
    title,
    [
      `<h1>${quoted(title)}</h1>`,
      `<dl class="facts"><div><dt>decide alike</dt><dd>${share}</dd><dd class="small">${whole(same)} of ${whole(events)} events</dd></div>
<div><dt>decide otherwise</dt><dd>${whole(differs)}</dd></div>${
        record.times
          ? `<div><dt>time of B to A</dt><dd>${record.times.ratio.toFixed(3)}</dd><dd class="small">in turns, ${whole(record.times.stretches)} stretches</dd></div>`
          : ''
      }</dl>`,
      section('Figures', figureTable(b, a, ['', 'A', 'B', 'B to A'], true)),
      section('Settings', settingTable(a, b, ['', 'A', 'B'])),
      pairTables(record),
      section('Verdicts: A by row, B by column', counts(record.between.rows, record.between.columns, record.between.counts)),
      sideTables('Against ONNX Runtime: reference by row, program by column', record.byReference),
      sideTables('Against the labels: label by row, program by column', record.byLabel),
      errors(record.errors),
      differing(record),
      bindingOf(a),
      restored(restore),
      FOOT,
    ].join('\n'),
  );
}

function pairTables({ pairs }: AbRecord): string {
  const known = (['reference', 'labels'] as const).flatMap((what) => (pairs[what] ? [[what, pairs[what]] as const] : []));
  if (known.length === 0) return '';
  const rows: readonly (readonly [string, (one: Pairs) => string])[] = [
    ['both right', (one) => whole(one.both)],
    ['only A right', (one) => whole(one.onlyA)],
    ['only B right', (one) => whole(one.onlyB)],
    ['both wrong', (one) => whole(one.neither)],
    ['exact McNemar p, two-sided', (one) => one.p.toPrecision(3)],
  ];
  const heads = { reference: 'as ONNX Runtime has it', labels: 'as the labels have it' } as const;
  return section(
    'Who is right',
    `${table(
      ['', ...known.map(([what]) => heads[what])],
      rows.map(([name, cell]) =>
        row(
          name,
          known.map(([, one]) => cell(one)),
        ),
      ),
    )}<p class="muted">p is how likely two equally good programs would be to part at least as unevenly on the events where only one is right.</p>`,
  );
}

function sideTables(title: string, { a, b }: AbRecord['byReference']): string {
  const sides = [
    ['A', a],
    ['B', b],
  ] as const;
  const known = sides.flatMap(([name, one]) => (one ? [`<div><h3>${name}</h3>${counts(one.rows, one.columns, one.counts)}</div>`] : []));
  return known.length === 0 ? '' : section(title, `<div class="pair">${known.join('')}</div>`);
}

/** Both distributions over the same bins. */
function errors({ a, b, between }: AbRecord['errors']): string {
  const sides: readonly (readonly ['a' | 'b', ErrorRecord])[] = [...(a ? [['a', a] as const] : []), ...(b ? [['b', b] as const] : [])];
  const rows = [
    ...sides.map(([which, one]) =>
      row(`${which.toUpperCase()} from ONNX Runtime`, [one.max.toPrecision(3), one.mean.toPrecision(3), whole(one.events)]),
    ),
    row('A from B', [between.max.toPrecision(3), between.mean.toPrecision(3), whole(between.events)]),
  ];
  const numbers = table(['', 'largest', 'mean', 'events'], rows);
  const [first] = sides;
  if (!first) return section('Differences of scores', numbers);
  const { counts: bins, least, perDecade } = first[1].spread;
  const most = Math.max(1, ...sides.flatMap(([, { spread }]) => spread.counts));
  const [wide, tall] = [20, 96];
  const bars = sides
    .map(([which, { spread }]) =>
      spread.counts
        .map((n, bin) => {
          const high = n === 0 ? 0 : Math.max(2, (tall * n) / most);
          return n === 0
            ? ''
            : `<rect class="bar ${which}" x="${bin * wide + (which === 'a' ? 2 : 9)}" y="${(4 + tall - high).toFixed(1)}" width="8" height="${high.toFixed(1)}"/>`;
        })
        .join(''),
    )
    .join('');
  const marks = Array.from({ length: bins.length / perDecade + 1 }, (_, at) => {
    const anchor = at === 0 ? 'start' : at === bins.length / perDecade ? 'end' : 'middle';
    return `<text x="${at * perDecade * wide}" y="${tall + 20}" text-anchor="${anchor}">1e${least + at}</text>`;
  }).join('');
  return section(
    'Differences of scores',
    `${numbers}<p class="key" style="margin-top:12px"><span class="a">A from ONNX Runtime</span><span>B from ONNX Runtime</span></p>
<svg viewBox="0 0 ${bins.length * wide} ${tall + 28}" width="${bins.length * wide}" height="${tall + 28}" role="img" aria-label="Events by the size of their difference, most in one bin ${whole(most)}">
<path class="box" d="M0 ${tall + 4}H${bins.length * wide}"/>${bars}${marks}</svg>`,
  );
}

function differing({ differing: listed, differs }: AbRecord): string {
  if (differs === 0) return section('Events that differ', '<p>None: both decide alike on every event.</p>');
  const say = (one: Difference['a'] | null | undefined): string =>
    one ? `${quoted(one.verdict)}${one.score === null ? '' : ` ${one.score.toFixed(4)}`}` : '–';
  const two = listed.some(({ referenceB }) => referenceB);
  const rows = listed.map((one) =>
    row(whole(one.event + 1), [
      say(one.a),
      say(one.b),
      say(one.reference),
      ...(two ? [say(one.referenceB)] : []),
      one.label === null ? '–' : `class ${one.label}`,
    ]),
  );
  const head = ['event', 'A', 'B', two ? "A's reference" : 'ONNX Runtime', ...(two ? ["B's reference"] : []), 'label'];
  const rest = differs > listed.length ? `<p class="muted">and ${whole(differs - listed.length)} more</p>` : '';
  return `<section class="long"><h2>Events that differ</h2>${table(head, rows)}${rest}</section>`;
}
