import { describe, expect, it } from 'vitest';
import { LINE, lineText } from './lines.ts';
import { readLog } from './reader.ts';
import { logReason } from './reason.ts';
import { logSample, looksLikeLog, utf16Of } from './recognise.ts';
import { logReport } from './report.ts';
import { logStateAt } from './states.ts';
import { logStory } from './story.ts';
import { GAP } from './unwrap.ts';

const NAMES = Object.keys(LINE) as (keyof typeof LINE)[];

function read(text: string) {
  const { bytes, columns } = readLog(new TextEncoder().encode(text));
  return {
    bytes,
    columns,
    run: columns.runs[columns.run]!,
    kinds: Array.from(columns.kind, (kind) => NAMES[kind]!),
    lines: Array.from(columns.kind, (_, line) => lineText(bytes, columns, line)),
  };
}

/** Of the same refusal as the kernels write it. */
const LINUX_5_15 = `0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; void *data = (void *)(long)ctx->data;
0: (61) r2 = *(u32 *)(r1 +0)
1: R1=ctx(id=0,off=0,imm=0) R2_w=pkt(id=0,off=0,r=0,imm=0) R10=fp0
; return *(u8 *)data;
1: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
const LINUX_6_1 = `0: R1=ctx(off=0,imm=0) R10=fp0
; void *data = (void *)(long)ctx->data;
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx(off=0,imm=0) R2_w=pkt(off=0,r=0,imm=0)
; return *(u8 *)data;
1: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
const LINUX_6_18 = `func#0 @0
Live regs before insn:
      0: .1........ (61) r2 = *(u32 *)(r1 +0)
      1: ..2....... (71) r0 = *(u8 *)(r2 +0)
      2: 0......... (95) exit
0: R1=ctx() R10=fp0
; void *data = (void *)(long)ctx->data; @ xdp.c:7
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)
; return *(u8 *)data; @ xdp.c:8
1: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
const REPORT = `
Verification failed: Memory Safety: Access outside bounds

Reason:
  The check before the access does not reach as far as the access: R2 is a packet pointer; offset is
  constant 0; access_size is 1.

