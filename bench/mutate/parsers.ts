import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateSync, gunzipSync, gzipSync, strFromU8, unzipSync, zipSync } from 'fflate';
import { InputError } from '../../src/base/errors.ts';
import { assemblePrograms } from '../../src/bpf/asm.ts';
import { disassemble } from '../../src/bpf/listing.ts';
import type { Program } from '../../src/bpf/program.ts';
import { compileC } from '../../src/clang/compile.ts';
import { parseModule } from '../../src/clang/llvm-ir/parser.ts';
import { moduleToObject } from '../../src/clang/object/write.ts';
import { pack, unpack } from '../../src/companion/envelope.ts';
import { decodeProgram } from '../../src/companion/server/decode.ts';
import { checkRequest, REQUESTS, type RequestName } from '../../src/companion/server/schema.ts';
import { readLesson } from '../../src/course/read.ts';
import { readCommandTrace } from '../../src/hooks/accelerator/command-trace.ts';
import { parseAnyBinding } from '../../src/hooks/features/parse.ts';
import { readBtfFile } from '../../src/object/btf-file.ts';
import { readSection } from '../../src/object/elf.ts';
import { readObject } from '../../src/object/reader.ts';
import { importModel, inspectModel } from '../../src/onnx/import.ts';
import { readTensorProto } from '../../src/onnx/proto.ts';
import { tensorOf } from '../../src/onnx/tensor.ts';
import { WireWriter } from '../../src/onnx/write.ts';
import { Analysis } from '../../src/traces/analysis.ts';
import { openCapture } from '../../src/traces/capture/capture.ts';
import { memorySource } from '../../src/traces/capture/source.ts';
import { readCsv } from '../../src/traces/csv.ts';
import { Dissection } from '../../src/traces/dissect/dissection.ts';
import { summaryOf } from '../../src/traces/dissect/summary.ts';
import { EVERYTHING } from '../../src/traces/dissect/walk.ts';
import { compileFilter } from '../../src/traces/filter/compile.ts';
import { readLabels } from '../../src/traces/labels.ts';
import { readNpy, writeNpy } from '../../src/traces/npy.ts';
import { readNpz } from '../../src/traces/npz.ts';
import { readPng } from '../../src/traces/png.ts';
import { readSafetensors } from '../../src/traces/safetensors.ts';
import { readCalls } from '../../src/traces/syscalls/calls.ts';
import { writeNpz, writeSafetensors } from '../../src/traces/tensor-write.ts';
import { pcapFile, pcapngFile, zstdFile } from '../../src/traces/testing/capture-files.ts';
import { readTokenizer } from '../../src/traces/tokenizer.ts';
import { programOfLog } from '../../src/verifier/logfile/program.ts';
import { readLog } from '../../src/verifier/logfile/reader.ts';
import { logReport } from '../../src/verifier/logfile/report.ts';
import { logStateAt } from '../../src/verifier/logfile/states.ts';
import { tellLog } from '../../src/verifier/logfile/told.ts';
import { verify } from '../../src/verifier/verify.ts';
import { unpackArchive } from '../../src/workbench/projects/archive.ts';
import { decodeLink, LINK_PREFIX } from '../../src/workbench/projects/link.ts';
import { readProject } from '../../src/workbench/projects/project-file.ts';
import { unzippedLog } from '../../src/workbench/unzip-log.ts';
import { changedBtf, changedElf, changedHead, changedPcap, changedPcapng, changedPng } from './binary.ts';
import { changedBytes } from './bytes.ts';
import type { Dice } from './dice.ts';
import { changedTree, jsonText } from './json.ts';
import { badMessage } from './judge.ts';
import { smallModels } from './models.ts';
import * as seeds from './seeds.ts';
import { changedText, nested } from './text.ts';
import { changedMessage } from './wire.ts';

