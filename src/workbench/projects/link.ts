import { deflateSync, Inflate } from 'fflate';
import { InputError } from '../../base/errors.ts';
import type { Cpu } from '../../compiler/backend/legalize.ts';
import { STRATEGIES } from '../../compiler/strategy.ts';
import type { WeightEdit } from '../../onnx/patch-weights.ts';
import { type BlobRef, KERNELS, type PacketEdit, type ProjectDoc } from '../document.ts';
import { ARTIFACT_OF, type SelectionKind } from '../selection.ts';
import { canonical, type SampleRef } from './record.ts';
import {
  byTag,
  fields,
  isBinding,
  isCpu,
  isDims,
  isDoc,
  isEdit,
  isHash,
  isInt,
  isList,
  isMethod,
  isOneOf,
  isQuant,
  isText,
  isWeight,
  MAX_EDITS,
  MAX_NAME,
  parseWith,
  type Rule,
} from './schema.ts';

/**
 * A link carries what was changed against a sample, which it names by the hash of its document; or a program that is text; or a document whose files
 * it names by their SHA-256 and which whoever opens it must have. It may name a second program that is compared with it. Its form:
 * `#p=` and base64url of a raw deflate of JSON. Decoding expects hostile text: sizes are bounded before anything is parsed, and
 * whatever is not exactly of this form is an {@link InputError}.
 */
export const LINK_PREFIX = '#p=';
/** Changed weights and places of live tools came with version 3, files and comparisons with 2; older pages say that such links are of a newer BPFormer. */
const VERSION = 3;
/** Up to here a link is a link; up to the second it comes with a warning; beyond, the project file is offered. */
export const LINK_SIZES = { good: 8_000, most: 32_000 };
/** What one may unpack to: deflate makes at most 1,032 bytes of one. */
const MOST_JSON = 2 ** 20;
const MAX_TEXT = 2 ** 19;

/** What a link says: all optional parts are those that differ. */
export interface LinkPayload {
  readonly v: 1 | 2 | typeof VERSION;
  readonly base:
    | { readonly kind: 'sample'; readonly sample: SampleRef }
    | { readonly kind: 'text'; readonly text: LinkText }
    | { readonly kind: 'files'; readonly doc: ProjectDoc };
  readonly set: LinkChanges;
  /** The edited program: its text, or lines exchanged in the compiled one, whose result has the hash `to`. */
  readonly fork?: LinkFork;
  readonly select?: { readonly kind: SelectionKind; readonly id: string | number };
  readonly desk?: string;
  /** A program that is run beside it on the same trace. */
  readonly against?: LinkAgainst;
  /** Line, from 1, of the log or the C at which the cursor stands. */
  readonly line?: number;
  readonly touch?: LinkTouch;
}

/** Where live tools stand: the step of the debugger's run, and the precision that the slider is at. */
export interface LinkTouch {
  readonly step?: number;
  readonly quant?: string;
}

/** The second program: what differs from the base, or a document of its own. An edited one comes as text. */
export interface LinkAgainst {
  readonly name: string;
  readonly set?: LinkChanges;
  readonly doc?: ProjectDoc;
  readonly fork?: string;
}

/** A program whose source is text. */
export interface LinkText {
  readonly kind: 'assembly' | 'log' | 'c';
  readonly name: string;
  readonly text: string;
  /** Of C. */
  readonly cpu?: Cpu;
  readonly program?: string;
}

export interface LinkChanges {
  readonly name?: string;
  readonly kernel?: string;
  readonly strategy?: string;
  readonly quant?: string;
  readonly method?: string;
  readonly specialise?: true;
  readonly dims?: Readonly<Record<string, number>>;
  readonly binding?: ProjectDoc['binding'];
  /** Ranges from generated inputs, from the sample's own trace, or as the sample has them. */
  readonly calibration?: 'generated' | 'trace';
  readonly edits?: readonly PacketEdit[];
  /** Entries of the base's weights; whoever opens the link makes the file of them. */
  readonly weights?: readonly WeightEdit[];
}

export type LinkFork =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'lines'; readonly from: string; readonly to: string; readonly hunks: readonly LineHunk[] };

/** `[line, removed, ...added]`: lines exchanged in the compiled program's text. */
export type LineHunk = readonly [at: number, removed: number, ...added: string[]];

/** Why a project does not fit into a link, in words. */
export type LinkObstacle = { readonly obstacle: string };

const sameBlob = (a: BlobRef | null | undefined, b: BlobRef | null | undefined) => (a?.hash ?? null) === (b?.hash ?? null);

