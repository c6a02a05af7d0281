import type { Stage } from './scene.ts';

/** Tools that a lesson may put into its text (`::live`), and what each may be told. */
export const WIDGET_KEYS = {
  weight: ['tensor', 'row', 'column'],
  byte: ['token'],
  bits: [],
  token: ['prompt'],
  run: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const PANEL_NAMES =
  'accel-device accel-hooks accel-measures accel-timeline btf c capture codes compare effects features interval kernel learn log loops machine messages ' +
  'model numbers paths pipeline profile program start tensor-files tensors text trace verifier';

/** Names that lessons may use, for readers that have no page beside them; `src/lessons/names.test.ts` holds them to the page. */
export const PAGE_NAMES: Stage = {
  samples: new Set(['payload-ids', 'motion', 'flows', 'syscalls', 'unchecked', 'classifier-c', 'model-c', 'count-flows']),
  desks: new Set(['explore', 'debug', 'replay', 'learn', 'accelerator']),
  panels: new Set(PANEL_NAMES.split(' ')),
  widgets: new Map<string, readonly string[]>(Object.entries(WIDGET_KEYS)),
};