At:
  first @ xdp.c:8:9
  Source context:
      6 | int first(struct xdp_md *ctx) {
      7 |   void *data = (void *)(long)ctx->data;
  >>> 8 |   return *(u8 *)data;
        |   ^-- error: access may be outside
        |       object bounds
      9 | ...
  Instruction context:
      0 | (61) r2 = *(u32 *)(r1 +0)
  >>> 1 | (71) r0 = *(u8 *)(r2 +0)
      2 | (95) exit

Causal path:
  first @ xdp.c:7:30
  Source context:
  >>> 7 |   void *data = (void *)(long)ctx->data;
        |   ^-- update: R2 changed from uninitialized value to pkt at offset 0
  Instruction context:
  >>> 0 | (61) r2 = *(u32 *)(r1 +0)
      1 | (71) r0 = *(u8 *)(r2 +0)

Suggestion:
  Compare the end of the access with data_end before it.

`;
const LINUX_7_3 = LINUX_6_18.replace('processed 2', `${REPORT}processed 2`);

const KERNELS = { '5.15': LINUX_5_15, '6.1': LINUX_6_1, '6.18': LINUX_6_18, '7.3': LINUX_7_3 };
const SAID = { verdict: 'rejected', message: 'R2 offset is outside of the packet', insnIdx: 1, complete: true, insnLines: 2 };

describe.each(Object.entries(KERNELS))('a log of Linux %s', (_, log) => {
  const plain = read(log);

  it('gives verdict, instruction, registers, source and story', () => {
    expect(plain.run).toMatchObject(SAID);
    const reason = logReason(plain.bytes, plain.columns)!;
    expect(reason.lines.map(({ text }) => text)).toEqual([
      'invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)',
      'R2 offset is outside of the packet',
    ]);
    expect(reason.subject).toBe('r2');
    expect(reason.source?.text).toMatch(/return \*\(u8 \*\)data;/);
    expect(reason.known.map(({ name, text }) => [name, text.startsWith('pkt(')])).toEqual([['r2', true]]);
    expect(logStory(plain.bytes, plain.columns, reason.insn!.line, 'r2').map(({ kind, insn }) => [kind, insn])).toEqual([['made', 0]]);
  });

  const times = (at: number): string => String(at).padStart(2, '0');
  const wrapped: Readonly<Record<string, (log: string) => string>> = {
    libbpf: (text) =>
      `libbpf: prog 'first': BPF program load failed: Permission denied\nlibbpf: prog 'first': -- BEGIN PROG LOAD LOG --\n${text}-- END PROG LOAD LOG --\nlibbpf: prog 'first': failed to load: -13\nlibbpf: failed to load object 'xdp.bpf.o'\nError: failed to load object file\n`,
    veristat: (text) =>
      `PROCESSING xdp.bpf.o/first, DURATION US: 91, VERDICT: failure, VERIFIER LOG:\n${text}\nFile       Program  Verdict  Duration (us)\n---------  -------  -------  -------------\nxdp.bpf.o  first    failure             91\n`,
    'cilium/ebpf': (text) =>
      `2026/11/27 02:00:00 loading objects: field First: program first: load program: permission denied:\n${text
        .trimEnd()
        .split('\n')
        .map((line) => `\t${line}`)
        .join('\n')}\nexit status 1\n`,
    dmesg: (text) => lineByLine(text, (at) => `[  101.0000${times(at)}] BPF: `),
    journal: (text) => lineByLine(text, (at) => `Nov 27 02:00:${times(at)} host agent[812]: `),
    'docker compose': (text) => lineByLine(text, () => 'agent-1  | '),
    kubectl: (text) => lineByLine(text, (at) => `2026-11-27T02:00:00.0${times(at)}Z `),
    quoted: (text) => lineByLine(text, () => '> '),
    bcc: (text) =>
      `bpf: Failed to load program: Permission denied\n${text}\nHINT: The invalid mem access error can happen if you try to dereference memory.\n\nTraceback (most recent call last):\n  File "x.py", line 7, in <module>\nException: Failed to load BPF program b'first': Permission denied\n`,
    aya: (text) => `Error: the BPF_PROG_LOAD syscall failed. Verifier output: ${text}\nCaused by:\n    Permission denied (os error 13)\n`,
    bpftrace: (text) =>
      `stdin:1:1-9: ERROR: Error loading BPF program for xdp_first_1.\nKernel error log:\n${text}ERROR: Loading BPF object(s) failed.\n`,
    iproute2: (text) =>
      `\nProg section 'xdp' rejected: Permission denied (13)!\n - Type:         6\n - Instructions: 3 (0 over limit)\n - License:      GPL\n\nVerifier analysis:\n\n${text}\nError fetching program/map!\n`,
    colours: (text) => text.replace(/^(\d+: \(\w\w\))/gm, '\x1b[33m$1\x1b[0m').replaceAll('\n', '\r\n'),
    'spelt colours': (text) => text.replace(/^(\d+: \(\w\w\))/gm, '\\u001b[33m$1\\u001b[0m'),
    'a web page': (text) =>
      `<pre><code>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')}</code></pre>\n&lt;/body&gt;\n`,
    'hard blanks': (text) => text.replaceAll(' ', '\u00a0'),
    'one string': (text) =>
      `time="2026-11-27" level=error msg="cannot load: ${text.replaceAll('"', '\\"').replaceAll('\t', '\\t').replaceAll('\n', '\\n')}" subsys=loader\n`,
    'docker’s own file': (text) =>
      records(text, (line, at) => ({ log: `${line}\n`, stream: 'stderr', time: `2026-11-27T02:00:00.0000000${times(at)}Z` })),
    'journalctl -o json': (text) =>
      records(text, (line, at) => ({ __CURSOR: `s=${(at * 7919).toString(16)};i=a${at}`, PRIORITY: '6', MESSAGE: line, _PID: '812' })),
    'a cloud’s records': (text) =>
      records(text, (line, at) => ({
        insertId: (at * 104729).toString(36),
        jsonPayload: { level: 'error', message: line },
        severity: 'ERROR',
      })),
    'one record of a logger': (text) =>
      `{"level":"error","ts":1795744800.1,"caller":"loader/load.go:31","msg":"cannot load","error":${JSON.stringify(`program first: load program: permission denied:\n${text}`)}}\n`,
    'kubectl --prefix': (text) => lineByLine(text, () => '[pod/agent-x7f2k/agent] '),
    'a container runtime': (text) => lineByLine(text, (at) => `2026-11-27T02:00:00.0000000${times(at)}+00:00 stderr F `),
    klog: (text) => lineByLine(text, (at) => `E1127 02:00:00.0000${times(at)}       1 loader.go:12] `),
    env_logger: (text) => lineByLine(text, (at) => `[2026-11-27T02:00:${times(at)}Z WARN  aya::bpf] `),
    systemd: (text) =>
      `Nov 27 02:00:00 host systemd[1]: libbpf: prog 'first': -- BEGIN PROG LOAD LOG --\n${text
        .trimEnd()
        .split('\n')
        .map((line) => `                                 ${line}`)
        .join(
          '\n',
        )}\n                                 -- END PROG LOAD LOG --\nNov 27 02:00:00 host systemd[1]: libbpf: prog 'first': failed to load: -13\nNov 27 02:00:00 host systemd[1]: Started agent.service.\n`,
    'bpftool -d': (text) =>
      `libbpf: loading object from xdp.bpf.o\nlibbpf: elf: section(3) xdp, size 24, link 0, flags 6, type=1\nlibbpf: sec 'xdp': found program 'first' at insn offset 0 (0 bytes), code size 3 insns (24 bytes)\nlibbpf: license of xdp.bpf.o is GPL\nlibbpf: prog 'first': BPF program load failed: Permission denied\nlibbpf: prog 'first': -- BEGIN PROG LOAD LOG --\n${text}-- END PROG LOAD LOG --\nlibbpf: prog 'first': failed to load: -13\nlibbpf: failed to load object 'xdp.bpf.o'\nError: failed to load object file\n`,
    'the middle of a large file': (text) => `${'a day in the life of an agent\n'.repeat(9000)}${text}${'and another one\n'.repeat(18000)}`,
    'a record a line': (text) => lineByLine(text, (at) => `{"level":"debug","ts":1795744800.${times(at)},"msg":"`, '","logger":"loader"}'),
  };

  it.each(Object.entries(wrapped))('is the same as %s hands it on', (_name, wrap) => {
    const told = read(wrap(log));
    expect(told.run).toMatchObject(SAID);
    const shown = ({ kinds, lines }: typeof told) =>
      kinds.flatMap((kind, at) => (kind === 'loader' || kind === 'blank' || kind === 'gap' ? [] : [`${kind} ${lines[at]!.trim()}`]));
    expect(shown(told)).toEqual(shown(plain));
    expect(logReport(told.bytes, told.columns)?.problem).toBe(logReport(plain.bytes, plain.columns)?.problem);
    const { rows } = logStateAt(told.bytes, told.columns, told.kinds.lastIndexOf('insn'));
    expect(rows.map(({ name }) => name)).toContain('r2');
  });
});

