import { describe, expect, it } from 'vitest';
import { readExposition } from './exposition.ts';

const good = `# HELP a_total Things.
# TYPE a_total counter
a_total{kind="x\\"y"} 3
a_total{kind="z"} 0
# HELP t_seconds Time.
# TYPE t_seconds histogram
t_seconds_bucket{le="1e-06"} 1
t_seconds_bucket{le="+Inf"} 2
t_seconds_sum 1.5e-05
t_seconds_count 2
`;

describe('the reader of metrics', () => {
  it('reads what is right', () => {
    expect(readExposition(good)[0]).toEqual({ name: 'a_total', labels: { kind: 'x"y' }, value: 3 });
    expect(readExposition(good)).toHaveLength(6);
  });

  it.each<[string, string, RegExp]>([
    ['a last line without its end', good.slice(0, -1), /does not end/],
    ['a series twice', good.replace('kind="z"', 'kind="x\\"y"'), /line 4: a series twice/],
    ['a type before its help', good.replace('# HELP a_total Things.\n', ''), /TYPE does not follow/],
    ['a negative counter', good.replace('} 0', '} -1'), /no counter/],
    ['a counter of another name', good.replaceAll('a_total', 'a'), /no counter/],
    ['no number', good.replace('} 0', '} nought'), /no number/],
    ['a label that does not end', good.replace('kind="z"', 'kind="z'), /no label/],
    ['buckets that descend', good.replace('le="1e-06"} 1', 'le="1e-06"} 5'), /do not ascend/],
    ['buckets without the last', good.replace('t_seconds_bucket{le="+Inf"} 2\n', ''), /do not end with all/],
    ['a sample of another family', good.replace('t_seconds_sum', 'u_seconds_sum'), /outside its family/],
    ['a family without series', `${good}# HELP b B.\n# TYPE b gauge\n`, /family b is empty/],
  ])('refuses %s', (_, text, expected) => {
    expect(() => readExposition(text)).toThrow(expected);
  });
});
