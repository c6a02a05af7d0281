/** A series of Prometheus's text format: name, labels as they are written, value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/;
const TYPES = ['counter', 'gauge', 'histogram'];

/**
 * Reads the text format, version 0.0.4, more strictly than Prometheus does: each family has a HELP and a TYPE before its series and stands in one piece, no series occurs twice,
 * counters end in `_total` and are not negative, buckets of a histogram are cumulative and end with +Inf, which is the count. Throws at the first line that breaks a rule.
 */
export function readExposition(text: string): Series[] {
  const families = new Map<string, { help: boolean; type?: string; series: Series[] }>();
  const all: Series[] = [];
  const seen = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const [at, line] of text.slice(0, -1).split('\n').entries()) {
    const wrong = (what: string): never => {
      throw new Error(`line ${at + 1}: ${what}: ${line}`);
    };
    const [, word, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      if (!NAME.test(name!)) wrong('no name');
      if (families.has(name!)) wrong('a family in two pieces');
      families.set(name!, { help: true, series: [] });
      current = name!;
    } else if (word === 'TYPE') {
      const family = families.get(name!);
      if (!family || current !== name || family.type !== undefined) wrong('TYPE does not follow its HELP');
      if (!TYPES.includes(rest!)) wrong('no type');
      family!.type = rest!;
    } else {
      const [, series, labels, number] = SAMPLE.exec(line) ?? wrong('no sample');
      const family = families.get(current);
      const suffix = series!.slice(current.length);
      const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      if (!family?.type || !series!.startsWith(current) || !suffixes.includes(suffix)) wrong('a sample outside its family');
      const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
      if (!/^([-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?|\+Inf)$/.test(number!)) wrong('no number');
      const one: Series = { name: series!, labels: labelsOf(labels ?? '', wrong), value };
      const key = `${series} ${JSON.stringify(Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
      if (seen.has(key)) wrong('a series twice');
      seen.add(key);
      if (family!.type === 'counter' && (!current.endsWith('_total') || value < 0)) wrong('no counter');
      family!.series.push(one);
      all.push(one);
    }
  }
  for (const [name, { type, series }] of families) {
    if (type === undefined || series.length === 0) throw new Error(`family ${name} is empty`);
    if (type === 'histogram') checkHistogram(name, series);
  }
  return all;
}

function labelsOf(text: string, wrong: (what: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const [whole, name, value] = LABEL.exec(rest) ?? wrong('no label');
    if (Object.hasOwn(labels, name!)) wrong('a label twice');
    labels[name!] = value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function checkHistogram(name: string, series: readonly Series[]): void {
  const of = (suffix: string) => series.filter((one) => one.name === `${name}${suffix}`);
  const buckets = of('_bucket').map(({ labels, value }) => ({
    le: labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
    value,
  }));
  const [sum, count] = [of('_sum'), of('_count')];
  if (sum.length !== 1 || count.length !== 1) throw new Error(`histogram ${name} wants one sum and one count`);
  for (const [i, { le, value }] of buckets.entries()) {
    const last = buckets[i - 1];
    if (Number.isNaN(le) || (last && (le <= last.le || value < last.value))) throw new Error(`buckets of ${name} do not ascend at ${le}`);
  }
  const end = buckets.at(-1);
  if (end?.le !== Number.POSITIVE_INFINITY || end.value !== count[0]!.value) throw new Error(`buckets of ${name} do not end with all`);
}
