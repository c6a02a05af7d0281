import { InputError } from '../../base/errors.ts';
import { loadSample } from '../actions.ts';
import { getBlob, putBlob, sha256 } from '../blobs.ts';
import { compiledText } from '../clients.ts';
import { type BlobRef, blobsOf, EMPTY_PROJECT, type ProjectDoc } from '../document.ts';
import { toUserError } from '../errors.ts';
import { RemoteError } from '../rpc.ts';
import { SAMPLES } from '../samples.ts';
import { ARTIFACT_OF, type SelectionKind, splitPart } from '../selection.ts';
import { announce, currentDoc, editDoc, openDoc, select, useWorkbench } from '../store.ts';
import { notedLine, noteLine } from '../text-line.ts';
import { touched, wantTouched } from '../touch-state.ts';
import { withFile, withWeights } from '../weight-edits.ts';
import { useAsked } from './asked.ts';
import { findBlobs } from './find-blobs.ts';
import { docHash } from './hash.ts';
import {
  applyChanges,
  changesFrom,
  decodeLink,
  encodeLink,
  LINK_SIZES,
  type LinkAgainst,
  type LinkChanges,
  type LinkFork,
  type LinkPayload,
  versionOf,
} from './link.ts';
import { linkTexts as texts } from './link-texts.ts';
import { askForFiles } from './needed.ts';
import { linePatch, patched } from './patch.ts';
import { canonical, type SampleRef } from './record.ts';
import { isText } from './schema.ts';
import { deskHook, useProject, warn } from './state.ts';

/** A link and what it carries, or why there is none. */
export type Share =
  | {
      readonly kind: 'link';
      readonly url: string;
      readonly long: boolean;
      readonly carries: readonly string[];
      /** Files of the user's own that it names without carrying them. */
      readonly files: readonly BlobRef[];
    }
  | { readonly kind: 'file'; readonly why: string };

const text = (ref: BlobRef): string => new TextDecoder().decode(getBlob(ref));

/** Whether the project is a text whose panel has a cursor of its own. */
const showsLines = ({ source }: ProjectDoc): boolean => source?.kind === 'log' || source?.kind === 'c';

/** The open project as a link, if it fits into one. */
export async function makeLink(): Promise<Share> {
  const doc = currentDoc();
  const fork = doc.fork && doc.source?.kind !== 'object' ? await forkOf(doc.fork.text) : null;
  const { selection } = useWorkbench.getState();
  const line = showsLines(doc) ? notedLine(doc.source!.blob.hash) : null;
  return linkOf(doc, {
    ...(fork ? { fork } : {}),
    ...(selection ? { select: { kind: selection.kind, id: selection.id } } : {}),
    ...(deskHook() ? { desk: deskHook()!.get() } : {}),
    ...(line === null ? {} : { line }),
    ...touched(),
  });
}

/** A second program, as it is compared with the first. */
export interface Against {
  readonly name: string;
  readonly doc: ProjectDoc;
}

/** A document as a link, with what stands beside it and a second program where there is one. */
export async function linkOf(
  doc: ProjectDoc,
  beside: Pick<LinkPayload, 'fork' | 'select' | 'desk' | 'line' | 'touch'>,
  second: Against | null = null,
): Promise<Share> {
  const based = await baseOf(doc, useProject.getState().origin.sample);
  if ('obstacle' in based) return { kind: 'file', why: based.obstacle };
  let { base, doc: under, name } = based;
  let changes = changesFrom(doc, under);
  if ('obstacle' in changes) {
    // Not the sample's trace or labels: then all files are named.
    const own = filesOf(doc);
    if ('obstacle' in own) return { kind: 'file', why: changes.obstacle };
    ({ base, doc: under, name } = own);
    changes = changesFrom(doc, under) as LinkChanges;
  }
  const against = second && againstOf(second, under);
  if (against && 'obstacle' in against) return { kind: 'file', why: against.obstacle };
  const parts = { base, ...(against ? { against } : {}) };
  const payload: LinkPayload = { v: versionOf({ ...parts, set: changes, ...beside }), ...parts, set: changes, ...beside };
  const fragment = encodeLink(payload);
  if (fragment.length > LINK_SIZES.most) return { kind: 'file', why: texts.tooLong(fragment.length, LINK_SIZES.most) };
  const url = new URL(location.href);
  url.hash = fragment;
  const named = [base.kind === 'files' ? base.doc : null, against?.doc ?? null].flatMap((one) => (one ? blobsOf(one) : []));
  const files = [...new Map(named.map((ref) => [ref.hash, ref])).values()];
  return { kind: 'link', url: url.href, long: fragment.length > LINK_SIZES.good, carries: carried(payload, name), files };
}

