/**
 * What tshark lets pass, for thousands of display filters in one run: each is a listener of its Lua interface, whose filter is compiled and evaluated
 * as one of `-Y`. (Taps see what `-Y` sees: filters of packets are evaluated on the whole tree.)
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile } from '../src/cli/file-source.ts';
import { Analysis } from '../src/traces/analysis.ts';
import { openCapture } from '../src/traces/capture/capture.ts';
import { Dissection } from '../src/traces/dissect/dissection.ts';
import { FIELDS } from '../src/traces/dissect/fields.ts';
import { EVERYTHING } from '../src/traces/dissect/walk.ts';
import { compileFilter, type Filter } from '../src/traces/filter/compile.ts';
import { FilterError } from '../src/traces/filter/error.ts';
import { tshark } from './tshark.ts';

/** Filters come one a line, with `\n` and `\\` escaped; what passes goes out as lines of numbers, or `!` and why a filter was refused. */
const SCRIPT = `
local out = assert(io.open(FOLDER .. '/passed', 'w'))
local every = Listener.new('frame')
local told = {}
function every.packet(pinfo) told[#told + 1] = pinfo.number end
function every.draw() out:write('0 ', table.concat(told, ','), '\\n') end
function every.reset() end
local at = 0
for line in io.lines(FOLDER .. '/filters') do
  at = at + 1
  local mine = at
  local ok, tap = pcall(Listener.new, 'frame', (line:gsub('\\\\(.)', { n = '\\n', ['\\\\'] = '\\\\' })))
  if ok then
    local seen = {}
    function tap.packet(pinfo) seen[#seen + 1] = pinfo.number end
    function tap.draw() out:write(mine, ' ', table.concat(seen, ','), '\\n') end
    function tap.reset() end
  else
    out:write(mine, ' !', (tostring(tap):gsub('[\\r\\n]', ' ')), '\\n')
  end
end
`;

export interface Verdict {
  /** Packets from 1; null where the filter is refused. */
  readonly packets: readonly number[] | null;
  /** Why it is refused. */
  readonly why: string;
}

export interface TheirVerdicts {
  readonly verdicts: readonly Verdict[];
  /**
   * Packets that listeners are told of, all but those that break off in what an ICMP error quotes; without those in which a protocol that we do not
   * know carries one that we do.
   */
  readonly told: ReadonlySet<number>;
}

/** What tshark says of each filter on a capture. Filters at which it crashes are told from the others by halving. */
export async function theirVerdicts(path: string, filters: readonly string[]): Promise<TheirVerdicts> {
  const all = await askAll(path, filters);
  if (all) return all;
  if (filters.length === 1) return { verdicts: [{ packets: null, why: CRASHED }], told: new Set() };
  const half = filters.length >> 1;
  const [first, second] = [await theirVerdicts(path, filters.slice(0, half)), await theirVerdicts(path, filters.slice(half))];
  return { verdicts: [...first.verdicts, ...second.verdicts], told: first.told.size > 0 ? first.told : second.told };
}

export const CRASHED = 'tshark ends itself';

