import { type Document, isAlias, isCollection, LineCounter, parseAllDocuments, parseDocument } from 'yaml';
import { InputError } from '../../base/errors.ts';
import type { AccelHook } from '../../bpf/accelerator/hooks.ts';
import { checkSchema, type Path, pathText, type Schema, type Violation, violations } from './schema.ts';

/**
 * Configuration of hooks as a Kubernetes custom resource. The schema is the CRD in `samples/accelerator/acceleratorhook.crd.yaml` itself, handed in as
 * text: what `kubectl apply` would check is what is checked here.
 */

const MOST_BYTES = 1 << 20;
/** Aliases may repeat what an anchor names only so often: a resource of some lines must not become gigabytes. */
const MOST_ALIASES = 200;

export interface HookObject {
  readonly name: string;
  readonly file: string;
  readonly signature: string | null;
  readonly sha256: string | null;
}

export interface HookAttachment {
  readonly object: string;
  readonly hook: AccelHook;
  /** Null where the object has only one program for the hook. */
  readonly program: string | null;
  readonly order: number;
  /** Of the resource's text, from 1. */
  readonly line: number;
}

export interface MapSetting {
  readonly object: string;
  readonly map: string;
  readonly entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array; readonly line: number }[];
  readonly line: number;
}

/** An `AcceleratorHook`, checked. */
export interface HookResource {
  readonly name: string;
  readonly namespace: string;
  /** Labels of the pods that it is for. */
  readonly selector: Readonly<Record<string, string>>;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly objects: readonly HookObject[];
  readonly hooks: readonly HookAttachment[];
  readonly maps: readonly MapSetting[];
}

interface Definition {
  readonly group: string;
  readonly kind: string;
  /** By version. */
  readonly schemas: ReadonlyMap<string, Schema>;
}

const YAML_OPTIONS = { intAsBigInt: true, version: '1.2' } as const;

/** The schema that a custom resource definition states. Throws {@link InputError} for a text that is none. */
export function readDefinition(text: string, where: string): Definition {
  const yaml = parseDocument(text);
  if (yaml.errors.length > 0) throw new InputError(yaml.errors[0]!.message.split('\n')[0]!, where);
  const crd = yaml.toJS({ maxAliasCount: MOST_ALIASES }) as {
    kind?: string;
    spec?: { group: string; names: { kind: string }; versions: { name: string; schema: { openAPIV3Schema: unknown } }[] };
  } | null;
  if (crd?.kind !== 'CustomResourceDefinition' || !crd.spec) throw new InputError('this is no CustomResourceDefinition', where);
  const { group, names, versions } = crd.spec;
  const schemas = versions.map(({ name, schema }): [string, Schema] => [name, checkSchema(schema.openAPIV3Schema, `${where}, ${name}`)]);
  return { group, kind: names.kind, schemas: new Map(schemas) };
}

/** Line of what stands at `path`, or of the nearest thing around it. */
function lineOf(yaml: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? yaml.contents : yaml.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range) return lines.linePos(range[0]!).line;
  }
  return 1;
}

/** Line of the key that names the last part of a path: where a reader looks for a wrong field. */
function keyLine(yaml: Document, lines: LineCounter, path: Path): number {
  const last = path.at(-1);
  const parent = path.length < 2 ? yaml.contents : yaml.getIn(path.slice(0, -1), true);
  if (typeof last === 'string' && isCollection(parent)) {
    const pair = (parent.items as { key?: { value?: unknown; range?: readonly number[] } }[]).find(({ key }) => key?.value === last);
    if (pair?.key?.range) return lines.linePos(pair.key.range[0]!).line;
  }
  return lineOf(yaml, lines, path);
}

/**
 * Every resource of the definition's kind in a YAML text of one or several documents; documents of other kinds are left alone. Throws
 * {@link InputError} with file, line and field for the first thing that the schema does not allow, and for references that lead nowhere.
 */
