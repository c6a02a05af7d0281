import { Cancelled } from '../../base/progress.ts';
import { alignPrograms, OTHER_REGISTERS, SAME } from '../../bpf/align.ts';
import { listing } from '../../bpf/listing.ts';
import type { LineInfo, Program } from '../../bpf/program.ts';
import { readObject } from '../../object/reader.ts';
import { verify } from '../../verifier/verify.ts';
import {
  type CodeFile,
  type CodeFunction,
  type CodesView,
  type CodeText,
  type ComparedCodes,
  ROW_FUNCTION,
  ROW_SOURCE,
  type SideFigures,
} from '../codes-views.ts';
import type { BlobRef } from '../document.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { bytesOf, Recent } from './blobs.ts';
import { readProgram } from './read-program.ts';

/** The programs of a file. */
export function codeFile({ kind, blob }: { kind: CodeFile['kind']; blob: BlobRef }): CodeFile {
  if (kind === 'assembly') {
    const { name, section } = readProgram(kind, blob).program;
    return { kind, blob, programs: [{ name, section }] };
  }
  const { programs } = readObject(bytesOf(blob), blob.name);
  return { kind, blob, programs: programs.map(({ name, section }) => ({ name, section })) };
}

interface Compared {
  readonly view: CodesView;
  readonly texts: readonly [string[], string[]];
  readonly sources: readonly LineInfo[];
}

const compared = new Recent<Compared>(2);
const PROCESSED_LIMIT = 1_000_000;

/** Two programs beside each other, both verified; `key` is a {@link ComparedCodes}. */
export function compareCodes({ key }: { key: string }, context: CallContext): Transferred<CodesView> {
  const { view } = comparison(key, context);
  const columns = { kind: view.kind.slice(), a: view.a.slice(), b: view.b.slice() };
  return new Transferred({ ...view, ...columns }, [columns.kind.buffer, columns.a.buffer, columns.b.buffer]);
}

/** What was compared lately, or is compared again. */
const comparison = (key: string, context: CallContext): Compared => compared.get(key) ?? compared.set(key, compare(key, context));

function compare(key: string, context: CallContext): Compared {
  const [sides, kernel] = JSON.parse(key) as ComparedCodes;
  const [a, b] = sides.map(({ kind, blob, program }) => readProgram(kind, blob, program ?? undefined).program) as [Program, Program];
  const figures = [a, b].map((program, at): SideFigures => {
    const result = verify(program, {
      kernel,
      privilege: 'root',
      logLevel: 0,
      onProgress: (processed) => {
        context.progress(`verifying ${program.name}`, at * PROCESSED_LIMIT + processed, 2 * PROCESSED_LIMIT);
        return context.cancelled;
      },
    });
    if (context.cancelled) throw new Cancelled();
    const { accepted, message, insnIdx, processed, stackDepth } = result;
    const { name, section, insns, subprogs } = program;
    const frame = Math.max(...stackDepth.split('+').map(Number));
    return { name, section, accepted, message, insn: insnIdx, insns: insns.length, functions: subprogs.length, processed, frame };
  });
  const [kind, as, bs]: [number[], number[], number[]] = [[], [], []];
  const functions: CodeFunction[] = [];
  const sources: LineInfo[] = [];
  const push = (what: number, x: number, y: number): void => {
    kind.push(what);
    as.push(x);
    bs.push(y);
  };
  const [lineA, lineB] = [linesAt(a), linesAt(b)];
  for (const { a: i, b: j, rows } of alignPrograms(a, b)) {
    const differing = rows.filter((row) => row.kind !== SAME && row.kind !== OTHER_REGISTERS).length;
    functions.push({
      names: [a.subprogs[i]?.name ?? null, b.subprogs[j]?.name ?? null],
      insns: [rows.filter((row) => row.a >= 0).length, rows.filter((row) => row.b >= 0).length],
      differing,
      registers: rows.filter((row) => row.kind === OTHER_REGISTERS).length,
      row: kind.length,
    });
    push(ROW_FUNCTION, functions.length - 1, -1);
    let last = '';
    for (const row of rows) {
      const line = (row.a >= 0 ? lineA[row.a] : undefined) ?? (row.b >= 0 ? lineB[row.b] : undefined);
      const place = line ? placeOf(line) : '';
      if (line && place !== last) {
        push(ROW_SOURCE, sources.length, -1);
        sources.push(line);
        last = place;
      }
      push(row.kind, row.a, row.b);
    }
  }
  const view: CodesView = {
    key,
    sides: figures as [SideFigures, SideFigures],
    functions,
    kind: Uint8Array.from(kind),
    a: Int32Array.from(as),
    b: Int32Array.from(bs),
  };
  return { view, texts: [textsOf(a), textsOf(b)], sources };
}

const placeOf = ({ file, line }: LineInfo): string => `${file.split('/').at(-1)}:${line}`;

/** The source line of each instruction. */
function linesAt({ insns, lineInfo, subprogs }: Program): (LineInfo | undefined)[] {
  const starts = new Set(subprogs.map(({ start }) => start));
  const at = new Map(lineInfo.map((info) => [info.insnIdx, info]));
  let current: LineInfo | undefined;
  return insns.map((_, idx) => {
    current = at.get(idx) ?? (starts.has(idx) ? undefined : current);
    return current;
  });
}

function textsOf(program: Program): string[] {
  const texts: string[] = [];
  for (const { text, insnIdx } of listing(program, { labels: false, source: false })) if (insnIdx >= 0) texts[insnIdx] = text.trim();
  return texts;
}

/** Texts of rows [from, to) of a comparison. */
export function codeTexts({ key, from, to }: { key: string; from: number; to: number }, context: CallContext): readonly CodeText[] {
  const { view, texts, sources } = comparison(key, context);
  const found: CodeText[] = [];
  for (let row = from; row < Math.min(to, view.kind.length); row++) {
    const [x, y] = [view.a[row]!, view.b[row]!];
    if (view.kind[row] === ROW_FUNCTION) found.push(['', '']);
    else if (view.kind[row] === ROW_SOURCE) found.push([sources[x]!.text.trim(), placeOf(sources[x]!)]);
    else found.push([texts[0][x] ?? '', texts[1][y] ?? '']);
  }
  return found;
}
