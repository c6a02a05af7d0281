import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE, type LogColumns, lineText } from './lines.ts';
import { programOfLog } from './program.ts';
import { readLog } from './reader.ts';
import { looksLikeListing, looksLikeLog } from './recognise.ts';
import { LogSearch } from './search.ts';
import { boundsOf, lineState, logStateAt } from './states.ts';

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const NAMES = Object.keys(LINE) as (keyof typeof LINE)[];

function read(text: string) {
  const { bytes, columns } = readLog(bytesOf(text));
  const kinds = Array.from(columns.kind, (kind) => NAMES[kind]);
  const lines = Array.from(columns.kind, (_, line) => lineText(bytes, columns, line));
  return { bytes, columns, kinds, lines, run: columns.runs[columns.run]! };
}

/** As a 6.1 kernel writes it, with liveness marks, source lines and states on lines of their own. */
const OLD = `0: R1=ctx(off=0,imm=0) R10=fp0
; int *value = bpf_map_lookup_elem(&map, &key);
0: (b7) r1 = 0                        ; R1_w=0
1: (63) *(u32 *)(r10 -4) = r1
last_idx 1 first_idx 0
regs=2 stack=0 before 0: (b7) r1 = 0
2: R1_w=P0 R10=fp0 fp-8=0000????
2: (bf) r2 = r10                      ; R2_w=fp0 R10=fp0
3: (07) r2 += -4                      ; R2_w=fp-4
4: (18) r1 = 0xffff8881029fa000       ; R1_w=map_ptr(off=0,ks=4,vs=4,imm=0)
6: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=4,imm=0)
7: (61) r0 = *(u32 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

describe('a log of an older kernel', () => {
  it('tells instructions, states, source lines, precision and the reason apart', () => {
    const { kinds, columns, run } = read(OLD);
    expect(kinds).toEqual('state source insn insn precision precision state insn insn insn insn insn message summary'.split(' '));
    expect([...columns.insn]).toEqual([0, 0, 0, 1, -1, 0, 2, 2, 3, 4, 6, 7, 7, -1]);
    expect(run).toMatchObject({
      verdict: 'rejected',
      message: "R0 invalid mem access 'map_value_or_null'",
      messageLine: 12,
      insnIdx: 7,
      complete: true,
      insnLines: 7,
      counters: { processed: 7, limit: 1_000_000, totalStates: 0 },
    });
  });

  it('gives the program that it shows, with addresses as words and nothing invented', () => {
    const { bytes, columns } = read(OLD);
    const program = programOfLog(bytes, columns);
    expect([...program.seen]).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(program.missing).toBe(0);
    expect(program.texts[4]).toBe('r1 = 0xffff8881029fa000');
    expect(program.code.length).toBe(8 * 8);
    expect([...program.code.subarray(0, 8)]).toEqual([0xb7, 1, 0, 0, 0, 0, 0, 0]);
    expect(program.sources).toEqual([{ insnIdx: 0, file: '', line: 0, text: 'int *value = bpf_map_lookup_elem(&map, &key);' }]);
  });

  it('knows the registers at a line from it and the lines before', () => {
    const { bytes, columns } = read(OLD);
    const texts = (line: number) => logStateAt(bytes, columns, line).rows.map((row) => `${row.name}=${row.text}@${row.line}`);
    expect(texts(7)).toEqual(['r1=P0@6', 'r2=fp0@7', 'r10=fp0@7', 'fp-8=0000????@6']);
    // The helper takes its arguments away.
    expect(texts(12)).toEqual(['r0=map_value_or_null(id=1,off=0,ks=4,vs=4,imm=0)@10', 'r10=fp0@7', 'fp-8=0000????@6']);
  });
});

describe('what stands around a log', () => {
  it.each([
    ['libbpf on every line', (line: string) => `libbpf: ${line}`],
    ['times of the kernel', (line: string, at: number) => `[   12.${100000 + at}] ${line}`],
    ['an agent', (line: string, at: number) => `2026-01-02T03:04:${String(at).padStart(2, '0')}Z agent[12]: ${line}`],
    ['tabs', (line: string) => `\t${line}`],
  ])('%s is taken off', (_, prefixed) => {
    const plain = read(OLD);
    const { kinds, columns, run } = read(OLD.trimEnd().split('\n').map(prefixed).join('\n'));
    expect(kinds).toEqual(plain.kinds);
    expect([...columns.insn]).toEqual([...plain.columns.insn]);
    expect(run).toMatchObject({ verdict: 'rejected', message: plain.run.message, insnIdx: 7 });
  });

  it('colours, carriage returns and a byte order mark are taken off', () => {
    const plain = read(OLD);
    const coloured = read(`\uFEFF${OLD.replace(/^(\d+:)/gm, '\x1b[1;32m$1\x1b[0m').replaceAll('\n', '\r\n')}`);
    expect(coloured.lines).toEqual(plain.lines);
    expect(coloured.kinds).toEqual(plain.kinds);
  });

  it('bytes that are no UTF-8 are taken for Latin-1', () => {
    const raw = bytesOf(`; Gr\u00fc\u00dfe @ a.c:1\n${OLD}`);
    const latin = Uint8Array.from([...new TextDecoder().decode(raw)].map((char) => char.charCodeAt(0) & 0xff)) as Uint8Array<ArrayBuffer>;
    const { bytes, columns } = readLog(latin);
    expect(columns.encoding).toBe('windows-1252');
    expect(lineText(bytes, columns, 0)).toBe('; Gr\u00fc\u00dfe @ a.c:1');
  });

  it('loaders frame runs and name programs; the rejected one is chosen', () => {
    const accepted =
      '0: R1=ctx() R10=fp0\n0: (b7) r0 = 2                         ; R0=2\n1: (95) exit\nprocessed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';
    const frame = (name: string, log: string, failed: boolean) =>
      `${failed ? `libbpf: prog '${name}': BPF program load failed: Permission denied\n` : ''}libbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n${log}-- END PROG LOAD LOG --\n${failed ? `libbpf: prog '${name}': failed to load: -13\nlibbpf: failed to load object 'x.o'\n` : ''}`;
    const { columns, run } = read(
      `libbpf: loading x.o\n${frame('good', accepted, false)}${frame('parse', OLD, true)}${frame('later', accepted, false)}Error: failed to load object file\n`,
    );
    expect(columns.runs.map(({ program, verdict, insnLines }) => [program, verdict, insnLines])).toEqual([
      ['good', 'accepted', 2],
      ['parse', 'rejected', 7],
      ['later', 'accepted', 2],
    ]);
    expect(run.program).toBe('parse');
    // Jumps and selections count in the chosen run alone.
    expect([...columns.visitLine].every((line) => line >= run.from && line < run.to)).toBe(true);
  });
});

describe('a log that is not whole', () => {
  it('cut at its end has no verdict, and keeps all its lines', () => {
    const cut = OLD.slice(0, OLD.indexOf('6: (85)'));
    const { run, columns } = read(cut);
    expect(run).toMatchObject({ verdict: 'unknown', complete: false, message: null, insnLines: 5 });
    expect(columns.lines).toBe(10);
  });

  it('cut at its beginning still gives the reason, even with nothing else', () => {
    const { run, kinds } = read(
      "R0 invalid mem access 'map_value_or_null'\nprocessed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
    );
    expect(kinds).toEqual(['message', 'summary']);
    expect(run).toMatchObject({ verdict: 'rejected', message: "R0 invalid mem access 'map_value_or_null'" });
  });

  it('with a gap in its instructions shows the gap', () => {
    const { bytes, columns } = read('7: (b7) r0 = 2 ; R0=2\n12: (05) goto pc+3\n16: (95) exit\n');
    const program = programOfLog(bytes, columns);
    expect([...program.seen]).toEqual([7, 12, 16]);
    expect(program.missing).toBe(7 + 4 + 3);
    expect(program.code.length).toBe(17 * 8);
  });
});

describe('oddities of the kernel', () => {
  it('a reason without a line feed stands before the counters', () => {
    const { run } = read(
      '0: R1=ctx() R10=fp0\n0: (85) call bpf_tail_call#12\nexpected prog array map for tail callprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
    );
    expect(run).toMatchObject({ verdict: 'rejected', message: 'expected prog array map for tail call', counters: { processed: 3 } });
  });

  it('the states after an endless loop are no reasons', () => {
    const { run } = read(
      '0: (b7) r0 = 0 ; R0=0\n1: (15) if r0 == 0x0 goto pc-1\ninfinite loop detected at insn 1\ncur state: R0=0 R1=ctx() R10=fp0\nold state: R0=0 R1=ctx() R10=fp0\nprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n',
    );
    expect(run).toMatchObject({ verdict: 'rejected', message: 'infinite loop detected at insn 1', insnIdx: 1 });
  });

  it('at level 4 the reason stands above the statistics, and an accepted program has none', () => {
    const tail =
      'verification time 31 usec\nstack depth 0\nprocessed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';
    const refused = read(`invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)\nR2 offset is outside of the packet\n${tail}`);
    expect(refused.kinds.slice(0, 2)).toEqual(['message', 'message']);
    expect(refused.run).toMatchObject({ verdict: 'rejected', message: 'R2 offset is outside of the packet', insnIdx: null });
    expect(read(tail).run).toMatchObject({ verdict: 'accepted', message: null, counters: { processed: 2, verificationUsec: 31 } });
  });
});

describe('states', () => {
  it('are split at blanks outside parentheses, with or without liveness marks', () => {
    expect(lineState('5: frame1: R0_w=scalar(umax=255,var_off=(0x0; 0xff)) R10=fp0 fp-8_w=mmmm???? refs=2', LINE.state)).toEqual({
      frame: 1,
      full: false,
      refs: '2',
      entries: [
        { name: 'r0', text: 'scalar(umax=255,var_off=(0x0; 0xff))' },
        { name: 'r10', text: 'fp0' },
        { name: 'fp-8', text: 'mmmm????' },
      ],
    });
  });

  it.each([
    ['scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))', 0n, 255n],
    ['scalar(umax=255,var_off=(0x0; 0xff))', 0n, 255n],
    ['inv(id=0,umax_value=255,var_off=(0x0; 0xff))', 0n, 255n],
    ['scalar(umin=3,umax=0x7fffffffffffffff)', 3n, 2n ** 63n - 1n],
    ['scalar()', -(2n ** 63n), 2n ** 63n - 1n],
    ['inv(id=0)', -(2n ** 63n), 2n ** 63n - 1n],
    ['scalar(smin=0xffffffffffffff80,smax=127)', -128n, 127n],
    ['scalar(smin=-5,smax=7)', -5n, 7n],
    ['P5', 5n, 5n],
    ['invP0', 0n, 0n],
    ['0xffffffff', 0xffffffffn, 0xffffffffn],
    ['-7', -7n, -7n],
    ['pkt(id=3,r=0,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))', 0n, 15n],
    ['fp-8', undefined, undefined],
    ['map_ptr(map=h,ks=8,vs=16)', undefined, undefined],
  ] as const)('bounds of %s', (text, smin, smax) => {
    expect(boundsOf(text)).toMatchObject(smin === undefined ? {} : { smin, smax });
    if (smin === undefined) expect(boundsOf(text)).toEqual({});
  });
});

describe('what a text is', () => {
  it('is told by what only logs say', () => {
    expect(looksLikeLog(OLD)).toBe(true);
    expect(looksLikeLog(OLD.split('\n').slice(-2).join('\n'))).toBe(true);
    expect(looksLikeLog('.section xdp\nr0 = 2\nexit\n')).toBe(false);
    expect(looksLikeLog('0: (b7) r0 = 2\n1: (95) exit\n')).toBe(false);
    expect(looksLikeListing('   0: (b7) r0 = 2\n   1: (95) exit\n')).toBe(true);
    expect(looksLikeLog('Dear all,\nprocessed 7 letters.\n')).toBe(false);
  });
});

function find(text: string, query: string, regex = false): { line: number; text: string }[] {
  const { bytes, columns, lines } = read(text);
  const search = new LogSearch(bytes, columns, { text: query, regex });
  while (!search.step(50));
  const { line, from, to } = search.take();
  return Array.from(line, (at, i) => ({ line: at, text: lines[at]!.slice(from[i], to[i]) }));
}

describe('search', () => {
  it('finds lines and places, without regard to case', () => {
    expect(find(OLD, 'MAP_VALUE').map(({ line }) => line)).toEqual([10, 12]);
    expect(find(OLD, 'r1_W=')[0]).toEqual({ line: 2, text: 'R1_w=' });
    expect(find(OLD, '^\\d+: \\(85\\)', true)).toEqual([{ line: 10, text: '6: (85)' }]);
    expect(find('ü a\nb a\n', 'a')).toEqual([
      { line: 0, text: 'a' },
      { line: 1, text: 'a' },
    ]);
  });

  it('agrees with a search line by line', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[abR ]{0,6}$/)), fc.stringMatching(/^[abr]{1,2}$/), (lines, needle) => {
        const expected = lines.flatMap((line, at) => {
          const place = line.toLowerCase().indexOf(needle);
          return place < 0 ? [] : [{ line: at, text: line.slice(place, place + needle.length) }];
        });
        expect(find(`${lines.join('\n')}\n`, needle)).toEqual(expected);
        expect(find(`${lines.join('\n')}\n`, needle, true)).toEqual(expected);
      }),
      { seed: 5 },
    );
  });
});

function consistent(columns: LogColumns, length: number): void {
  const { lines, lineStart, kind, insn, frame, prefix, visitStart, visitLine, runs, run } = columns;
  expect(lineStart.length).toBe(lines + 1);
  expect([kind.length, insn.length, frame.length, prefix.length]).toEqual([lines, lines, lines, lines]);
  expect(lineStart[lines]).toBe(length);
  for (let line = 0; line < lines; line++) {
    expect(lineStart[line]! < lineStart[line + 1]!).toBe(true);
    expect(prefix[line]! <= lineStart[line + 1]! - lineStart[line]!).toBe(true);
    expect(kind[line]! <= LINE.gap).toBe(true);
  }
  expect(runs[0]!.from).toBe(0);
  expect(runs.at(-1)!.to).toBe(lines);
  for (let at = 1; at < runs.length; at++) expect(runs[at]!.from).toBe(runs[at - 1]!.to);
  const chosen = runs[run]!;
  expect(visitLine.length).toBe(chosen.insnLines);
  for (let i = 0; i + 1 < visitStart.length; i++) {
    for (let at = visitStart[i]!; at < visitStart[i + 1]!; at++) {
      expect(insn[visitLine[at]!]).toBe(i);
      expect(kind[visitLine[at]!]).toBe(LINE.insn);
    }
  }
}

/** Pieces of real logs in any order, so that hostile texts look like logs. */
const PIECES = [
  ...OLD.split('\n'),
  'from 5 to 18: safe',
  'from 5 to 18: R0=1 R10=fp0',
  'func#1 @22',
  'caller:',
  ' frame1: R1=ctx() R10=fp0',
  '(0) frame 0 insn 5 +live -8',
  '      0: .1........ (61) r6 = *(u32 *)(r1 +0)',
  '  1   5: .1........ (61) r6 = *(u32 *)(r1 +0)',
  "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --",
  '-- END PROG LOAD LOG --',
  'Verification failed: a: b',
  'Reason:',
  '  >>> 3 | (95) exit',
  '(12 line(s) omitted)',
  'load program: permission denied: 3: (95) exit: R0 !read_ok (2 line(s) omitted)',
  '&lt;br&gt; 0: (b7) r0 = 0',
  '999999999999999999: (b7) r0 = 0',
  '1000000: (18) r1 = 0xffff',
  'R0=scalar((((',
  'processed 99999999999 insns (limit 1000000)',
  '\x1b[31',
  'frame999: R0=1',
  '5: (b7) r0 = 0 ; R0=1 ; R1=2',
];

describe('any bytes at all', () => {
  const look = (raw: Uint8Array<ArrayBuffer>) => {
    const { bytes, columns } = readLog(raw);
    consistent(columns, bytes.length);
    const program = programOfLog(bytes, columns);
    expect(program.code.length % 8).toBe(0);
    expect(program.texts.length).toBe(program.seen.length);
    for (let line = 0; line < columns.lines; line += 3) logStateAt(bytes, columns, line);
  };

  it('are read without a failure, into columns that fit together', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (raw) => look(raw.slice())),
      { seed: 1, numRuns: 400 },
    );
  });

  it('and so are pieces of logs in any order, cut anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PIECES) }, fc.string()), { maxLength: 30 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.nat(200),
        (pieces, end, cut) => {
          const raw = bytesOf(pieces.join(end));
          look(raw.slice(0, Math.max(0, raw.length - cut)));
        },
      ),
      { seed: 2, numRuns: 600 },
    );
  });

  it('however they are sliced', () => {
    const whole = readLog(bytesOf(OLD)).columns;
    expect(whole.lines).toBe(14);
    expect(read('').columns.lines).toBe(0);
    expect(read('\n').columns.lines).toBe(1);
    expect(read('R').columns.lines).toBe(1);
  });
});
