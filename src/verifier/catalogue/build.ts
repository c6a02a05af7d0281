import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { verify } from '../verify.ts';
import { EXAMPLES } from './examples.ts';
import { pairOf } from './pair.ts';

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
