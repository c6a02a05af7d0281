/**
 * What can be selected. Ids count in an artifact (a model, a program or a trace), by number or by name:
 * `node` ONNX node index · `tensor` name · `element` tensor and flat index · `weight` initializer and row (first axis of the stored
 * tensor) · `ir` number of an IR operation · `insn` instruction index · `state` instruction and visit of the verifier · `packet` event
 * number, of tensors too · `byte` packet and byte offset.
 */
export type SelectionKind = 'node' | 'tensor' | 'element' | 'weight' | 'ir' | 'insn' | 'state' | 'packet' | 'byte';

/** What is selected; `artifact` is the key of the model, program or trace that the id counts in. */
export interface Selection {
  readonly kind: SelectionKind;
  readonly id: number | string;
  readonly artifact: string;
}

/** Which of the project's artifacts the ids of a kind count in. */
export const ARTIFACT_OF: { readonly [Kind in SelectionKind]: 'model' | 'program' | 'trace' } = {
  node: 'model',
  tensor: 'model',
  element: 'model',
  weight: 'model',
  ir: 'program',
  insn: 'program',
  state: 'program',
  packet: 'trace',
  byte: 'trace',
};

/** Id of a part of something: an element of a tensor, a byte of a packet. */
export function partId(whole: string | number, part: number): string {
  return `${whole}#${part}`;
}

/** The whole and the part of such an id; names may hold a `#` themselves. */
export function splitPart(id: string | number): { whole: string; part: number } {
  const text = String(id);
  const at = text.lastIndexOf('#');
  return { whole: text.slice(0, at), part: Number(text.slice(at + 1)) };
}

/** The cursors that a selection moves: a part takes its whole with it. */
export function cursorsOf(kind: SelectionKind, id: number | string): { readonly [Kind in SelectionKind]?: number | string } {
  const { whole } = splitPart(id);
  if (kind === 'byte') return { byte: id, packet: Number(whole) };
  if (kind === 'state') return { state: id, insn: Number(whole) };
  if (kind === 'element') return { element: id, tensor: whole };
  return { [kind]: id };
}