function records(text: string, of: (line: string, at: number) => object): string {
  return `${text
    .trimEnd()
    .split('\n')
    .map((line, at) => JSON.stringify(of(line, at)).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e'))
    .join('\n')}\n`;
}

function lineByLine(text: string, prefix: (at: number) => string, suffix = ''): string {
  const lines = text.trimEnd().split('\n');
  return `${lines.map((line, at) => `${prefix(at)}${line}${suffix}`).join('\n')}\n`;
}

describe('the report of Linux 7.3', () => {
  const { bytes, columns, run, kinds } = read(LINUX_7_3);

  it('is read into its parts', () => {
    expect(run).toMatchObject({ report: 'Memory Safety: Access outside bounds', insnIdx: 1 });
    expect(logReport(bytes, columns)).toMatchObject({
      category: 'Memory Safety',
      problem: 'Access outside bounds',
      reason:
        'The check before the access does not reach as far as the access: R2 is a packet pointer; offset is constant 0; access_size is 1.',
      at: {
        label: 'error',
        text: 'access may be outside object bounds',
        insn: 1,
        code: 'r0 = *(u8 *)(r2 +0)',
        source: { func: 'first', file: 'xdp.c', line: 8, text: 'return *(u8 *)data;' },
      },
      path: [{ label: 'update', text: 'R2 changed from uninitialized value to pkt at offset 0', insn: 0, source: { line: 7 } }],
      notes: [],
      suggestion: 'Compare the end of the access with data_end before it.',
    });
    expect(kinds.filter((kind) => kind === 'message')).toHaveLength(2);
  });

  it('stands alone where a loader shows nothing else, also without its indentation', () => {
    const alone = `load program: permission denied:\n\tVerification failed: Register Type Safety: Unreadable register\n\n\tReason:\n\t  R0 has no value here.\n\n\tAt:\n\t  insn 3\n\t        | ^-- error: R0 is not readable\n\t  Instruction context:\n\t  >>> 3 | (95) exit\n\n\tCausal path:\n\t  no retained diagnostic events on this path\n\n\tSuggestion:\n\t  Give R0 a value.\n`;
    for (const text of [alone, alone.replace(/^[\t ]+/gm, '')]) {
      const told = read(text);
      expect(told.run).toMatchObject({
        verdict: 'rejected',
        message: 'Register Type Safety: Unreadable register',
        insnIdx: 3,
        complete: false,
      });
      expect(logReport(told.bytes, told.columns)).toMatchObject({
        at: { insn: 3, code: 'exit', text: 'R0 is not readable' },
        path: [],
        notes: ['no retained diagnostic events on this path'],
        suggestion: 'Give R0 a value.',
      });
    }
  });
});