type Based = { doc: ProjectDoc; base: LinkPayload['base']; name: string };

/** A document whose files are named by their hashes. */
function filesOf(doc: ProjectDoc): Based | { obstacle: string } {
  const { source } = doc;
  if (!source) return { obstacle: texts.ownSource('') };
  // A file that stays on disk has no SHA-256 of its whole.
  const unread = blobsOf(doc).find(({ modified }) => modified !== undefined);
  if (unread) return { obstacle: texts.onDisk(unread.name) };
  const plain: ProjectDoc = { ...withFile(doc), fork: null, edits: [] };
  return { doc: plain, base: { kind: 'files', doc: plain }, name: source.blob.name };
}

/** What a link says of a second program: what differs from its base where that is all, else its document. */
function againstOf({ name, doc }: Against, base: ProjectDoc): LinkAgainst | { obstacle: string } {
  if (withFile(doc) !== doc) return { obstacle: texts.weightsBeside(name) };
  const fork = doc.fork ? { fork: text(doc.fork.text) } : {};
  const plain: ProjectDoc = { ...doc, fork: null, edits: [] };
  const set = changesFrom(plain, base);
  if (!('obstacle' in set) && canonical(applyChanges(base, set)) === canonical(plain)) return { name, set, ...fork };
  const own = filesOf(plain);
  return 'obstacle' in own ? own : { name, doc: own.doc, ...fork };
}

/** What a link's changes are made against: the sample under the project, or a program's own text. */
async function baseOf(doc: ProjectDoc, sample: SampleRef | null): Promise<Based | { obstacle: string }> {
  const { source } = withFile(doc);
  if (sample) {
    const found = SAMPLES.find(({ id }) => id === sample.id);
    const loaded = found ? await loadSample(found) : null;
    if (loaded && (await docHash(loaded)) === sample.hash && loaded.source?.blob.hash === source?.blob.hash) {
      return { doc: loaded, base: { kind: 'sample', sample }, name: found!.title };
    }
  }
  if (source?.kind === 'model') return filesOf(doc);
  if (source?.kind === 'object') {
    // An object does not fit, but the program that is open does, as text: the finding is in the program.
    const { key } = useWorkbench.getState().stages.program;
    const code = doc.fork ? text(doc.fork.text) : await compiledText(key).catch(() => null);
    const name = `${source.blob.name.replace(/\.o$/, '')}.s`;
    if (code === null || code.length > LINK_SIZES.most * 8) return { obstacle: texts.ownSource(source.blob.name) };
    return { doc: { ...EMPTY_PROJECT, name: doc.name }, base: { kind: 'text', text: { kind: 'assembly', name, text: code } }, name };
  }
  if (source?.kind !== 'assembly' && source?.kind !== 'log' && source?.kind !== 'c') return { obstacle: texts.ownSource('') };
  if (source.kind === 'c' && source.links?.[0]) return { obstacle: texts.ownSource(source.links[0].blob.name) };
  const { blob, ...rest } = source;
  const base: LinkPayload['base'] = { kind: 'text', text: { ...rest, name: blob.name, text: text(blob) } };
  if (blob.size > LINK_SIZES.most * 8) return { obstacle: texts.ownSource(blob.name) };
  return { doc: { ...EMPTY_PROJECT, name: blob.name, source }, base, name: blob.name };
}

