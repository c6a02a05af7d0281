/**
 * Fields of other people's captures beside tshark. A packet is held against tshark as everybody runs it and, where it differs, against a tshark that reads
 * no protocols but those dissected here: what is equal then differs because of a protocol that is missing here (`otherProtocols`). Nothing else is excused.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '../src/base/errors.ts';
import { openFile } from '../src/cli/file-source.ts';
import { Analysis } from '../src/traces/analysis.ts';
import { openCapture } from '../src/traces/capture/capture.ts';
import { isDissected } from '../src/traces/capture/link-types.ts';
import { Dissection } from '../src/traces/dissect/dissection.ts';
import { FIELDS } from '../src/traces/dissect/fields.ts';
import { EVERYTHING } from '../src/traces/dissect/walk.ts';
import { NAMES, rowOf, TSHARK_FIELDS } from './field-rows.ts';
import { eachOf, filesOf } from './tshark.ts';
import { allProtocols, TsharkServer } from './tshark-server.ts';

interface Counts {
  /** Packets in which tshark has the field. */
  has: number;
  /** In which it is another one because a protocol is missing here. */
  otherProtocols: number;
  differ: number;
}

interface Different {
  readonly file: string;
  readonly packets: number;
  /** Of the first one, from 1. */
  readonly packet: number;
  readonly fields: readonly string[];
  readonly ours: string;
  readonly theirs: string;
}

export class Collected {
  files = 0;
  /** Of these, files whose end is missing or broken. */
  damaged = 0;
  /** Of formats that are not opened here, whether tshark knows them or not. */
  noCaptures = 0;
  packets = 0;
  /** Of link types without a dissector here, which are bytes. */
  otherLinkTypes = 0;
  /** Behind the place where tshark gave up. */
  unlisted = 0;
  equalPackets = 0;
  otherProtocolPackets = 0;
  otherProtocolFiles = 0;
  readonly fields: Counts[] = NAMES.map(() => ({ has: 0, otherProtocols: 0, differ: 0 }));
  readonly different: Different[] = [];

  /** Totals; with `listed` also what differs first in each capture. */
  figures(listed: boolean): object {
    const sum = (of: (counts: Counts) => number): number => this.fields.reduce((all, counts) => all + of(counts), 0);
    const compared = this.packets - this.otherLinkTypes - this.unlisted;
    const { files, damaged, noCaptures, packets, otherLinkTypes, unlisted, equalPackets, otherProtocolPackets, otherProtocolFiles } = this;
    return {
      files,
      damaged,
      noCaptures,
      packets,
      otherLinkTypes,
      unlisted,
      compared,
      equalPackets,
      otherProtocolPackets,
      otherProtocolFiles,
      differentPackets: compared - equalPackets - otherProtocolPackets,
      differentFiles: this.different.length,
      values: compared * NAMES.length,
      otherProtocolValues: sum(({ otherProtocols }) => otherProtocols),
      differentValues: sum(({ differ }) => differ),
      fieldsSeen: this.fields.filter(({ has }) => has > 0).length,
      ...(listed ? { different: this.different } : {}),
      byField: Object.fromEntries(NAMES.map((name, at) => [name, this.fields[at]!])),
    };
  }
}

/** Protocols that tshark has and we do not; parts of ours (options of TCP) count as ours. */
function missingHere(): string[] {
  const ours = new Set(FIELDS.filter(({ type }) => type === 'protocol').map(({ name }) => name.split('.')[0]!));
  for (const frame of ['ethertype', 'raw']) ours.add(frame);
  return allProtocols().filter((name) => !ours.has(name.split('.')[0]!));
}

/** What mending may look at, and what is looked at by nobody who mends. */
export type Part = 'open' | 'heldOut';

interface Judges {
  readonly everybody: TsharkServer;
  readonly onlyOurs: TsharkServer;
}

async function compareFile(judges: Judges, path: string, collected: Collected): Promise<void> {
  const rows = (await judges.everybody.ask(path)).split('\n');
  const file = await openFile(path);
  try {
    const capture = await openCapture(file);
    collected.files++;
    if (capture.damage) collected.damaged++;
    const listed = rows.length - 1;
    const out = new Dissection();
    /** Packets that are not as everybody sees them, with our values. */
    const others: { packet: number; ours: string[] }[] = [];
    await new Analysis(capture).follow(out, {}, EVERYTHING, (packet) => {
      collected.packets++;
      if (!isDissected(capture.linkType(packet))) collected.otherLinkTypes++;
      else if (packet >= listed) collected.unlisted++;
      else {
        const ours = rowOf(out);
        const theirs = rows[packet]!.split('\t');
        for (const [at, value] of theirs.entries()) if (value !== '') collected.fields[at]!.has++;
        if (ours.every((value, at) => value === theirs[at])) collected.equalPackets++;
        else others.push({ packet, ours });
      }
    });
    if (others.length === 0) return;
    const limited = (await judges.onlyOurs.ask(path)).split('\n');
    let [first, count]: [Different | null, number] = [null, 0];
    let explained = 0;
    for (const { packet, ours } of others) {
      const theirs = rows[packet]!.split('\t');
      const excused = ours.join('\t') === limited[packet];
      if (excused) explained++;
      else count++;
      const fields = NAMES.flatMap((name, at) => {
        if (ours[at] === theirs[at]) return [];
        collected.fields[at]![excused ? 'otherProtocols' : 'differ']++;
        return [name];
      });
      if (excused || first) continue;
      const at = NAMES.indexOf(fields[0]!);
      first = {
        file: basename(path),
        packets: 0,
        packet: packet + 1,
        fields,
        ours: ours[at]!.slice(0, 80),
        theirs: theirs[at]!.slice(0, 80),
      };
    }
    collected.otherProtocolPackets += explained;
    if (explained > 0) collected.otherProtocolFiles++;
    if (first) collected.different.push({ ...first, packets: count });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    collected.noCaptures++;
  }
}

/** Compares every capture of the folders once, however often it is there; what is open too is not held out. */
export async function compareCollections(folders: Readonly<Record<Part, readonly string[]>>): Promise<Record<Part, Collected>> {
  const seen = new Set<string>();
  const work: { path: string; part: Part }[] = [];
  for (const part of ['open', 'heldOut'] as const) {
    for (const folder of folders[part]) {
      for (const name of filesOf(folder)) {
        const path = join(folder, name);
        const key = createHash('sha256').update(readFileSync(path)).digest('hex');
        if (!seen.has(key)) work.push({ path, part });
        seen.add(key);
      }
    }
  }
  const result = { open: new Collected(), heldOut: new Collected() };
  const disabled = missingHere();
  const free: Judges[] = [];
  const all: Judges[] = [];
  try {
    await eachOf(work, async ({ path, part }) => {
      const made = (): Judges => {
        const judges = { everybody: new TsharkServer(TSHARK_FIELDS), onlyOurs: new TsharkServer(TSHARK_FIELDS, disabled) };
        all.push(judges);
        return judges;
      };
      const judges = free.pop() ?? made();
      await compareFile(judges, path, result[part]);
      free.push(judges);
    });
  } finally {
    for (const { everybody, onlyOurs } of all) {
      everybody.close();
      onlyOurs.close();
    }
  }
  for (const collected of Object.values(result)) collected.different.sort((a, b) => (a.file < b.file ? -1 : 1));
  return result;
}
