import { InputError } from '../../base/errors.ts';
import {
  type Btf,
  type BtfId,
  type BtfType,
  KIND_ARRAY,
  KIND_DATASEC,
  KIND_DECL_TAG,
  KIND_ENUM,
  KIND_ENUM64,
  KIND_FUNC,
  KIND_FUNC_PROTO,
  KIND_STRUCT,
  KIND_UNION,
  kindWord,
  readBtf,
} from '../../object/btf.ts';
import { declaration, definition, enumerator } from '../../object/btf-c.ts';
import { readBtfExt } from '../../object/btf-ext.ts';
import { readBtfFile } from '../../object/btf-file.ts';
import { CoreError, CoreResolver } from '../../object/core.ts';
import { memberBits } from '../../object/core-spec.ts';
import { coreKindText, corePath } from '../../object/core-text.ts';
import { type ElfFile, EM_BPF, readElf, STT_FUNC } from '../../object/elf.ts';
import { mapTypes } from '../../object/map-types.ts';
import type { BtfFileView, BtfPart, BtfRow, BtfTypeView, MapTypesView, RelocationView } from '../btf-views.ts';
import type { BlobRef } from '../document.ts';
import { bytesOf, Recent } from './blobs.ts';

interface Held {
  readonly btf: Btf;
  /** Null for types of a kernel. */
  readonly elf: ElfFile | null;
  /** Types in the order of the list that was asked for last. */
  list: { readonly query: string; readonly kind: string; readonly ids: Int32Array } | null;
  /** Types that refer to each: starts and a list, made when first asked for. */
  users: { readonly start: Uint32Array; readonly of: Uint32Array } | null;
}

const open = new Recent<Held>(3);
const MOST_USERS = 200;

function held(blob: BlobRef): Held {
  const known = open.get(blob.hash);
  if (known) return known;
  const bytes = bytesOf(blob);
  const isBpf = bytes[0] === 0x7f && bytes[1] === 0x45 && bytes.length > 20 && (bytes[18]! | (bytes[19]! << 8)) === EM_BPF;
  if (!isBpf) return open.set(blob.hash, { btf: readBtfFile(bytes, blob.name), elf: null, list: null, users: null });
  const elf = readElf(bytes, blob.name);
  const section = elf.sections.find(({ name }) => name === '.BTF');
  if (!section) throw new InputError('the object has no types', blob.name, 'Compile it with -g');
  return open.set(blob.hash, { btf: readBtf(section.bytes, `${blob.name}, section .BTF`), elf, list: null, users: null });
}

function relocationsOf({ btf, elf }: Held, file: string) {
  const section = elf?.sections.find(({ name }) => name === '.BTF.ext');
  const core = section ? readBtfExt(section.bytes, (off) => btf.string(off), `${file}, section .BTF.ext`).core : new Map<string, never[]>();
  return [...core].flatMap(([name, records]) => records.map((record) => ({ section: name, record })));
}

