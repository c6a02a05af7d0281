import { InputError } from '../../base/errors.ts';

/**
 * The part of OpenAPI 3 that structural schemas of Kubernetes' custom resources are made of (apiextensions.k8s.io/v1), as far as ours uses it. A keyword
 * that is not here is refused when a schema is read, so that nothing in one is silently not checked.
 */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

const KEYWORDS = new Set([
  ...[
    'type',
    'description',
    'default',
    'format',
    'required',
    'properties',
    'additionalProperties',
    'minProperties',
    'maxProperties',
    'items',
  ],
  ...['minItems', 'maxItems', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'],
  ...['x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
]);
const TYPES = new Set(['object', 'array', 'string', 'integer', 'boolean']);
/** Smallest and largest of `format`. */
const FORMATS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
};

export type Path = readonly (string | number)[];

export interface Violation {
  readonly path: Path;
  readonly message: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws {@link InputError} for keywords that are not checked here. */
export function checkSchema(schema: unknown, where: string): Schema {
  if (!isRecord(schema) || !TYPES.has(schema.type as string)) throw new InputError('a schema without a type that is known', where);
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword));
  if (unknown) throw new InputError(`the keyword ${unknown} is not checked here`, where);
  for (const [name, inner] of Object.entries((schema.properties as object | undefined) ?? {})) checkSchema(inner, `${where}.${name}`);
  if (schema.items) checkSchema(schema.items, `${where}[]`);
  if (schema.additionalProperties) checkSchema(schema.additionalProperties, `${where}.*`);
  return schema as unknown as Schema;
}

/** `spec.hooks[0].order` */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What of `value` is not as `schema` says, in the order of the document. Whole numbers may be numbers or bigints. Unknown fields are violations. */
export function violations(schema: Schema, value: unknown, path: Path = []): Violation[] {
  const wrong = (message: string): Violation[] => [{ path, message }];
  switch (schema.type) {
    case 'object':
      return isRecord(value) ? objectViolations(schema, value, path) : wrong('must be a mapping');
    case 'array':
      return Array.isArray(value) ? arrayViolations(schema, value, path) : wrong('must be a list');
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong('must be true or false');
    case 'integer':
      return integerViolations(schema, value).flatMap(wrong);
    case 'string':
      return stringViolations(schema, value).flatMap(wrong);
  }
}

function objectViolations(schema: Schema, value: Record<string, unknown>, path: Path): Violation[] {
  const found: Violation[] = [];
  const { properties = {}, additionalProperties, required = [] } = schema;
  // An object of which the schema says nothing may hold anything: `metadata`, which Kubernetes checks itself.
  const isOpen = !schema.properties && !additionalProperties;
  for (const name of required) if (!Object.hasOwn(value, name)) found.push({ path, message: `${name} is missing` });
  const size = Object.keys(value).length;
  if (size < (schema.minProperties ?? 0)) found.push({ path, message: `needs ${plural(schema.minProperties!, 'field')}` });
  if (size > (schema.maxProperties ?? size))
    found.push({ path, message: `has ${plural(size, 'field')} and may have ${schema.maxProperties}` });
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (known) found.push(...violations(known, inner, [...path, name]));
    else if (!isOpen) {
      const names = Object.keys(properties).join(', ');
      found.push({ path: [...path, name], message: `there is no such field; there are ${names}` });
    }
  }
  return found;
}

function arrayViolations(schema: Schema, value: readonly unknown[], path: Path): Violation[] {
  const found: Violation[] = [];
  const { items, minItems = 0, maxItems = value.length } = schema;
  if (value.length < minItems) found.push({ path, message: `needs ${plural(minItems, 'entry')}` });
  if (value.length > maxItems) found.push({ path, message: `has ${value.length} entries and may have ${maxItems}` });
  if (items) for (const [at, inner] of value.entries()) found.push(...violations(items, inner, [...path, at]));
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] === 'map') {
    const seen = new Set<string>();
    for (const [at, inner] of value.entries()) {
      if (!isRecord(inner)) continue;
      const id = JSON.stringify(keys.map((key) => String(inner[key])));
      if (seen.has(id)) found.push({ path: [...path, at], message: `a second entry with the same ${keys.join(' and ')}` });
      seen.add(id);
    }
  }
  return found;
}

function integerViolations(schema: Schema, value: unknown): string[] {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return ['must be a whole number'];
  const number = BigInt(value as number | bigint);
  const [low, high] = FORMATS[schema.format ?? 'int64'] ?? FORMATS.int64!;
  const least = schema.minimum === undefined ? low : BigInt(schema.minimum);
  const most = schema.maximum === undefined ? high : BigInt(schema.maximum);
  return number < least || number > most ? [`must be from ${least} to ${most}, not ${number}`] : [];
}

function stringViolations(schema: Schema, value: unknown): string[] {
  if (typeof value !== 'string') return ['must be a text'];
  if (schema.enum && !schema.enum.includes(value)) return [`must be one of ${schema.enum.join(', ')}, not ${value}`];
  if (value.length < (schema.minLength ?? 0)) return ['must not be empty'];
  if (value.length > (schema.maxLength ?? value.length)) return [`is longer than ${schema.maxLength} characters`];
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return [`must match ${schema.pattern}`];
  return [];
}