/** An edited program as lines exchanged in the compiled one, or whole where that is shorter. */
async function forkOf(ref: BlobRef): Promise<LinkFork> {
  const after = text(ref);
  const { key } = useWorkbench.getState().stages.program;
  const before = await compiledText(key).catch(() => null);
  if (before === null) return { kind: 'text', text: after };
  const hunks = linePatch(before, after);
  const size = hunks.reduce((sum, hunk) => sum + JSON.stringify(hunk).length, 0);
  const whole = after.length < 400 || hunks.length > 5000 || size > after.length;
  if (whole) return { kind: 'text', text: after };
  return { kind: 'lines', from: await hashOf(before), to: ref.hash, hunks };
}

const hashOf = (value: string): Promise<string> => sha256(new TextEncoder().encode(value));

function carried({ set, fork, select: selected, desk: onDesk, base, against, touch }: LinkPayload, name: string): string[] {
  const { carries } = texts;
  return [
    base.kind === 'sample' ? carries.sample(name) : base.kind === 'files' ? carries.files(name) : carries.text(name),
    ...(set.name ? [carries.name(set.name)] : []),
    ...(set.kernel ? [carries.kernel(set.kernel)] : []),
    ...(set.strategy || set.quant || set.method ? [carries.options] : []),
    ...(set.dims ? [carries.dims] : []),
    ...(set.binding !== undefined ? [carries.binding] : []),
    ...(set.calibration ? [carries.calibration] : []),
    ...(set.edits ? [carries.edits(set.edits.length)] : []),
    ...(set.weights ? [carries.weights(set.weights.length)] : []),
    ...(fork ? [fork.kind === 'lines' ? carries.lines(fork.hunks.length) : carries.program] : []),
    ...(selected ? [carries.selection] : []),
    ...(onDesk ? [carries.desk] : []),
    ...(touch?.step === undefined ? [] : [carries.step(touch.step)]),
    ...(touch?.quant === undefined ? [] : [carries.quant(touch.quant)]),
    ...(against ? [carries.against(against.name)] : []),
  ];
}

/** Opens what a link says as a project of its own; throws what is wrong with it and leaves everything as it is. Asks for files that are not here. */
export async function openLink(fragment: string): Promise<void> {
  const payload = decodeLink(fragment);
  const based = await openBase(payload.base);
  const plain = applyChanges(based.doc, payload.set);
  const other = payload.against && (await openAgainst(payload.against, based.doc));
  const missing = await findBlobs(plain, ...(other ? [other] : []));
  if (missing.length > 0) await askForFiles(missing);
  const doc = payload.set.weights ? await withWeights(plain, payload.set.weights) : plain;
  // Before it opens: the panel of the text looks where it shall stand.
  if (payload.line !== undefined && doc.source) noteLine(doc.source.blob.hash, payload.line);
  openDoc(doc, { how: 'link', sample: based.sample });
  announce(texts.linkOpened(doc.name));
  wantTouched(payload.touch ?? {});
  if (payload.desk) deskHook()?.set(payload.desk);
  const { id } = useProject.getState();
  const forked = payload.fork ? applyFork(payload.fork, id) : Promise.resolve();
  // The comparison is with the program as the link has it.
  if (payload.against && other) {
    const asked = { name: payload.against.name, doc: other };
    void forked.then(() => useProject.getState().id === id && useAsked.setState({ asked }));
  }
  if (payload.select) selectLater(payload.select, useProject.getState().id);
}

async function openAgainst({ set, doc, fork }: LinkAgainst, base: ProjectDoc): Promise<ProjectDoc> {
  const other = doc ?? applyChanges(base, set ?? {});
  return fork === undefined ? other : { ...other, fork: { text: await putBlob('program.s', new TextEncoder().encode(fork)) } };
}

