import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { verify } from '../verify.ts';
import { EXAMPLES } from './examples.ts';

/** The rejected program's text and the repaired one's. */
export interface ExamplePair {
  readonly rejected: string;
  readonly repaired: string;
}

/** Takes an example apart: lines with `-` are the rejected program's alone, those with `+` the repaired one's. */
export function pairOf(example: string): ExamplePair {
  const lines = example.split('\n');
  const side = (own: string, other: string): string =>
    `${lines
      .filter((line) => !line.startsWith(other))
      .map((line) => (line.startsWith(own) ? line.slice(1) : line))
      .join('\n')}\n`;
  return { rejected: side('-', '+'), repaired: side('+', '-') };
}

export function programOfExample(text: string): Program {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(`${diagnostics[0]?.message} in ${text}`);
  return program;
}

/** What our verifier says to each example's rejected program. Throws where one is accepted. */
export function exampleMessages(kernel: {
  readonly btf?: VerifyOptions['kernelBtf'];
  readonly symbols?: VerifyOptions['kernelSymbols'];
}): string[] {
  const options: VerifyOptions = {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    ...(kernel.btf ? { kernelBtf: kernel.btf } : {}),
    ...(kernel.symbols ? { kernelSymbols: kernel.symbols } : {}),
  };
  return EXAMPLES.map((example) => {
    const { accepted, message } = verify(programOfExample(pairOf(example).rejected), options);
    if (accepted || message === null) throw new Error(`accepted: ${example}`);
    return message;
  });
}
