/** Texts of the C panel. */
const count = (value: number, one: string, many = `${one}s`): string => `${value.toLocaleString('en')} ${value === 1 ? one : many}`;

export const c = {
  emptyTitle: 'C, compiled in this tab',
  empty:
    'Open a .c file, paste C on the Debug desk, or begin with the example. clang’s front end and optimiser run in WebAssembly: 105 MB, fetched from this site when first needed and kept. Nothing leaves this tab.',
  example: 'Open the example: a classifier in XDP',
  modelExample: 'Open the example: C that calls a model',
  callModel: (file: string) => `Call ${file} from C`,
  calling: 'Calling the model from C',
  linkedWith: 'Linked with',
  noLinks: 'nothing else',
  linkButton: 'Link a model or an object …',
  linkButtonAbout: 'An .onnx model is compiled to be called: include the header of its name. An .o file is linked as it is',
  linkBusy: 'reading the file …',
  linking: (file: string) => `Linking with ${file}`,
  linkAbout: (kind: 'model' | 'object', file: string) =>
    kind === 'model' ? `${file} is compiled to be called: include "${file.replace(/\.\w+$/, '.h')}"` : `${file} is linked as it is`,
  unlink: (file: string) => `Do not link with ${file}`,
  label: (file: string) => `C source of ${file}`,
  cpu: 'Instruction set',
  cpuAbout: 'What clang calls -mcpu: v1 has no 32-bit comparisons and jumps, v4 adds signed loads, divisions and long jumps',
  build: 'Build',
  buildAbout: 'Make the text part of the project and show its program (Ctrl+Enter)',
  loading: 'loading the editor',
  compiling: 'Compiling C',
  checking: 'clang reads the text …',
  unchanged: 'Built. The program on show is made of this text.',
  compiles: (programs: readonly { readonly name: string; readonly insns: number }[]) =>
    programs.length === 1
      ? `Compiles: ${programs[0]!.name}, ${count(programs[0]!.insns, 'instruction')}`
      : `Compiles: ${count(programs.length, 'program')}, ${count(
          programs.reduce((sum, { insns }) => sum + insns, 0),
          'instruction',
        )}`,
  mistake: (line: number, message: string, more: number) =>
    `${line > 0 ? `Line ${line}: ` : ''}${message}${more > 0 ? ` (and ${count(more, 'more message')})` : ''}`,
  show: 'Show',
  refused: (insn: number, message: string) => `insn ${insn}: ${message}`,
  summary: (file: string, warnings: number) => `${file}${warnings > 0 ? ` · ▲ ${count(warnings, 'warning')}` : ''}`,
  float:
    'eBPF has no floating point. Multiply by a fixed scale and keep integers: a score and its threshold in units of 1/1024, 0.9 as 922.',
} as const;