export function openBtf({ blob }: { blob: BlobRef }): BtfFileView {
  const all = held(blob);
  const counts = new Map<string, number>();
  for (let id = 1; id < all.btf.types.length; id++) {
    const word = kindWord(all.btf.types[id]!.kind);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return {
    key: blob.hash,
    file: blob.name,
    count: all.btf.types.length - 1,
    kinds: [...counts].sort((a, b) => b[1] - a[1]),
    relocations: relocationsOf(all, blob.name).length,
    maps: all.elf ? mapTypes(all.btf).length : 0,
  };
}

/** Selects the types whose name holds a text and that are of a kind; how many there are. */
export function findTypes({ blob, query, kind }: { blob: BlobRef; query: string; kind: string }): number {
  return listOf(held(blob), query, kind).length;
}

function listOf(all: Held, query: string, kind: string): Int32Array {
  if (all.list?.query === query && all.list.kind === kind) return all.list.ids;
  const wanted = query.trim().toLowerCase();
  const found: number[] = [];
  const exact: number[] = [];
  all.btf.types.forEach((type, id) => {
    if (id === 0 || (kind !== '' && kindWord(type.kind) !== kind)) return;
    const name = type.name.toLowerCase();
    if (wanted !== '' && (name === wanted || `#${id}` === wanted)) exact.push(id);
    else if (wanted === '' || name.includes(wanted)) found.push(id);
  });
  const ids = Int32Array.from([...exact, ...found]);
  all.list = { query, kind, ids };
  return ids;
}

/** Rows [from, to) of the selected types. */
export function typeRows({
  blob,
  query,
  kind,
  from,
  to,
}: {
  blob: BlobRef;
  query: string;
  kind: string;
  from: number;
  to: number;
}): BtfRow[] {
  const all = held(blob);
  return [...listOf(all, query, kind).subarray(from, to)].map((id) => rowOf(all.btf, id));
}

function rowOf(btf: Btf, id: BtfId): BtfRow {
  const type = btf.at(id);
  // What has no name of its own is told by what it is.
  return { id, kind: kindWord(type.kind), name: type.name || declaration(btf, id), size: btf.sizeOf(id) };
}

export function typeDetail({ blob, id }: { blob: BlobRef; id: number }): BtfTypeView {
  const all = held(blob);
  const { btf } = all;
  const type = btf.at(id);
  const tags = btf.types.flatMap((each) => (each.kind === KIND_DECL_TAG && each.type === id && each.extra < 0 ? [each.name] : []));
  const users = usersOf(all, id);
  const maps = all.elf
    ? mapTypes(btf).flatMap(({ name, key, value }) => (key === id ? [`key of ${name}`] : value === id ? [`value of ${name}`] : []))
    : [];
  return {
    ...rowOf(btf, id),
    c: definition(btf, id, tags),
    parts: partsOf(btf, type),
    target: type.type > 0 ? rowOf(btf, type.type) : null,
    tags,
    users: [...users.subarray(0, MOST_USERS)].map((user) => rowOf(btf, user)),
    usersInAll: users.length,
    maps,
  };
}

/** The parts of a type that another one is made of. */
export const typeParts = ({ blob, id }: { blob: BlobRef; id: number }): readonly BtfPart[] => {
  const { btf } = held(blob);
  return partsOf(btf, btf.at(partedId(btf, id)));
};

/** The structure or the like behind names, qualifiers and arrays. */
function partedId(btf: Btf, id: BtfId): BtfId {
  let at = btf.skip(id);
  for (let depth = 0; depth < 32 && btf.at(at).kind === KIND_ARRAY; depth++) at = btf.skip(btf.at(at).type);
  return at;
}

const hasParts = (type: BtfType): boolean =>
  type.kind === KIND_STRUCT || type.kind === KIND_UNION || type.kind === KIND_ENUM || type.kind === KIND_ENUM64;

function partsOf(btf: Btf, type: BtfType): BtfPart[] {
  const part = (name: string, id: BtfId, place: string, size: string): BtfPart => ({
    name,
    text: declaration(btf, id),
    type: id,
    place,
    size,
    opens: hasParts(btf.at(partedId(btf, id))),
  });
  if (type.kind === KIND_FUNC) return partsOf(btf, btf.at(type.type));
  if (type.kind === KIND_FUNC_PROTO)
    return [
      ...type.members.map((param, at) => part(param.name || `argument ${at + 1}`, param.type, '', `${btf.sizeOf(param.type)}`)),
      part('returns', type.type, '', `${btf.sizeOf(type.type)}`),
    ];
  if (type.kind === KIND_DATASEC)
    return type.vars.map((entry) => part(btf.at(entry.type).name, entry.type, `${entry.offset}`, `${entry.size}`));
  if (type.kind === KIND_ENUM || type.kind === KIND_ENUM64)
    return type.members.map(({ name }, at) => ({ name, text: '', type: 0, place: enumerator(type, at), size: '', opens: false }));
  if (type.kind !== KIND_STRUCT && type.kind !== KIND_UNION) return [];
  return type.members.map(({ name, type: id }, at) => {
    const { offset, width } = memberBits(type, at);
    const bits = offset % 8 > 0 || width > 0 ? `:${offset % 8}` : '';
    return part(
      name || '(no name)',
      id,
      `${Math.floor(offset / 8)}${bits}`,
      width > 0 ? `${width} ${width === 1 ? 'bit' : 'bits'}` : `${btf.sizeOf(id)}`,
    );
  });
}

function usersOf(all: Held, id: BtfId): Uint32Array {
  const { btf } = all;
  if (!all.users) {
    const start = new Uint32Array(btf.types.length + 1);
    const each = (visit: (target: BtfId, user: BtfId) => void): void => {
      btf.types.forEach((type, user) => {
        const to = new Set([
          type.type,
          type.indexType,
          ...(type.kind === KIND_ENUM64 ? [] : type.members.map((member) => member.type)),
          ...type.vars.map((entry) => entry.type),
        ]);
        for (const target of to) if (target > 0 && target < btf.types.length) visit(target, user);
      });
    };
    each((target) => start[target + 1]!++);
    for (let at = 1; at < start.length; at++) start[at]! += start[at - 1]!;
    const next = start.slice();
    const of = new Uint32Array(start.at(-1)!);
    each((target, user) => {
      of[next[target]!++] = user;
    });
    all.users = { start, of };
  }
  const { start, of } = all.users;
  return of.subarray(start[id] ?? 0, start[id + 1] ?? 0);
}

/** The CO-RE relocations of an object, resolved where types of a kernel are given. */
export function coreRelocations({ blob, target }: { blob: BlobRef; target: BlobRef | null }): RelocationView[] {
  const all = held(blob);
  const resolver = target ? new CoreResolver(all.btf, held(target).btf) : null;
  const own = new CoreResolver(all.btf, all.btf);
  const funcs = all.elf!.symbols.filter(({ type }) => type === STT_FUNC);
  return relocationsOf(all, blob.name).map(({ section, record }): RelocationView => {
    const index = all.elf!.sections.find(({ name }) => name === section)?.index;
    const func = funcs.find(
      ({ sectionIdx, value, size }) => sectionIdx === index && value <= record.byteOff && record.byteOff < value + size,
    );
    const value = (of: CoreResolver, which: 'local' | 'target'): { value: string | null; problem: string | null } => {
      try {
        const found = of.values(record)[which];
        return { value: found === null ? null : String(found), problem: null };
      } catch (error) {
        if (error instanceof CoreError) return { value: null, problem: error.message };
        throw error;
      }
    };
    return {
      section,
      insn: record.byteOff / 8,
      func: func?.name ?? '',
      kind: coreKindText(record.kind),
      type: record.typeId,
      path: corePath(all.btf, record),
      // The compiler's value comes from its own types alone.
      local: value(own, 'local').value ?? '',
      target: resolver && value(resolver, 'target'),
    };
  });
}

export function mapTypeRows({ blob }: { blob: BlobRef }): MapTypesView[] {
  const { btf } = held(blob);
  const side = (type: BtfId) => ({ type, text: type > 0 ? declaration(btf, type) : '' });
  return mapTypes(btf).map(({ name, key, value }) => ({ name, key: side(key), value: side(value) }));
}