/** A reader of something that a user opens, and how its files are changed. */
export interface Parser {
  readonly name: string;
  /** Memory that one file may take at most beside what the process has, in MB; files here are at most a few 100 kB. */
  readonly limitMB: number;
  /** Its part of all inputs, beside 1. */
  readonly part?: number;
  readonly seeds: readonly Uint8Array[];
  change(dice: Dice, seed: Uint8Array, others: readonly Uint8Array[]): Uint8Array;
  /** Reads it as opening it does. Throws what opening it shows. */
  open(bytes: Uint8Array, dice: Dice): void | Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = (bytes: Uint8Array): string => decoder.decode(bytes);
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/** Diagnostics with lines instead of an error. */
function placed(diagnostics: readonly { readonly line: number; readonly column?: number; readonly message: string }[]): void {
  for (const { line, message } of diagnostics) {
    const bad = Number.isInteger(line) && line >= 1 ? badMessage(message, `line ${line}`) : `line ${line}: ${message}`;
    if (bad) throw new Error(bad);
  }
  if (diagnostics.length > 0) throw new InputError(diagnostics[0]!.message, `line ${diagnostics[0]!.line}`);
}

const textParser = (
  name: string,
  from: readonly string[],
  open: (text: string, dice: Dice) => void,
  nesting: readonly [string, string, string][] = [['(', ')', '1']],
): Parser => ({
  name,
  limitMB: 256,
  seeds: from.map((one) => encoder.encode(one)),
  change(dice, seed, others) {
    const draw = dice.below(20);
    if (draw === 0) return changedBytes(dice, seed, others);
    if (draw === 1) {
      const at = dice.below(seed.length + 1);
      return encoder.encode(text(seed.subarray(0, at)) + nested(dice, ...dice.one(nesting)) + text(seed.subarray(at)));
    }
    return encoder.encode(changedText(dice, text(seed), others.map(text)));
  },
  open: (bytes, dice) => open(text(bytes), dice),
});

const jsonParser = (name: string, from: readonly unknown[], open: (text: string, dice: Dice) => void): Parser => ({
  name,
  limitMB: 256,
  seeds: from.map((one) => encoder.encode(JSON.stringify(one))),
  change(dice, seed, others) {
    if (dice.chance(0.15)) return encoder.encode(changedText(dice, text(seed), others.map(text)));
    if (dice.chance(0.02)) return encoder.encode(nested(dice, '[', ']', '1'));
    return encoder.encode(jsonText(changedTree(dice, JSON.parse(text(seed)))));
  },
  open: (bytes, dice) => open(text(bytes), dice),
});

/** What the verifier and the listing say of a program that was read: a hostile one is still a program. */
function look(programs: readonly Program[], dice: Dice): void {
  for (const program of programs.slice(0, 4)) {
    disassemble(program);
    if (!dice.chance(0.1) || program.insns.length > 2000) continue;
    const { message } = verify(program, {
      kernel: dice.one(['5.15', '6.1', '6.6', '6.12', '6.18'] as const),
      privilege: dice.one(['root', 'bpf', 'unpriv'] as const),
      logLevel: dice.one([0, 1, 2]),
      onProgress: (processed) => processed > 20_000,
    });
    if (message !== null && /\bundefined\b|\[object /.test(message)) throw new Error(`the verifier says: ${message}`);
  }
}

function openLog(content: string): void {
  const { bytes, columns } = readLog(plain(encoder.encode(content)), 'x.log');
  tellLog(bytes, columns);
  logReport(bytes, columns);
  programOfLog(bytes, columns);
  const lines = columns.lineStart.length;
  for (let line = 0; line < lines; line += Math.max(1, lines >> 3)) logStateAt(bytes, columns, line);
}

async function openPackets(bytes: Uint8Array): Promise<void> {
  const capture = await openCapture(memorySource(bytes, 'x.pcap'));
  const analysis = new Analysis(capture);
  const out = new Dissection();
  await analysis.follow(out, {}, EVERYTHING, () => void summaryOf(out));
  if (capture.count > 0) await analysis.dissect(out, capture.count - 1);
  if (capture.damage) {
    const bad = badMessage(capture.damage.what, `byte ${capture.damage.offset}`);
    if (bad || !Number.isInteger(capture.damage.offset)) throw new Error(bad ?? `damage at byte ${capture.damage.offset}`);
    throw new InputError(capture.damage.what, `byte ${capture.damage.offset}`);
  }
}

const wireParser = (name: string, from: readonly Uint8Array[], open: Parser['open']): Parser => ({
  name,
  limitMB: 384,
  seeds: from,
  change: (dice, seed, others) => (dice.chance(0.25) ? null : changedMessage(dice, seed, others)) ?? changedBytes(dice, seed, others),
  open,
});

const packets = seeds.packets();
const captures = [
  pcapFile(packets),
  pcapFile(packets, { little: false }),
  seeds.captureHead('payload/heldout.pcap', 12),
  seeds.captureHead('flows/heldout.pcap', 20),
];
const ngCaptures = [pcapngFile(packets), pcapngFile(packets, { little: false, resolution: 9 }), pcapngFile(packets, { simple: true })];
const files = fileURLToPath(new URL('./seeds/', import.meta.url));
const objects = [...['counter.o', 'map_in_map.o'].map((name) => new Uint8Array(readFileSync(`${files}${name}`))), ...seeds.ownObjects()];
const arrays = seeds.arrays();
const npys = [...arrays.values()].map(writeNpy);
const links = seeds.links();
const projects = seeds.projects();
const envelopes = seeds.messages();

function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const tensorProto = (name: string, dtype: number, data: (w: WireWriter) => void, ...dims: number[]): Uint8Array => {
  const w = new WireWriter();
  for (const dim of dims) w.int(1, dim);
  w.int(2, dtype);
  data(w);
  return w.string(8, name).finish();
};

const ALL: readonly Parser[] = [
  wireParser('onnx', [...smallModels(), seeds.sample('flows/flows.onnx'), seeds.sample('accelerator/scorer.onnx')], (bytes) => {
    const { suggested } = inspectModel(bytes, 'x.onnx');
    importModel(bytes, { fileName: 'x.onnx', dims: suggested });
  }),
  wireParser(
    'tensor-proto',
    [
      tensorProto('x', 1, (w) => w.bytes(9, new Uint8Array(48)), 3, 4),
      tensorProto('y', 7, (w) => void [1, 2, 3].map((value) => w.int(7, value)), 3),
      tensorProto('', 10, (w) => w.bytes(9, new Uint8Array(8)), 2, 2),
    ],
    (bytes) => void tensorOf(readTensorProto(bytes, 'x.pb'), 'x.pb'),
  ),
  {
    name: 'elf',
    limitMB: 256,
    seeds: objects,
    change: changedElf,
    open: (bytes, dice) => look(readObject(bytes, 'x.o').programs, dice),
  },
  {
    name: 'btf',
    limitMB: 256,
    seeds: objects.slice(0, 3).flatMap((object) => readSection(object, 'x.o', '.BTF')?.slice() ?? []),
    change: changedBtf,
    open: (bytes) => void readBtfFile(bytes, 'x.btf'),
  },
  { name: 'pcap', limitMB: 256, seeds: captures, change: changedPcap, open: openPackets },
  { name: 'pcapng', limitMB: 256, seeds: ngCaptures, change: changedPcapng, open: openPackets },
  {
    name: 'packed capture',
    limitMB: 256,
    seeds: [...captures, ...ngCaptures].slice(1).flatMap((capture) => [gzipSync(capture), zstdFile(capture)]),
    change(dice, seed, others) {
      if (seed[0] !== 0x1f || dice.chance(0.6)) return changedBytes(dice, seed, others);
      const inside = gunzipSync(seed);
      const changed = (inside[0] === 0x0a ? changedPcapng : changedPcap)(dice, inside, [inside]);
      return dice.chance(0.5) ? gzipSync(changed) : zstdFile(changed);
    },
    open: openPackets,
  },
  {
    name: 'npy',
    limitMB: 256,
    seeds: npys,
    change: (dice, seed, others) =>
      dice.chance(0.3) ? changedBytes(dice, seed, others) : changedHead(dice, seed, 8, 2, (head) => changedText(dice, head, [head])),
    open: (bytes) => void readNpy(bytes, 'x.npy'),
  },
  {
    name: 'npz',
    limitMB: 256,
    seeds: [writeNpz(arrays)],
    change(dice, seed, others) {
      if (dice.chance(0.6)) return changedBytes(dice, seed, [...others, ...npys]);
      const entries = Object.entries(unzipSync(seed));
      const [name, bytes] = dice.one(entries);
      const changed = changedHead(dice, bytes, 8, 2, (head) => changedText(dice, head, [head]));
      return zipSync(
        { ...Object.fromEntries(entries), [dice.chance(0.8) ? name : dice.one(['', '../x', 'x.npy', 'ü'])]: changed },
        { level: 0 },
      );
    },
    open: (bytes) => void readNpz(bytes, 'x.npz'),
  },
  {
    name: 'safetensors',
    limitMB: 256,
    seeds: [writeSafetensors(seeds.tensors())],
    change: (dice, seed, others) =>
      dice.chance(0.3)
        ? changedBytes(dice, seed, others)
        : changedHead(dice, seed, 0, 8, (head) =>
            dice.chance(0.3)
              ? changedText(dice, head, [head])
              : dice.chance(0.03)
                ? nested(dice, '[', ']', '')
                : jsonText(changedTree(dice, JSON.parse(head))),
          ),
    open: (bytes) => void readSafetensors(bytes, 'x.safetensors'),
  },
  {
    name: 'png',
    limitMB: 256,
    seeds: seeds.pictures(crcOf),
    change: (dice, seed, others) => changedPng(dice, seed, others, crcOf),
    open: (bytes) => void readPng(bytes, 'x.png'),
  },
  textParser('csv', seeds.TABLES, (content) => void readCsv(content, 'x.csv'), [['"', '"', 'x']]),
  textParser(
    'labels',
    ['0\n1\n-1\n3\n', '{"packets":[{"label":0},{"label":1},{"label":2},{"label":0}]}'],
    (content) => void readLabels(encoder.encode(content), 'labels', 4),
    [['[', ']', '1']],
  ),
  textParser('strace', seeds.STRACES, (content) => void readCalls(content, 'x.strace')),
  textParser('perf', seeds.PERF, (content) => void readCalls(content, 'x.perf')),
  jsonParser('calls json', seeds.CALLS, (content) => void readCalls(content, 'x.json')),
  textParser(
    'assembly',
    seeds.assembly(),
    (content, dice) => {
      const { programs, diagnostics } = assemblePrograms(content);
      placed(diagnostics);
      look(programs ?? [], dice);
    },
    [
      ['(', ')', 'r1'],
      ['*(u8 *)(', ')', 'r1 +0'],
    ],
  ),
  {
    ...textParser('c', seeds.cSources(), () => {}, [
      ['(', ')', '1'],
      ['{', '}', ';'],
      ['*', '', 'x'],
      ['#if 1\n', '#endif\n', ''],
    ]),
    limitMB: 512,
    async open(bytes) {
      const { object, diagnostics } = await compileC(text(bytes), { fileName: 'x.c' });
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      // What is wrong with the whole, as a source without a program, stands at line 0 of its file.
      placed(errors.map((error) => ({ ...error, line: Math.max(1, error.line) })));
      if (!object && diagnostics.length === 0) throw new Error('there is no object, and nothing is said');
    },
  },
  textParser(
    'llvm ir',
    ['counter.ll', 'packet.ll'].map((name) => readFileSync(`${files}${name}`, 'utf8')),
    (content) => void readObject(moduleToObject(parseModule(content), { cpu: 'v3', source: () => undefined }), 'x.o'),
    [
      ['[2 x ', ']', 'i8'],
      ['{ ', ' }', 'i8'],
      ['!{', '}', '!1'],
    ],
  ),
  textParser('log', seeds.logs(), openLog, [
    ['scalar(', ')', 'x'],
    ['{', '}', '"log":"x"'],
  ]),
  {
    name: 'packed log',
    limitMB: 256,
    seeds: seeds.logs().map((log) => gzipSync(encoder.encode(log))),
    change(dice, seed, others) {
      if (dice.chance(0.5)) return changedBytes(dice, seed, others);
      const inside = (one: Uint8Array) => text(gunzipSync(one));
      return gzipSync(encoder.encode(changedText(dice, inside(seed), others.map(inside))));
    },
    async open(bytes) {
      const log = await unzippedLog('x.log.gz', plain(bytes));
      // It is tried as a file of another kind then.
      if (!log) throw new InputError('no log is packed in it', 'x.log.gz');
      openLog(text(log));
    },
  },
  jsonParser('binding', seeds.BINDINGS, (content) => void parseAnyBinding(content, 'binding.json')),
  jsonParser('tokenizer', [seeds.tokenizer()], (content) => {
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch {
      throw new InputError('not JSON', 'tokenizer.json');
    }
    readTokenizer(value, 'tokenizer.json');
  }),
  textParser('lesson', seeds.lessons(), (content) => placed(readLesson(content, 'x.md', null).problems), [
    ['> ', '', 'x'],
    ['- ', '', 'x'],
    ['[', ']', 'x'],
    [':::note\n', ':::\n', 'x\n'],
    ['*', '*', 'x'],
    ['{', '}', 'a: 1'],
  ]),
  {
    name: 'share link',
    limitMB: 256,
    seeds: links.map((link) => encoder.encode(link)),
    change(dice, seed, others) {
      if (dice.chance(0.4)) return encoder.encode(changedText(dice, text(seed), others.map(text)));
      // What a link holds, changed, in a link that is whole.
      const packed = deflateSync(encoder.encode(jsonText(changedTree(dice, decodeLink(text(seed))))));
      return encoder.encode(`${LINK_PREFIX}${Buffer.from(packed).toString('base64url')}`);
    },
    open(bytes) {
      const link = text(bytes);
      decodeLink(link.startsWith(LINK_PREFIX) ? link : `${LINK_PREFIX}${link}`);
    },
  },
  {
    name: 'project',
    limitMB: 256,
    seeds: projects,
    change(dice, seed, others) {
      if (dice.chance(0.3)) return changedBytes(dice, seed, others);
      const entries = unzipSync(seed);
      const project = changedTree(dice, JSON.parse(strFromU8(entries['project.json']!)));
      return zipSync({
        ...entries,
        'project.json': encoder.encode(jsonText(project)),
        ...(dice.chance(0.05) ? { 'blobs/x': new Uint8Array(3) } : {}),
      });
    },
    async open(bytes) {
      const { project, blobs } = await unpackArchive(bytes, 'x.bpformer', async () => {});
      readProject('x.bpformer', project, blobs);
    },
  },
  {
    name: 'command trace',
    limitMB: 256,
    seeds: [seeds.commandTrace()],
    change(dice, seed, others) {
      if (dice.chance(0.3)) return changedBytes(dice, seed, others);
      const end = seed.lastIndexOf(10);
      const lines = text(seed.subarray(0, end)).split('\n');
      const at = dice.below(lines.length);
      lines[at] = dice.chance(0.7) ? jsonText(changedTree(dice, JSON.parse(lines[at]!))) : changedText(dice, lines[at]!, lines);
      return encoder.encode(`${lines.join('\n')}\n${text(seed.subarray(end + 1))}`);
    },
    open: (bytes) => void readCommandTrace(bytes, 'x.commands'),
  },
  textParser('filter', seeds.FILTERS, (content) => void compileFilter(content), [
    ['(', ')', 'tcp'],
    ['!', '', 'tcp'],
    ['not ', '', 'tcp'],
    ['http.host matches "', '"', '(a*)*'],
  ]),
  {
    name: 'companion message',
    limitMB: 256,
    seeds: envelopes,
    change(dice, seed, others) {
      if (dice.chance(0.3)) return changedBytes(dice, seed, others);
      const { head, blobs } = unpack(seed);
      const { blobs: _, ...rest } = head;
      const changed = blobs.map((blob) => (blob.length > 0 && dice.chance(0.3) ? changedBytes(dice, blob, [blob]) : blob));
      const tree = changedTree(dice, rest);
      // Through text: what is nested too deep to be written becomes brackets without end, which no message begins with.
      const written = jsonText(tree);
      return pack(written.startsWith('{') ? (JSON.parse(written) as object) : {}, changed);
    },
    open(bytes) {
      const envelope = unpack(bytes);
      for (const name of Object.keys(REQUESTS) as RequestName[]) {
        try {
          const request = checkRequest(name, envelope);
          if (name === 'load') decodeProgram((request as ReturnType<(typeof REQUESTS)['load']>).program, envelope);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }
    },
  },
];

/** What takes long gets less of the inputs. */
const PARTS: Readonly<Record<string, number>> = {
  pcap: 0.5,
  pcapng: 0.5,
  'packed capture': 0.25,
  'llvm ir': 0.5,
  lesson: 0.3,
  c: 0.02,
};

/** Every reader of something that comes from outside. */
export const PARSERS: readonly Parser[] = ALL.map((parser) => ({ ...parser, part: PARTS[parser.name] ?? 1 }));
