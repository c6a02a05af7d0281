/** Texts of the Start panel. */
const count = (value: number): string => value.toLocaleString('en');
const size = (bytes: number): string => (bytes < 1e6 ? `${count(Math.ceil(bytes / 1000))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export const start = {
  title: 'Start',
  about: 'Paste a log, assembly or C, open an object, or take a sample',
  paste: {
    title: 'Paste a verifier log, assembly or C',
    label: 'Verifier log, assembly or C',
    placeholder:
      '0: R1=ctx() R10=fp0\n0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)\n1: (71) r0 = *(u8 *)(r2 +0)\ninvalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)\n\nor\n\n.section xdp\nr0 = 2\nexit',
    hint: 'Any kernel’s log, with what loaders print around it. Nothing leaves this tab.',
    open: 'Open',
    clear: 'Clear',
    looking: 'Looking at it …',
    goTo: (line: number) => `Go to line ${count(line)}`,
    large: (bytes: number) => `Only its first lines are shown here; all ${size(bytes)} open.`,
  },
  /** What was recognised. */
  log: (lines: number) => `Verifier log, ${count(lines)} ${lines === 1 ? 'line' : 'lines'}`,
  largeLog: (bytes: number) => `Verifier log, ${size(bytes)}`,
  rejected: (insn: number | null, message: string) => `✕ rejected${insn === null ? '' : ` at insn ${count(insn)}`}: ${message}`,
  accepted: '✓ accepted',
  noVerdict: '● no verdict in it',
  runs: (runs: number) => `${count(runs)} runs of the verifier`,
  assembly: (insns: number, section: string, maps: number) =>
    `Assembly, ${count(insns)} ${insns === 1 ? 'instruction' : 'instructions'}, section ${section}${maps > 0 ? `, ${count(maps)} ${maps === 1 ? 'map' : 'maps'}` : ''}`,
  willVerify: 'It is verified as soon as it is open.',
  willShow: 'It opens in the Log, Program and Verifier panels.',
  mistakes: (mistakes: number, line: number, message: string) =>
    `✕ Assembly with ${mistakes === 1 ? 'a mistake' : `${count(mistakes)} mistakes`}${mistakes === 1 ? ' in' : ', the first in'} line ${count(line)}: ${message}`,
  c: (lines: number) => `C, ${count(lines)} ${lines === 1 ? 'line' : 'lines'}`,
  willCompile: 'clang compiles it in this tab: 105 MB are fetched from this site the first time, and kept. Nothing leaves this tab.',
  unknown:
    '✕ This is neither a verifier log nor assembly nor C. A log has lines such as “12: (b7) r0 = 0” or “processed 7 insns (limit 1000000)”, assembly such as “r0 = 2” and “exit”.',
  file: {
    title: 'Open a file',
    text: 'An object (.o), C (.c), assembly (.s) or a log (.log, .txt); or drop it anywhere.',
    open: 'Choose a file…',
  },
  samples: {
    title: 'Samples',
    kinds: { explore: 'a model', debug: 'rejected', replay: 'a model with a trace' },
  },
  commands: { open: 'Open what is pasted', focus: 'Paste a log, assembly or C' },
};