/** What of `doc` differs from `base`, or what of it no link can carry. */
export function changesFrom(doc: ProjectDoc, base: ProjectDoc): LinkChanges | LinkObstacle {
  if (!sameBlob(doc.trace, base.trace)) return { obstacle: `the trace ${doc.trace?.name ?? ''} is not part of the sample` };
  if (!sameBlob(doc.labels, base.labels)) return { obstacle: 'its labels are not those of the sample' };
  const { options } = doc;
  const changes: { -readonly [Key in keyof LinkChanges]: LinkChanges[Key] } = {};
  if (doc.name !== base.name) changes.name = doc.name;
  if (options.kernel !== base.options.kernel) changes.kernel = options.kernel;
  if (options.strategy !== base.options.strategy) changes.strategy = options.strategy;
  if (options.quant !== base.options.quant) changes.quant = options.quant;
  if (options.method !== base.options.method) changes.method = options.method ?? 'minmax';
  if (options.specialise) changes.specialise = true;
  if (canonical(options.dims) !== canonical(base.options.dims)) changes.dims = options.dims;
  if (canonical(doc.binding) !== canonical(base.binding)) changes.binding = doc.binding;
  if (doc.edits.length > 0) changes.edits = doc.edits;
  if (doc.source?.kind === 'model' && doc.source.edited) changes.weights = doc.source.edited.weights;
  if (canonical(doc.calibration) !== canonical(base.calibration)) {
    if (doc.calibration.kind === 'generated') changes.calibration = 'generated';
    else if (doc.calibration.kind === 'trace' && sameBlob(doc.calibration.blob, base.trace)) changes.calibration = 'trace';
    else return { obstacle: `its calibration on ${doc.calibration.blob.name} is not part of the sample` };
  }
  return changes;
}

/** The document that a link's changes make of `base`, but for its weights: their file must be made first. */
export function applyChanges(base: ProjectDoc, set: LinkChanges): ProjectDoc {
  const { name, kernel, strategy, quant, method, specialise, dims, binding, calibration, edits } = set;
  const options = { ...base.options, ...defined({ kernel, strategy, quant, method, specialise, dims }) } as ProjectDoc['options'];
  return {
    ...base,
    ...defined({ name, binding, edits }),
    options,
    calibration:
      calibration === 'generated'
        ? { kind: 'generated' }
        : calibration === 'trace' && base.trace
          ? { kind: 'trace', blob: base.trace }
          : base.calibration,
  };
}

const defined = (values: object): object => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

