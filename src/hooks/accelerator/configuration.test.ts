import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { readDefinition, readResources } from './configuration.ts';
import { type Schema, violations } from './schema.ts';

const folder = new URL('../../../samples/accelerator/', import.meta.url);
const crdText = readFileSync(new URL('acceleratorhook.crd.yaml', folder), 'utf8');
const example = readFileSync(new URL('serving.yaml', folder), 'utf8');
const definition = readDefinition(crdText, 'crd.yaml');
const schema = definition.schemas.get('v1alpha1')!;

/** Line of the first line that holds a text. */
const lineWith = (text: string, part: string): number => text.split('\n').findIndex((line) => line.includes(part)) + 1;
const read = (text: string) => readResources(text, 'serving.yaml', definition);
const messageOf = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('the worked example', () => {
  test('is read, with the Deployment beside it left alone', () => {
    const [resource, ...rest] = read(example);
    expect(rest).toEqual([]);
    expect(resource).toMatchObject({
      name: 'encoder-serving',
      namespace: 'inference',
      failurePolicy: 'Fail',
      selector: { app: 'encoder-serving' },
    });
    expect(resource!.hooks.map(({ object, hook, order }) => `${object} ${hook} ${order}`)).toEqual([
      'shapes submit 0',
      'shapes validate_tensor 0',
      'qos token 10',
      'audit token 20',
      'audit complete 0',
    ]);
    expect(resource!.hooks[2]!.line).toBe(lineWith(example, 'object: qos, hook: token'));
    const policies = resource!.maps.find(({ map }) => map === 'policies')!;
    expect(policies.entries[0]!.key).toEqual(Uint8Array.of(1, 0, 0, 0));
    expect([...policies.entries[0]!.value]).toEqual([0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('selects the pods of its deployment', () => {
    const [deployment] = parseAllDocuments(example).map((document) => document.toJS());
    expect(deployment.spec.template.metadata.labels).toMatchObject(read(example)[0]!.selector);
  });
});

describe('a resource that the schema does not allow', () => {
  test.each([
    ['hook: submit', 'hook: submits', 'hook: submit', /spec\.hooks\[0\]\.hook: must be one of .*, not submits/],
    ['order: 10', 'order: ten', 'order: 10', /spec\.hooks\[2\]\.order: must be a whole number/],
    ['order: 10', 'order: 5000', 'order: 10', /must be from -1000 to 1000, not 5000/],
    ['file: audit.o', 'fiel: audit.o', 'name: audit,', /spec\.objects\[2\]: file is missing/],
    [
      '{name: qos, file: adaptive_qos.o}',
      '{name: shapes, file: a.o}',
      'name: qos',
      /spec\.objects\[1\]: a second entry with the same name/,
    ],
    ['object: qos, hook', 'object: qoz, hook', 'object: qos, hook', /spec\.hooks\[2\]\.object: spec\.objects has no qoz/],
    [
      '{u64: [1000000]}, {u32: [8,',
      '{u65: [1000000]}, {u32: [8,',
      '{u64: [1000000]}, {u32: [8,',
      /there is no such field; there are u8, u16, u32, u64, hex/,
    ],
    ['v1alpha1', 'v2', 'v1alpha1', /apiVersion must be accelerator\.bpformer\.example\/v1alpha1/],
    ['failurePolicy: Fail', 'failurePolicy: [', 'failurePolicy', /line \d+/],
  ])('%s → %s is refused at its line', (from, to, place, message) => {
    expect(example).toContain(from);
    const said = messageOf(example.replace(from, to));
    expect(said).toMatch(message);
    if (!to.endsWith('[')) expect(said).toContain(`serving.yaml, line ${lineWith(example, place)}:`);
  });

  test('that repeats itself without end is refused', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
    ];
    expect(messageOf(`kind: AcceleratorHook\n${bomb.join('\n')}\n`)).toMatch(/aliases/);
  });

  test('or that is none is told so', () => {
    for (const text of ['', '---\n---\n', 'a', '[1]', 'kind: Pod']) expect(messageOf(text)).toContain('no AcceleratorHook');
    expect(() => readDefinition('kind: Pod', 'crd.yaml')).toThrow(/no CustomResourceDefinition/);
  });
});

describe('the schema’s checks', () => {
  /** ajv on the same schema, closed as kubectl's strict validation is, and without what only Kubernetes knows. */
  const closed = ({ properties, items, additionalProperties, ...rest }: Schema): object => ({
    ...Object.fromEntries(Object.entries(rest).filter(([keyword]) => !keyword.startsWith('x-') && keyword !== 'format')),
    ...(properties
      ? {
          properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, closed(inner)])),
          additionalProperties: false,
        }
      : {}),
    ...(additionalProperties ? { additionalProperties: closed(additionalProperties) } : {}),
    ...(items ? { items: closed(items) } : {}),
  });
  const byAjv = new Ajv({ strict: false }).compile(closed(schema));

  test('agree with ajv on the example and on thousands of changes to it', () => {
    const resource = parse(stringify(parseAllDocuments(example)[1]!.toJS()));
    expect(byAjv(resource)).toBe(true);
    const leaf = fc.oneof(
      fc.integer({ min: -2000, max: 2 ** 33 }),
      fc.constantFrom('', 'Fail', 'submit', 'x'.repeat(70), true, null),
      fc.constant([]),
      fc.constant({}),
    );
    /** Puts a value at a place that is found by drawing, or takes the place away. */
    const change = (target: unknown, picks: readonly number[], value: unknown, drop: boolean): void => {
      let at = target as Record<string, unknown>;
      for (const [depth, pick] of picks.entries()) {
        const keys = Object.keys(at);
        if (keys.length === 0) return;
        const key = keys[pick % keys.length]!;
        const inner = at[key];
        if (depth < picks.length - 1 && typeof inner === 'object' && inner !== null) at = inner as Record<string, unknown>;
        else {
          if (drop && !Array.isArray(at)) delete at[key];
          else at[key] = value;
          return;
        }
      }
    };
    let refused = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), leaf, fc.boolean(), (picks, value, drop) => {
        const changed = structuredClone(resource);
        change(changed, picks, value, drop);
        const ours = violations(schema, changed).filter(({ message }) => !message.startsWith('a second entry'));
        const theirs = byAjv(changed);
        if (!theirs) refused++;
        expect(ours.length === 0, JSON.stringify([picks, value, drop, ours])).toBe(theirs);
      }),
      { seed: 4, numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });
});
