import type { Lexer } from './lexer.ts';

/** Name of a metadata node: its number, or a word for named lists. */
export type MetaId = string;

/** A field of a node: a reference, text, a number, words joined by `|`, or a node written in place. */
export type MetaField =
  | { readonly kind: 'ref'; readonly id: MetaId }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'node'; readonly node: MetaNode }
  | { readonly kind: 'null' };

/** `!DIBasicType(name: "int", …)`, or a list `!{…}` whose tag is empty. */
export interface MetaNode {
  readonly tag: string;
  readonly fields: ReadonlyMap<string, MetaField>;
  readonly items: readonly MetaField[];
}

/** What follows `!N = ` at the top level, `distinct` taken. */
export function parseMetaNode(lexer: Lexer): MetaNode {
  lexer.accept('distinct');
  if (lexer.accept('!')) {
    lexer.expect('{');
    return { tag: '', fields: new Map(), items: parseItems(lexer, '}') };
  }
  if (lexer.peek().kind !== 'meta') lexer.fail('metadata expected');
  return parseTagged(lexer, lexer.take().text);
}

function parseItems(lexer: Lexer, end: string): MetaField[] {
  const items: MetaField[] = [];
  while (!lexer.accept(end)) {
    items.push(parseField(lexer));
    lexer.accept(',');
  }
  return items;
}

function parseTagged(lexer: Lexer, tag: string): MetaNode {
  const fields = new Map<string, MetaField>();
  const items: MetaField[] = [];
  lexer.expect('(');
  while (!lexer.accept(')')) {
    const token = lexer.peek();
    if (token.kind === 'word') {
      const name = lexer.take().text;
      if (lexer.accept(':')) fields.set(name, parseField(lexer));
      else items.push({ kind: 'words', words: [name] });
    } else items.push(parseField(lexer));
    lexer.accept(',');
  }
  return { tag, fields, items };
}

const parseField = (lexer: Lexer): MetaField => lexer.inside(() => anyField(lexer));

function anyField(lexer: Lexer): MetaField {
  const token = lexer.peek();
  if (token.kind === 'meta') {
    lexer.take();
    if (lexer.is('(')) return { kind: 'node', node: parseTagged(lexer, token.text) };
    return { kind: 'ref', id: token.text };
  }
  if (lexer.accept('!')) {
    const next = lexer.take();
    if (next.kind === 'string') return { kind: 'text', text: utf8(next.text) };
    if (next.text !== '{') lexer.fail('metadata expected');
    return { kind: 'node', node: { tag: '', fields: new Map(), items: parseItems(lexer, '}') } };
  }
  if (token.kind === 'string') return { kind: 'text', text: utf8(lexer.take().text) };
  if (token.kind === 'int') return { kind: 'number', value: BigInt(lexer.take().text) };
  if (token.kind === 'word' && /^i\d+$/.test(token.text)) {
    lexer.take();
    const value = lexer.take();
    if (value.text === 'true' || value.text === 'false') return { kind: 'number', value: value.text === 'true' ? 1n : 0n };
    return value.kind === 'int' ? { kind: 'number', value: BigInt(value.text) } : { kind: 'null' };
  }
  if (token.kind === 'word') {
    const words = [lexer.take().text];
    while (lexer.accept('|')) words.push(lexer.word());
    if (words[0] === 'null') return { kind: 'null' };
    // `ptr @name` and other typed values of metadata are of no use here.
    while (lexer.peek().kind === 'global' || lexer.peek().kind === 'local') lexer.take();
    return { kind: 'words', words };
  }
  lexer.take();
  return { kind: 'null' };
}

const utf8 = (bytes: string): string => new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));

/** Reads fields of the nodes of a module; of a node that is not there they are empty. */
export class Metadata {
  private readonly nodes: ReadonlyMap<string, MetaNode>;

  constructor(nodes: ReadonlyMap<string, MetaNode>) {
    this.nodes = nodes;
  }

  node(id: MetaId | null | undefined): MetaNode | null {
    return id === null || id === undefined ? null : (this.nodes.get(id) ?? null);
  }

  ref(node: MetaNode | null, field: string): MetaId | null {
    const value = node?.fields.get(field);
    return value?.kind === 'ref' ? value.id : null;
  }

  text(node: MetaNode | null, field: string): string {
    const value = node?.fields.get(field);
    return value?.kind === 'text' ? value.text : '';
  }

  number(node: MetaNode | null, field: string): number {
    const value = node?.fields.get(field);
    return value?.kind === 'number' ? Number(value.value) : 0;
  }

  big(node: MetaNode | null, field: string): bigint {
    const value = node?.fields.get(field);
    return value?.kind === 'number' ? value.value : 0n;
  }

  words(node: MetaNode | null, field: string): readonly string[] {
    const value = node?.fields.get(field);
    return value?.kind === 'words' ? value.words : [];
  }

  word(node: MetaNode | null, field: string): string {
    return this.words(node, field)[0] ?? '';
  }

  /** References of a list node (`elements`, `types`), null for `null`. */
  list(id: MetaId | null): readonly (MetaId | null)[] {
    return (this.node(id)?.items ?? []).map((item) => (item.kind === 'ref' ? item.id : null));
  }
}