async function askAll(path: string, filters: readonly string[]): Promise<TheirVerdicts | null> {
  const folder = mkdtempSync(join(tmpdir(), 'filter-judge-'));
  try {
    const escaped = filters.map((text) => text.replace(/[\\\n]/g, (char) => (char === '\n' ? '\\n' : '\\\\')));
    writeFileSync(join(folder, 'filters'), `${escaped.join('\n')}\n`);
    writeFileSync(join(folder, 'judge.lua'), `local FOLDER = '${folder}'\n${SCRIPT}`);
    await tshark(['-q', '-X', `lua_script:${join(folder, 'judge.lua')}`, '-r', path]);
    const found: Verdict[] = [];
    let told = new Set<number>();
    for (const line of readFileSync(join(folder, 'passed'), 'latin1').split('\n')) {
      const space = line.indexOf(' ');
      if (space < 0) continue;
      const rest = line.slice(space + 1);
      const refused = rest.startsWith('!');
      const packets = refused ? null : rest === '' ? [] : rest.split(',').map(Number);
      const at = Number(line.slice(0, space)) - 1;
      if (at < 0) told = new Set(packets);
      else found[at] = { packets, why: refused ? rest.slice(1) : '' };
    }
    for (let at = 0; at < filters.length; at++) if (!found[at]) return null;
    for (const packet of await beyond(path)) told.delete(packet);
    return { verdicts: found, told };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const OURS = new Set([...FIELDS.filter(({ type }) => type === 'protocol').map(({ name }) => name), 'ethertype']);

/** Packets in which a protocol that we do not know carries one that we do, as tshark tells them. */
export async function beyond(path: string): Promise<number[]> {
  const { stdout } = await tshark(['-r', path, '-T', 'fields', '-e', 'frame.number', '-e', 'frame.protocols']);
  const found: number[] = [];
  for (const line of stdout.split('\n')) {
    const [number, protocols = ''] = line.split('\t');
    const all = protocols.split(':');
    const unknown = all.findIndex((one) => !OURS.has(one));
    if (unknown >= 0 && all.slice(unknown).some((one) => one !== 'data' && OURS.has(one))) found.push(Number(number));
  }
  return found;
}

/** What we say. */
export async function ourVerdicts(path: string, filters: readonly string[]): Promise<Verdict[]> {
  const compiled = filters.map((text): Filter | FilterError => {
    try {
      return compileFilter(text);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      return error;
    }
  });
  const passed: number[][] = filters.map(() => []);
  const out = new Dissection();
  await new Analysis(await openCapture(await openFile(path))).follow(out, {}, EVERYTHING, (packet) => {
    for (const [at, filter] of compiled.entries()) if (!(filter instanceof FilterError) && filter.test(out)) passed[at]!.push(packet + 1);
  });
  return compiled.map((filter, at) =>
    filter instanceof FilterError ? { packets: null, why: filter.message } : { packets: passed[at]!, why: '' },
  );
}

export interface Judged {
  filters: number;
  /** Of these, filters that both refuse. */
  bothRefuse: number;
  letNothingPass: number;
  /** tshark crashes; not among the others. */
  crashes: number;
  same: number;
  different: string[];
}

/** Compares filters on a capture: the same packets pass, or both sides refuse. */
export async function judge(path: string, filters: readonly string[]): Promise<Judged> {
  const ours = await ourVerdicts(path, filters);
  const { verdicts: theirs, told } = await theirVerdicts(path, filters);
  const result: Judged = { filters: filters.length, bothRefuse: 0, letNothingPass: 0, crashes: 0, same: 0, different: [] };
  for (const [at, text] of filters.entries()) {
    const [mine, other] = [ours[at]!, theirs[at]!].map((one) => ({
      ...one,
      packets: one.packets?.filter((packet) => told.has(packet)) ?? null,
    })) as [Verdict, Verdict];
    if (other.why === CRASHED) {
      result.crashes++;
      continue;
    }
    if (!mine.packets && !other.packets) result.bothRefuse++;
    if (other.packets?.length === 0) result.letNothingPass++;
    if (String(mine.packets) === String(other.packets)) result.same++;
    else result.different.push(`${text}: ${differenceOf(mine, other)}`);
  }
  return result;
}

function differenceOf(mine: Verdict, other: Verdict): string {
  if (!mine.packets) return `ours refused ${mine.why}; tshark ${other.packets!.length}`;
  if (!other.packets) return `ours ${mine.packets.length}; tshark refused ${other.why}`;
  const [a, b] = [new Set(mine.packets), new Set(other.packets)];
  const [only, missing] = [mine.packets.filter((one) => !b.has(one)), other.packets.filter((one) => !a.has(one))];
  return `ours ${a.size}, tshark ${b.size}; only ours ${only.slice(0, 5)}; only tshark ${missing.slice(0, 5)}`;
}