export function readResources(text: string, where: string, definition: Definition): HookResource[] {
  if (text.length > MOST_BYTES) throw new InputError(`larger than ${MOST_BYTES >> 10} kB`, where);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...YAML_OPTIONS, lineCounter: lines });
  const all: readonly Document[] = 'empty' in documents ? [] : documents;
  const found: HookResource[] = [];
  for (const yaml of all) {
    const [error] = yaml.errors;
    if (error) throw new InputError(error.message.split(' at line ')[0]!, `${where}, line ${error.linePos?.[0].line ?? 1}`);
    const value = plain(yaml, where);
    if (value === null) continue;
    const at = (path: Path): string => `${where}, line ${keyLine(yaml, lines, path)}`;
    const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
    if (kind !== definition.kind) continue;
    const [group, version] = String(apiVersion).split('/') as [string, string | undefined];
    const schema = group === definition.group ? definition.schemas.get(version ?? '') : undefined;
    if (!schema)
      throw new InputError(
        `apiVersion must be ${[...definition.schemas.keys()].map((name) => `${definition.group}/${name}`).join(' or ')}`,
        at(['apiVersion']),
      );
    const [violation] = violations(schema, value);
    if (violation) throw fault(violation, at);
    found.push(resourceOf(value as unknown as Raw, (path) => lineOf(yaml, lines, path), at));
  }
  if (found.length === 0) throw new InputError(`there is no ${definition.kind} in it`, where);
  return found;
}

const fault = ({ path, message }: Violation, at: (path: Path) => string): InputError =>
  new InputError(`${pathText(path) || 'the document'}: ${message}`, at(path));

function plain(yaml: Document, where: string): object | null {
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    // The reader throws a ReferenceError for aliases that repeat too much.
    throw new InputError('its aliases repeat too much', where);
  }
  return typeof value === 'object' && value !== null && !isAlias(yaml.contents) ? value : null;
}

type Part = { readonly u8?: bigint[]; readonly u16?: bigint[]; readonly u32?: bigint[]; readonly u64?: bigint[]; readonly hex?: string };

/** A resource as YAML holds it, when the schema allows it. */
interface Raw {
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
  readonly spec: {
    readonly selector?: { readonly matchLabels: Record<string, string> };
    readonly failurePolicy?: 'Fail' | 'Ignore';
    readonly objects: readonly { name: string; file: string; signature?: string; sha256?: string }[];
    readonly hooks: readonly { object: string; hook: AccelHook; program?: string; order?: bigint }[];
    readonly maps?: readonly { object: string; map: string; entries: readonly { key: readonly Part[]; value: readonly Part[] }[] }[];
  };
}

const WIDTHS = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;

/** The bytes of a key or value: numbers little-endian, one after the other. */
function bytesOf(parts: readonly Part[]): Uint8Array {
  const bytes: number[] = [];
  for (const part of parts) {
    if (part.hex !== undefined) for (let at = 0; at < part.hex.length; at += 2) bytes.push(Number.parseInt(part.hex.slice(at, at + 2), 16));
    for (const [type, width] of Object.entries(WIDTHS))
      for (let number of part[type as keyof typeof WIDTHS] ?? [])
        for (let i = 0; i < width; i++, number >>= 8n) bytes.push(Number(number & 255n));
  }
  return Uint8Array.from(bytes);
}

function resourceOf({ metadata, spec }: Raw, line: (path: Path) => number, at: (path: Path) => string): HookResource {
  if (typeof metadata?.name !== 'string') throw new InputError('metadata: name is missing', at(['metadata']));
  const names = new Set(spec.objects.map(({ name }) => name));
  const known = (object: string, path: Path): void => {
    if (!names.has(object))
      throw new InputError(`${pathText(path)}: spec.objects has no ${object}; it has ${[...names].join(', ')}`, at(path));
  };
  const hooks = spec.hooks.map(({ object, hook, program, order }, i): HookAttachment => {
    known(object, ['spec', 'hooks', i, 'object']);
    return { object, hook, program: program ?? null, order: Number(order ?? 0n), line: line(['spec', 'hooks', i]) };
  });
  const maps = (spec.maps ?? []).map(({ object, map, entries }, i): MapSetting => {
    known(object, ['spec', 'maps', i, 'object']);
    const settings = entries.map(({ key, value }, j) => ({
      key: bytesOf(key),
      value: bytesOf(value),
      line: line(['spec', 'maps', i, 'entries', j]),
    }));
    return { object, map, entries: settings, line: line(['spec', 'maps', i]) };
  });
  return {
    name: metadata.name,
    namespace: typeof metadata.namespace === 'string' ? metadata.namespace : 'default',
    selector: spec.selector?.matchLabels ?? {},
    failurePolicy: spec.failurePolicy ?? 'Fail',
    objects: spec.objects.map(({ name, file, signature, sha256 }) => ({
      name,
      file,
      signature: signature ?? null,
      sha256: sha256 ?? null,
    })),
    hooks,
    maps,
  };
}
