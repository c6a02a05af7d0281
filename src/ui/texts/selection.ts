import type { SelectionKind } from '../../workbench/selection.ts';

const NAMES: { readonly [Kind in SelectionKind]: string } = {
  node: 'operator',
  tensor: 'tensor',
  element: 'element',
  weight: 'row of weights',
  ir: 'IR operation',
  insn: 'instruction',
  state: 'state',
  packet: 'event',
  byte: 'byte',
};

/** Texts about the selection as such. */
export const selection = {
  dropped: (kind: SelectionKind) => `▲ the selected ${NAMES[kind]} is gone`,
  droppedAbout: (id: string) => `${id}: what is open now has nothing like it. [ goes back to what was selected before.`,
};