export function encodeLink(payload: LinkPayload): string {
  const bytes = deflateSync(new TextEncoder().encode(JSON.stringify(packed(payload))), { level: 9 });
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return LINK_PREFIX + btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The version that a payload is of. */
export const versionOf = ({
  base,
  against,
  set,
  touch,
}: Pick<LinkPayload, 'base' | 'against' | 'touch'> & Partial<LinkPayload>): LinkPayload['v'] =>
  set?.weights || touch ? VERSION : base.kind === 'files' || against ? 2 : 1;

/** Edits as triples: the names of their fields would be most of them. */
function packed(payload: LinkPayload): unknown {
  const { against } = payload;
  return {
    ...payload,
    set: packedSet(payload.set),
    ...(against ? { against: against.set ? { ...against, set: packedSet(against.set) } : against } : {}),
  };
}

const packedSet = (set: LinkChanges): PackedSet => {
  const { edits, weights, ...rest } = set;
  return {
    ...rest,
    ...(edits ? { edits: edits.map(({ packet, byteOff, value }) => [packet, byteOff, value] as const) } : {}),
    ...(weights ? { weights: weights.map(({ tensor, index, value }) => [tensor, index, value] as const) } : {}),
  };
};

const WHERE = 'the link';
const AGAIN = 'Ask for it again: chats and mails cut long links or change them';

export function decodeLink(fragment: string): LinkPayload {
  if (!fragment.startsWith(LINK_PREFIX)) throw new InputError('it holds no project', WHERE);
  const code = fragment.slice(LINK_PREFIX.length);
  if (code.length > LINK_SIZES.most) throw new InputError(`it has ${code.length} characters, more than any that BPFormer makes`, WHERE);
  if (code === '' || !/^[\w-]*$/.test(code)) throw new InputError('it holds characters that no link does', WHERE, AGAIN);
  let value: unknown;
  try {
    value = JSON.parse(inflated(bytesOf(code)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('it is not whole', WHERE, AGAIN);
  }
  const version = (value as { v?: unknown } | null)?.v;
  if (typeof version === 'number' && Number.isInteger(version) && version > VERSION) {
    throw new InputError(
      `it was made by a newer BPFormer (version ${version} of the form; this page reads ${VERSION})`,
      WHERE,
      'Reload the page to get the newer one',
    );
  }
  return unpacked(parseWith<Packed>(payloadRule, value, WHERE));
}

function bytesOf(code: string): Uint8Array<ArrayBuffer> {
  const text = atob(code.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function inflated(bytes: Uint8Array): string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let ended = false;
  const inflate = new Inflate((chunk, final) => {
    size += chunk.length;
    if (size > MOST_JSON) throw new InputError('it unpacks to more than any link holds', WHERE);
    chunks.push(chunk);
    ended ||= final;
  });
  inflate.push(bytes, true);
  if (!ended) throw new InputError('it is not whole', WHERE, AGAIN);
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(all);
}

type PackedSet = Omit<LinkChanges, 'edits' | 'weights'> & {
  readonly edits?: readonly (readonly [number, number, number])[];
  readonly weights?: readonly (readonly [string, number, number])[];
};
type Packed = Omit<LinkPayload, 'set' | 'against'> & {
  readonly set: PackedSet;
  readonly against?: Omit<LinkAgainst, 'set'> & { readonly set?: PackedSet };
};

function unpacked({ against, ...payload }: Packed): LinkPayload {
  if (!against) return { ...payload, set: unpackedSet(payload.set) };
  const { set, ...rest } = against;
  return { ...payload, set: unpackedSet(payload.set), against: set ? { ...rest, set: unpackedSet(set) } : rest };
}

function unpackedSet({ edits, weights, ...set }: PackedSet): LinkChanges {
  return {
    ...set,
    ...(edits ? { edits: edits.map(([packet, byteOff, value]) => ({ packet, byteOff, value })) } : {}),
    ...(weights ? { weights: weights.map(([tensor, index, value]) => ({ tensor, index, value })) } : {}),
  };
}

const editTriple: Rule = (value, path) => {
  isList(3, () => {})(value, path);
  const [packet, byteOff, byte] = value as unknown[];
  isEdit({ packet, byteOff, value: byte }, path);
};

const weightTriple: Rule = (value, path) => {
  isList(3, () => {})(value, path);
  const [tensor, index, number] = value as unknown[];
  isWeight({ tensor, index, value: number }, path);
};

const hunkRule: Rule = (value, path) => {
  isList(20_002, () => {})(value, path);
  const [at, removed, ...added] = value as unknown[];
  isInt(0, 2_000_000)(at, `${path}/0`);
  isInt(0, 2_000_000)(removed, `${path}/1`);
  for (const [index, line] of added.entries()) isText(2000)(line, `${path}/${index + 2}`);
};

const idRule: Rule = (value, path) => {
  if (typeof value === 'number') isInt(0, Number.MAX_SAFE_INTEGER)(value, path);
  else isText(400, 1)(value, path);
};

const setRule = fields({
  'name?': isText(MAX_NAME, 1),
  'kernel?': isOneOf(KERNELS),
  'strategy?': isOneOf(['auto', ...STRATEGIES.map(({ name }) => name)]),
  'quant?': isQuant,
  'method?': isMethod,
  'specialise?': isOneOf([true]),
  'dims?': isDims,
  'binding?': (value, path) => {
    if (value !== null) isBinding(value, path);
  },
  'calibration?': isOneOf(['generated', 'trace']),
  'edits?': isList(MAX_EDITS, editTriple),
  'weights?': isList(MAX_EDITS, weightTriple),
});

/** A document as links carry it: what was edited stands beside it. */
const plainDoc: Rule = (value, path) => {
  isDoc(value, path);
  const { fork, edits } = value as ProjectDoc;
  if (fork !== null || edits.length > 0 || 'edited' in ((value as ProjectDoc).source ?? {}))
    throw new InputError(`${path} holds edits, which have places of their own`);
};

const payloadRule = fields({
  v: isInt(1, VERSION),
  base: byTag('kind', {
    sample: fields({ kind: isOneOf(['sample']), sample: fields({ id: isText(80, 1), hash: isHash }) }),
    text: fields({
      kind: isOneOf(['text']),
      text: fields({
        kind: isOneOf(['assembly', 'log', 'c']),
        name: isText(MAX_NAME, 1),
        text: isText(MAX_TEXT, 1),
        'cpu?': isCpu,
        'program?': isText(MAX_NAME, 1),
      }),
    }),
    files: fields({ kind: isOneOf(['files']), doc: plainDoc }),
  }),
  set: setRule,
  'fork?': byTag('kind', {
    text: fields({ kind: isOneOf(['text']), text: isText(MAX_TEXT, 1) }),
    lines: fields({ kind: isOneOf(['lines']), from: isHash, to: isHash, hunks: isList(5000, hunkRule) }),
  }),
  'select?': fields({ kind: isOneOf(Object.keys(ARTIFACT_OF)), id: idRule }),
  'desk?': isText(40, 1),
  'against?': fields({ name: isText(MAX_NAME, 1), 'set?': setRule, 'doc?': plainDoc, 'fork?': isText(MAX_TEXT, 1) }),
  'line?': isInt(1, 2 ** 31),
  'touch?': fields({ 'step?': isInt(0, Number.MAX_SAFE_INTEGER), 'quant?': isQuant }),
});
