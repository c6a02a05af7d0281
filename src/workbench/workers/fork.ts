import { InputError } from '../../base/errors.ts';
import { assemble } from '../../bpf/asm.ts';
import { withoutContents } from '../../bpf/edit-function.ts';
import { listing } from '../../bpf/listing.ts';
import type { OriginIdx, Program } from '../../bpf/program.ts';
import { diffLines, type Hunk } from '../diff.ts';
import { insnTarget } from '../revert.ts';
import type { HunkView } from '../views.ts';

/** Assembles a text or says where its first mistake is. */
export function assembled(text: string, file: string): Program {
  const { program, diagnostics } = assemble(text);
  if (program) return program;
  const [first] = diagnostics;
  const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more mistakes)` : '';
  throw new InputError(`${first?.message ?? 'no program'}${more}`, `${file}:${first?.line ?? 1}:${first?.column ?? 1}`);
}

/** An edited program and where it differs from the compiled one: in lines of {@link lines} and in instructions. */
export interface Forked {
  readonly program: Program;
  readonly hunks: readonly Hunk[];
  readonly insnHunks: readonly HunkView[];
}

/** Instructions as lines: as shown, and without distances, by which edited and original programs are aligned. */
export function lines(program: Program): { texts: string[]; shown: string[]; insns: number[] } {
  const texts: string[] = [];
  const shown: string[] = [];
  const insns: number[] = [];
  for (const line of listing(withoutContents(program), { source: false })) {
    if (line.insnIdx < 0) continue;
    shown.push(line.text);
    texts.push(line.text.replace(/\b(goto|gotol|may_goto|call) pc[+-]\d+/, '$1'));
    insns.push(line.insnIdx);
  }
  return { texts, shown, insns };
}

/** The lines that two texts share, as runs: `a` lines from `a` on and `b` lines from `b` on, `count` of them. */
function* shared(hunks: readonly Hunk[], length: number): Generator<{ a: number; b: number; count: number }> {
  let [a, b] = [0, 0];
  for (const hunk of hunks) {
    yield { a, b, count: hunk.aFrom - a };
    [a, b] = [hunk.aTo, hunk.bTo];
  }
  yield { a, b, count: length - a };
}

/** Alignment passes over distances; a jump or call that leads elsewhere than before is a change all the same. */
function withRetargeted(
  base: Program,
  edited: Program,
  before: readonly number[],
  after: readonly number[],
  hunks: readonly Hunk[],
): readonly Hunk[] {
  const now = new Map<number, number>();
  for (const { a, b, count } of shared(hunks, before.length)) {
    for (let at = 0; at < count; at++) now.set(before[a + at]!, after[b + at]!);
  }
  const edge = (insns: readonly number[], line: number) => insns[line] ?? Number.POSITIVE_INFINITY;
  /** A label in front of a change may have taken the change along. */
  const beside = (old: number, target: number) =>
    hunks.some(
      ({ aFrom, aTo, bFrom, bTo }) =>
        old >= edge(before, aFrom) && old <= edge(before, aTo) && target >= edge(after, bFrom) && target <= edge(after, bTo),
    );
  const extra: Hunk[] = [];
  for (const { a, b, count } of shared(hunks, before.length)) {
    for (let at = 0; at < count; at++) {
      const [old, own] = [before[a + at]!, after[b + at]!];
      const from = insnTarget(base.insns[old]!, old);
      const to = insnTarget(edited.insns[own]!, own);
      if (from === null || to === null || now.get(from) === to || !now.has(from) || beside(from, to)) continue;
      extra.push({ aFrom: a + at, aTo: a + at + 1, bFrom: b + at, bTo: b + at + 1 });
    }
  }
  if (extra.length === 0) return hunks;
  const joined: { aFrom: number; aTo: number; bFrom: number; bTo: number }[] = [];
  for (const hunk of [...hunks, ...extra].sort((x, y) => x.aFrom - y.aFrom || x.bFrom - y.bFrom)) {
    const last = joined.at(-1);
    if (last && last.aTo === hunk.aFrom && last.bTo === hunk.bFrom) [last.aTo, last.bTo] = [hunk.aTo, hunk.bTo];
    else joined.push({ ...hunk });
  }
  return joined;
}

/** The edited text as a program: unchanged lines keep their origins, maps keep their contents. */
export function forked(base: Program, text: string, file: string): Forked {
  const edited = assembled(text, file);
  const before = lines(base);
  const after = lines(edited);
  const hunks = withRetargeted(base, edited, before.insns, after.insns, diffLines(before.texts, after.texts));
  const insnOrigins: (readonly OriginIdx[])[] = edited.insns.map(() => []);
  const newIdx = new Map<number, number>();
  let [a, b] = [0, 0];
  const keep = (count: number) => {
    for (let at = 0; at < count; at++) {
      const old = before.insns[a + at]!;
      const now = after.insns[b + at]!;
      newIdx.set(old, now);
      insnOrigins[now] = base.insnOrigins[old] ?? [];
      if (base.insns[old]?.opcode === 0x18 && now + 1 < insnOrigins.length) insnOrigins[now + 1] = base.insnOrigins[old + 1] ?? [];
    }
  };
  for (const hunk of [
    ...hunks,
    { aFrom: before.texts.length, aTo: before.texts.length, bFrom: after.texts.length, bTo: after.texts.length },
  ]) {
    keep(hunk.aFrom - a);
    a = hunk.aTo;
    b = hunk.bTo;
  }
  const maps = edited.maps.map(
    (map) => base.maps.find((old) => old.name === map.name && old.valueSize === map.valueSize && old.type === map.type) ?? map,
  );
  const lineInfo = base.lineInfo.flatMap((line) => {
    const now = newIdx.get(line.insnIdx);
    return now === undefined ? [] : [{ ...line, insnIdx: now }];
  });
  return {
    program: {
      ...edited,
      name: base.name,
      section: base.section,
      progType: base.progType,
      maps,
      lineInfo,
      origins: base.origins,
      insnOrigins,
    },
    hunks,
    insnHunks: hunks.map(({ aFrom, aTo, bFrom, bTo }) => ({
      from: after.insns[bFrom] ?? edited.insns.length,
      to: after.insns[bTo] ?? edited.insns.length,
      baseFrom: before.insns[aFrom] ?? base.insns.length,
      baseTo: before.insns[aTo] ?? base.insns.length,
    })),
  };
}
