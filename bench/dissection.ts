/**
 * `npm run long dissection [COLLECTION…] [held:COLLECTION…]`: every field of 50,000 generated packets, and of the captures in COLLECTIONs, beside
 * `tshark -T fields`, with its default settings: streams are put together on both sides; of those that are held out only counts are told. Then the packets that filters let pass, those of `filters.ts` and some made of the grammar
 * (`filter-maker.ts`), all in one run of tshark.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { InputError } from '../src/base/errors.ts';
import { openFile } from '../src/cli/file-source.ts';
import { Analysis } from '../src/traces/analysis.ts';
import { type Capture, openCapture } from '../src/traces/capture/capture.ts';
import { isDissected } from '../src/traces/capture/link-types.ts';
import type { ByteSource } from '../src/traces/capture/source.ts';
import { Dissection } from '../src/traces/dissect/dissection.ts';
import { EVERYTHING } from '../src/traces/dissect/walk.ts';
import { compileFilter } from '../src/traces/filter/compile.ts';
import { pcapFile } from '../src/traces/testing/capture-files.ts';
import { compareCollections } from './collections.ts';
import { NAMES, rowOf, TSHARK_FIELDS } from './field-rows.ts';
import { beyond, type Judged, judge } from './filter-judge.ts';
import { FilterMaker } from './filter-maker.ts';
import { FILTERS } from './filters.ts';
import { PacketMaker } from './packets.ts';
import { eachOf, tshark } from './tshark.ts';

const GENERATED = 50_000;
/** Packets that filters run over. */
const FILTERED = 5000;
const HELD = 'held:';
/** Filters made of the grammar. */
const MADE_FILTERS = 3000;
export interface Compared {
  packets: number;
  cells: number;
  /** Field → packets in which tshark has it, and in which we differ. */
  readonly seen: Map<string, number>;
  readonly differ: Map<string, { count: number; example: string }>;
}

/** Compares every field of a capture with tshark's; null where neither we nor tshark read it. */
export async function compareFields(path: string, compared: Compared): Promise<void> {
  const file = await openFile(path);
  const capture = await opened(file);
  if (!capture) return;
  // What it lists before a capture ends early counts.
  const rows = (await tshark(['-r', path, ...TSHARK_FIELDS])).stdout.split('\n');
  const out = new Dissection();
  await new Analysis(capture).follow(out, {}, EVERYTHING, (packet) => {
    if (!isDissected(capture.linkType(packet))) return;
    const theirs = (rows[packet] ?? '').split('\t');
    const ours = rowOf(out);
    compared.packets++;
    for (const [column, name] of NAMES.entries()) {
      const their = theirs[column] ?? '';
      const our = ours[column]!;
      compared.cells++;
      if (their !== '') compared.seen.set(name, (compared.seen.get(name) ?? 0) + 1);
      if (our === their) continue;
      const before = compared.differ.get(name);
      if (before) before.count++;
      else
        compared.differ.set(name, {
          count: 1,
          example: `${basename(path)} packet ${packet + 1}: ${our.slice(0, 60)} | tshark ${their.slice(0, 60)}`,
        });
    }
  });
}

async function opened(file: ByteSource): Promise<Capture | null> {
  try {
    return await openCapture(file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return null;
  }
}

/** Compares the packets that each filter lets pass, here and by `tshark -Y`; those in which unknown protocols carry known ones do not count. */
export async function compareFilters(
  path: string,
  texts: readonly string[],
): Promise<{ filters: number; same: number; letNothingPass: number; different: string[] }> {
  const without = new Set(await beyond(path));
  const file = await openFile(path);
  const filters = texts.map(compileFilter);
  const passed = filters.map(() => new Set<number>());
  const out = new Dissection();
  await new Analysis(await openCapture(file)).follow(out, {}, EVERYTHING, (packet) => {
    for (const [at, filter] of filters.entries()) if (!without.has(packet + 1) && filter.test(out)) passed[at]!.add(packet + 1);
  });
  const different: string[] = [];
  let letNothingPass = 0;
  await eachOf([...filters.keys()], async (at) => {
    const { text } = filters[at]!;
    const { stdout, stderr } = await tshark(['-r', path, '-Y', text, '-T', 'fields', '-e', 'frame.number']);
    const theirs = new Set(
      stdout
        .split('\n')
        .filter(Boolean)
        .map(Number)
        .filter((one) => !without.has(one)),
    );
    if (theirs.size === 0) letNothingPass++;
    const same = theirs.size === passed[at]!.size && [...theirs].every((packet) => passed[at]!.has(packet));
    if (!same) different.push(`${text}: ours ${passed[at]!.size}, tshark ${theirs.size || stderr.trim().split('\n').at(-1)}`);
  });
  return { filters: filters.length, same: filters.length - different.length, letNothingPass, different };
}

function figuresOf({ packets, cells, seen, differ }: Compared): object {
  return {
    packets,
    fields: seen.size,
    cells,
    differing: [...differ.values()].reduce((sum, { count }) => sum + count, 0),
    byField: Object.fromEntries(
      [...differ].map(([name, { count, example }]) => [name, { packets: count, of: seen.get(name) ?? 0, example }]),
    ),
  };
}

/** Filters made of the values of a capture, compared on it. */
export async function compareMadeFilters(path: string, seed: number, count: number): Promise<Judged> {
  const maker = new FilterMaker(seed);
  const file = await openFile(path);
  const out = new Dissection();
  await new Analysis(await openCapture(file)).follow(out, {}, EVERYTHING, () => maker.learn(out));
  return judge(path, maker.make(count));
}

export const nothing = (): Compared => ({ packets: 0, cells: 0, seen: new Map(), differ: new Map() });

export default async function dissection(collections: string[]): Promise<unknown> {
  const temporary = mkdtempSync(join(tmpdir(), 'dissection-'));
  try {
    const generated = nothing();
    const path = join(temporary, 'generated.pcap');
    writeFileSync(path, pcapFile(new PacketMaker(7).make(GENERATED)));
    await compareFields(path, generated);
    const { open, heldOut } = await compareCollections({
      open: collections.filter((folder) => !folder.startsWith(HELD)),
      heldOut: collections.filter((folder) => folder.startsWith(HELD)).map((folder) => folder.slice(HELD.length)),
    });
    const few = join(temporary, 'filtered.pcap');
    writeFileSync(few, pcapFile(new PacketMaker(3).make(FILTERED)));
    const made = await compareMadeFilters(few, 1, MADE_FILTERS);
    return {
      generated: figuresOf(generated),
      captures: { open: open.figures(true), heldOut: heldOut.figures(false) },
      filters: await judge(few, FILTERS),
      madeFilters: made,
    };
  } finally {
    rmSync(temporary, { recursive: true });
  }
}