async function openBase(base: LinkPayload['base']): Promise<{ doc: ProjectDoc; sample: SampleRef | null }> {
  if (base.kind === 'text') {
    const { name, text: source, ...rest } = base.text;
    isText(200, 1)(name, '/base/text/name');
    const blob = await putBlob(name, new TextEncoder().encode(source));
    return { doc: { ...EMPTY_PROJECT, name, source: { ...rest, blob } }, sample: null };
  }
  if (base.kind === 'files') return { doc: base.doc, sample: null };
  const { sample } = base;
  // The name may have changed since; the hash says which sample is meant.
  const ordered = [...SAMPLES].sort((a, b) => Number(b.id === sample.id) - Number(a.id === sample.id));
  for (const each of ordered) {
    const doc = await loadSample(each);
    if ((await docHash(doc)) === sample.hash) return { doc, sample: { id: each.id, hash: sample.hash } };
  }
  const known = SAMPLES.some(({ id }) => id === sample.id);
  throw new InputError(known ? texts.otherBuild(sample.id) : texts.unknownSample(sample.id), 'the link', texts.askFile);
}

/** A stage of the project `id` once it stands; null when another project is open by then. */
function whenDone(name: 'program' | 'model' | 'trace', id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      if (useProject.getState().id !== id) return settle(false);
      const { status, stale } = useWorkbench.getState().stages[name];
      if (status === 'done' && !stale) return settle(true);
      return status === 'error' ? settle(false) : false;
    };
    const settle = (value: boolean): boolean => {
      stop();
      resolve(value);
      return true;
    };
    let stop = () => {};
    if (look()) return;
    stop = useWorkbench.subscribe(look);
  });
}

/** Puts a link's program in the place of the compiled one, as a step that undo takes back. */
async function applyFork(fork: LinkFork, id: string): Promise<void> {
  try {
    let after: string;
    if (fork.kind === 'text') after = fork.text;
    else {
      if (!(await whenDone('program', id))) return;
      const before = await compiledText(useWorkbench.getState().stages.program.key);
      const made = (await hashOf(before)) === fork.from ? patched(before, fork.hunks) : null;
      if (made === null || (await hashOf(made)) !== fork.to) throw new InputError(texts.otherCompiler, 'the link', texts.askFile);
      after = made;
    }
    const ref = await putBlob('program.s', new TextEncoder().encode(after));
    if (useProject.getState().id === id) editDoc(texts.linkStep, (doc) => ({ ...doc, fork: { text: ref } }));
  } catch (error) {
    warn(texts.openingLink, error instanceof RemoteError ? error.error : toUserError(error, texts.openingLink));
  }
}

/** Selects what the link names once the thing that it counts in is there. */
function selectLater({ kind, id: selected }: NonNullable<LinkPayload['select']>, id: string): void {
  void whenDone(ARTIFACT_OF[kind], id).then((done) => {
    if (done && !useWorkbench.getState().selection && exists(kind, selected)) select(kind, selected);
  });
}

/** Whether an id that came from outside names something in what is open. */
function exists(kind: SelectionKind, id: string | number): boolean {
  const { model, program, trace } = useWorkbench.getState().stages;
  const insns = (program.value?.code.length ?? 0) / 8;
  const packets = trace.value?.count ?? 0;
  const within = (value: string | number, count: number) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;
  if (kind === 'node') return model.value?.nodes.some(({ index }) => index === id) ?? false;
  if (kind === 'insn') return within(id, insns);
  if (kind === 'packet') return within(id, packets);
  if (typeof id !== 'string') return false;
  const { whole, part } = splitPart(id);
  if (kind === 'byte') return /^\d+$/.test(whole) && within(Number(whole), packets) && within(part, 2 ** 24);
  if (kind === 'weight')
    return model.value?.nodes.some(({ weights }) => weights.some((one) => one.name === whole && part < (one.dims[0] ?? 0))) ?? false;
  if (kind === 'state') return /^\d+$/.test(whole) && within(Number(whole), insns) && within(part, 2 ** 31);
  return false;
}
