/**
 * `npm run long dissection [FOLDER]`: every field of 50,000 generated packets, and of the captures in FOLDER, beside `tshark -T fields`, and the
 * packets that each filter of `filters.ts` lets pass beside `tshark -Y`. Streams are not put together on either side: a message counts where
 * one segment holds it.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { openFile } from '../src/cli/file-source.ts';
import { Analysis } from '../src/traces/analysis.ts';
import { openCapture } from '../src/traces/capture/capture.ts';
import { Dissection } from '../src/traces/dissect/dissection.ts';
import { FIELDS, fieldId } from '../src/traces/dissect/fields.ts';
import { fieldText } from '../src/traces/dissect/values.ts';
import { EVERYTHING } from '../src/traces/dissect/walk.ts';
import { compileFilter } from '../src/traces/filter/compile.ts';
import { pcapFile } from '../src/traces/testing/capture-files.ts';
import { FILTERS } from './filters.ts';
import { PacketMaker } from './packets.ts';

const run = promisify(execFile);
const GENERATED = 50_000;
/** Filters run in tshark one by one, over fewer packets. */
const FILTERED = 5000;
const JOBS = 2;
const ALONE = ['-n', '-o', 'tcp.desegment_tcp_streams:FALSE'];
/** tshark's own idea of what nobody dissects, and times in its own number of digits. */
const LEFT_OUT = new Set([
  '',
  'frame.comment',
  'frame.time_epoch',
  'frame.time_relative',
  'frame.time_delta',
  'frame.interface_id',
  'data.data',
  'data.len',
]);
const NAMES = FIELDS.filter(({ name, type }) => type !== 'protocol' && !LEFT_OUT.has(name)).map(({ name }) => name);
const SEPARATOR = '\x1f';

interface Compared {
  packets: number;
  cells: number;
  /** Field → packets in which tshark has it, and in which we differ. */
  readonly seen: Map<string, number>;
  readonly differ: Map<string, { count: number; example: string }>;
}

async function compareFields(path: string, compared: Compared): Promise<void> {
  const args = [...ALONE, '-r', path, '-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=a', '-E', `aggregator=${SEPARATOR}`];
  let text: string;
  try {
    text = (await run('tshark', [...args, ...NAMES.flatMap((name) => ['-e', name])], { maxBuffer: 2 ** 30 })).stdout;
  } catch (error) {
    // It ends so where a capture does.
    text = (error as { stdout: string }).stdout;
  }
  const rows = text.split('\n');
  const file = await openFile(path);
  const out = new Dissection();
  await new Analysis(await openCapture(file)).follow(out, {}, EVERYTHING, (packet) => {
    const theirs = (rows[packet] ?? '').split('\t');
    const ours = new Map<number, string[]>();
    for (let at = 0; at < out.count; at++) {
      const values = ours.get(out.field[at]!);
      if (values) values.push(fieldText(out, at));
      else ours.set(out.field[at]!, [fieldText(out, at)]);
    }
    compared.packets++;
    for (const [column, name] of NAMES.entries()) {
      const their = theirs[column] ?? '';
      const our = (ours.get(fieldId(name)) ?? []).join(SEPARATOR);
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
  await file.close();
}

async function compareFilters(path: string): Promise<object> {
  const capture = await openCapture(await openFile(path));
  const filters = FILTERS.map(compileFilter);
  const passed = filters.map(() => new Set<number>());
  const out = new Dissection();
  await new Analysis(capture).follow(out, {}, EVERYTHING, (packet) => {
    for (const [at, filter] of filters.entries()) if (filter.test(out)) passed[at]!.add(packet + 1);
  });
  const different: string[] = [];
  let none = 0;
  let next = 0;
  const work = async () => {
    while (next < filters.length) {
      const at = next++;
      const { text } = filters[at]!;
      const { stdout } = await run('tshark', [...ALONE, '-r', path, '-Y', text, '-T', 'fields', '-e', 'frame.number'], {
        maxBuffer: 2 ** 28,
      });
      const theirs = new Set(stdout.split('\n').filter(Boolean).map(Number));
      if (theirs.size === 0) none++;
      const same = theirs.size === passed[at]!.size && [...theirs].every((packet) => passed[at]!.has(packet));
      if (!same) different.push(`${text}: ours ${passed[at]!.size}, tshark ${theirs.size}`);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  return { packets: capture.count, filters: filters.length, same: filters.length - different.length, letNothingPass: none, different };
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

const nothing = (): Compared => ({ packets: 0, cells: 0, seen: new Map(), differ: new Map() });

export default async function dissection([folder]: string[]): Promise<unknown> {
  const temporary = mkdtempSync(join(tmpdir(), 'dissection-'));
  try {
    const generated = nothing();
    const path = join(temporary, 'generated.pcap');
    writeFileSync(path, pcapFile(new PacketMaker(7).make(GENERATED)));
    await compareFields(path, generated);
    const captures = nothing();
    if (folder && existsSync(folder)) {
      for (const name of readdirSync(folder).sort()) {
        // What is cut or damaged is compared by its count alone (bench/captures.ts).
        if (/^(randpkt|tcpdump|editcap-(pcap|pcapng|split|snap)|mergecap|le-|be-)/.test(name) && /\.(pcap|pcapng|cap)$/.test(name))
          await compareFields(join(folder, name), captures);
      }
    }
    const few = join(temporary, 'filtered.pcap');
    writeFileSync(few, pcapFile(new PacketMaker(3).make(FILTERED)));
    return { generated: figuresOf(generated), captures: figuresOf(captures), filters: await compareFilters(few) };
  } finally {
    rmSync(temporary, { recursive: true });
  }
}