describe('precision up to Linux 5.16', () => {
  it('prints states of earlier instructions, which are not what is known now', () => {
    const { kinds, bytes, columns } = read(`0: R1=ctx(id=0,off=0,imm=0) R10=fp0
0: (b7) r3 = 8
1: R1=ctx(id=0,off=0,imm=0) R3_w=inv8 R10=fp0
1: (0f) r1 += r3
last_idx 1 first_idx 0
regs=8 stack=0 before 0: (b7) r3 = 8
 R1=ctx(id=0,off=0,imm=0) R3_r=invP4 R10=fp0
parent didn't have regs=8 stack=0 marks
dereference of modified ctx ptr R1 off=8 disallowed
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
    expect(kinds.slice(4, 8)).toEqual(['precision', 'precision', 'precision', 'precision']);
    expect(logStateAt(bytes, columns, 7).rows.find(({ name }) => name === 'r3')?.text).toBe('inv8');
  });
});

describe('a reason without a line of its own', () => {
  it('stands behind the branch that closes an endless loop', () => {
    const { run, bytes, columns } = read(
      '0: R1=ctx() R10=fp0\n0: (b7) r0 = 0                        ; R0=0\n1: (15) if r0 == 0x0 goto pc-1 infinite loop detected at insn 1\ncur state: R0=0 R1=ctx() R10=fp0\nold state: R0=0 R1=ctx() R10=fp0\nprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n',
    );
    expect(run).toMatchObject({ verdict: 'rejected', message: 'infinite loop detected at insn 1', insnIdx: 1 });
    expect(logReason(bytes, columns)?.lines).toHaveLength(1);
  });
});

describe('what was left out', () => {
  it.each([
    '(12 line(s) omitted)',
    '(21 lines omitted)',
    '(truncated, 26014 line(s) omitted)',
    '... 120 lines omitted ...',
    '…',
    '[...]',
    "Skipped 775737 bytes, use 'verb' option for the full verbose log.",
    '<snip>',
  ])('%s is a gap', (line) => {
    expect(GAP.test(line)).toBe(true);
    const { kinds, run, columns, bytes } = read(LINUX_6_18.replace(/; return.*\n/, `${line}\n`));
    expect(kinds.filter((kind) => kind === 'gap')).toHaveLength(1);
    expect(run).toMatchObject({ ...SAID, gaps: 1 });
    expect(columns.warnings.join()).toMatch(/left out/);
    // What stood above the gap is not taken for known below it.
    const state = logStateAt(bytes, columns, kinds.lastIndexOf('insn'));
    expect([state.partial, state.rows]).toEqual([true, []]);
  });

  it.each([
    [
      'load program: permission denied: 3: (71) r0 = *(u8 *)(r2 +0): R2 offset is outside of the packet (12 line(s) omitted)',
      3,
      'R2 offset is outside of the packet',
    ],
    [
      'level=error msg="program handle: load program: argument list too long: 2069: (55) if r8 != 0x0 goto pc-727: R0=inv,min_value=0,max_v (truncated, 26014 line(s) omitted)"',
      2069,
      null,
    ],
    ['load program: invalid argument: R0 !read_ok (4 lines omitted)', null, 'R0 !read_ok'],
  ])('one line of cilium/ebpf: %s', (line, insnIdx, message) => {
    const { run } = read(`${line}\n`);
    expect(run).toMatchObject({ gaps: 1, message, verdict: message === null ? 'unknown' : 'rejected', complete: false });
    if (message !== null) expect(run.insnIdx).toBe(insnIdx);
    expect(run.insnLines).toBe(insnIdx === null ? 0 : 1);
  });
});

describe('other encodings', () => {
  const wide = (text: string, bigEndian: boolean, mark: boolean): Uint8Array<ArrayBuffer> => {
    const all = mark ? `\ufeff${text}` : text;
    const bytes = new Uint8Array(all.length * 2);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < all.length; i++) view.setUint16(i * 2, all.charCodeAt(i), !bigEndian);
    return bytes;
  };

  it.each([
    [false, true],
    [true, true],
    [false, false],
    [true, false],
  ])('two bytes a letter, big end first %s, with a mark %s', (bigEndian, mark) => {
    const bytes = wide(LINUX_6_18.replaceAll('\n', '\r\n'), bigEndian, mark);
    expect(looksLikeLog(logSample(bytes))).toBe(true);
    const { columns } = readLog(bytes);
    expect(columns.runs[columns.run]).toMatchObject(SAID);
  });

  it('are not seen in a file of numbers', () => {
    expect(utf16Of(new Uint8Array(4096))).toBeNull();
    expect(utf16Of(Uint8Array.from({ length: 4096 }, (_, i) => (i * 31) & 0xff))).toBeNull();
  });
});

describe('several programs in one output', () => {
  it('are runs of their own, by name and verdict, and the refused one is shown', () => {
    const accepted = LINUX_6_18.replace(/1: \(71\)[\s\S]*?(?=processed)/, '1: (95) exit\n').replace(/^ {6}\d:.*\n/gm, '');
    const framed = (name: string, log: string): string =>
      `libbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n${log}-- END PROG LOAD LOG --\n`;
    const text = `${framed('one', accepted)}${framed('two', accepted)}libbpf: prog 'three': BPF program load failed: Permission denied\n${framed('three', LINUX_6_18)}libbpf: prog 'three': failed to load: -13\n`;
    const { columns } = read(text);
    expect(columns.runs.filter(({ insnLines }) => insnLines > 0).map(({ program, verdict }) => [program, verdict])).toEqual([
      ['one', 'accepted'],
      ['two', 'accepted'],
      ['three', 'rejected'],
    ]);
    expect(columns.runs[columns.run]).toMatchObject({ ...SAID, program: 'three' });
  });
});
