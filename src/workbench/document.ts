import type { CalibrationMethod, Quant, Strategy } from '../compiler/api.ts';
import type { Cpu } from '../compiler/backend/legalize.ts';
import type { Binding } from '../hooks/binding.ts';
import type { WeightEdit } from '../onnx/patch-weights.ts';
import type { KernelVersion } from '../verifier/api.ts';

/** Bytes held in the blob store under their SHA-256. */
export interface BlobRef {
  readonly hash: string;
  readonly name: string;
  readonly size: number;
  /**
   * Of a file that is too large to be held: when it was changed last, in ms since 1970. Its hash is then that of its size, this time and
   * samples of its bytes.
   */
  readonly modified?: number;
}

/** Where the ranges of the model's values come from. */
export type CalibrationSource =
  | { readonly kind: 'precomputed'; readonly blob: BlobRef }
  | { readonly kind: 'trace'; readonly blob: BlobRef }
  | { readonly kind: 'generated' };

export interface ProjectOptions {
  readonly kernel: KernelVersion;
  readonly strategy: Strategy;
  readonly quant: Quant;
  /** Absent: minmax. */
  readonly method?: CalibrationMethod;
  /** Weights of small and sparse matrices stand in the code. */
  readonly specialise?: true;
  readonly dims: Readonly<Record<string, number>>;
}

/** Options in place of those of a project; `specialise` can be taken back. */
export type OptionChange = Partial<Omit<ProjectOptions, 'specialise'>> & { readonly specialise?: boolean };

/** A program edited by hand: the text of the whole program, and the compiled program that it left. */
export interface Fork {
  readonly text: BlobRef;
}

/** One byte of one packet, changed by the user. */
export interface PacketEdit {
  readonly packet: number;
  readonly byteOff: number;
  readonly value: number;
}

/** The file of a model before its weights were changed, and the changes. */
export interface EditedWeights {
  readonly from: BlobRef;
  readonly weights: readonly WeightEdit[];
}

/** What C is linked with: an object as it is, or a model that is compiled to be called. */
export type CLink =
  | { readonly kind: 'object'; readonly blob: BlobRef }
  | { readonly kind: 'model'; readonly blob: BlobRef; readonly calibration: CalibrationSource; readonly options: ProjectOptions };

/** The whole project: small, immutable, names bytes by hash. Undo keeps documents, never bytes. */
export interface ProjectDoc {
  readonly name: string;
  /**
   * An ONNX model or C to compile, a program that came as an object or as assembly, or a verifier's log. `program`: which of an object's, the first
   * without one; `cpu`: v3 without one; `edited`: entries of the weights that were changed, of which file; `blob` holds the outcome.
   */
  readonly source:
    | { readonly kind: 'model'; readonly blob: BlobRef; readonly edited?: EditedWeights }
    | { readonly kind: 'object'; readonly blob: BlobRef; readonly program?: string }
    | { readonly kind: 'c'; readonly blob: BlobRef; readonly cpu?: Cpu; readonly program?: string; readonly links?: readonly CLink[] }
    | { readonly kind: 'assembly'; readonly blob: BlobRef }
    | { readonly kind: 'log'; readonly blob: BlobRef }
    | null;
  readonly binding: Binding | null;
  readonly calibration: CalibrationSource;
  readonly trace: BlobRef | null;
  readonly labels: BlobRef | null;
  readonly edits: readonly PacketEdit[];
  readonly options: ProjectOptions;
  readonly fork: Fork | null;
}

export const EMPTY_PROJECT: ProjectDoc = {
  name: 'untitled',
  source: null,
  binding: null,
  calibration: { kind: 'generated' },
  trace: null,
  labels: null,
  edits: [],
  options: { kernel: '6.18', strategy: 'auto', quant: 'w8a16', dims: {} },
  fork: null,
};

export const KERNELS: readonly KernelVersion[] = ['6.18', '6.12', '6.6', '6.1', '5.15'];

/** A document and the road to it. */
export interface DocHistory {
  readonly past: readonly { readonly doc: ProjectDoc; readonly label: string }[];
  readonly doc: ProjectDoc;
  readonly future: readonly { readonly doc: ProjectDoc; readonly label: string }[];
}

/** How many steps undo keeps. */
export const DOC_DEPTH = 200;
/** Bytes that the steps of undo may keep beside those of the document itself. */
const STEP_BYTES = 512 * 2 ** 20;

export function edited(history: DocHistory, doc: ProjectDoc, label: string): DocHistory {
  return { past: withinReach([...history.past.slice(-DOC_DEPTH + 1), { doc: history.doc, label }], doc), doc, future: [] };
}

/** The latest steps whose bytes there is room for; the first step back always has it. */
function withinReach(past: DocHistory['past'], doc: ProjectDoc): DocHistory['past'] {
  const counted = new Set(blobsOf(doc).map(({ hash }) => hash));
  let bytes = 0;
  for (let at = past.length - 1; at >= 0; at--) {
    for (const { hash, size } of blobsOf(past[at]!.doc)) {
      if (counted.has(hash)) continue;
      counted.add(hash);
      bytes += size;
    }
    if (bytes > STEP_BYTES && at < past.length - 1) return past.slice(at + 1);
  }
  return past;
}

/** Every blob that a document names. */
export function blobsOf({ source, calibration, trace, labels, fork }: ProjectDoc): BlobRef[] {
  const links = source?.kind === 'c' ? (source.links ?? []) : [];
  const measured = (from: CalibrationSource): BlobRef | null => (from.kind === 'generated' ? null : from.blob);
  const linked = links.flatMap((link) => [link.blob, link.kind === 'model' ? measured(link.calibration) : null]);
  const before = source?.kind === 'model' ? source.edited?.from : null;
  return [source?.blob, before, ...linked, measured(calibration), trace, labels, fork?.text].filter(
    (ref): ref is BlobRef => ref !== null && ref !== undefined,
  );
}

export function undone(history: DocHistory): DocHistory {
  const last = history.past.at(-1);
  if (!last) return history;
  return { past: history.past.slice(0, -1), doc: last.doc, future: [{ doc: history.doc, label: last.label }, ...history.future] };
}

export function redone(history: DocHistory): DocHistory {
  const next = history.future[0];
  if (!next) return history;
  return { past: [...history.past, { doc: history.doc, label: next.label }], doc: next.doc, future: history.future.slice(1) };
}
