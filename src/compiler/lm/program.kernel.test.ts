import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KernelText } from '../../companion/kernel-text.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { readObject } from '../../object/reader.ts';
import { writeObject } from '../../object/writer.ts';
import { decodeResult, encodeRequest, type GenerateRequest, VmText } from '../../replay/generate.ts';
import { verify } from '../../verifier/verify.ts';
import type { Quant, Strategy } from '../api.ts';
import { loadModel } from '../testing/fixtures.ts';
import { buildDecoder } from './build.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));
const kernel = await kernelForTests();
kernel?.close();

const GREEDY: GenerateRequest = { reset: true, prompt: [1, 2, 0], count: 12, candidates: 1, temperature: 0, seed: 1, stop: null };

describe.skipIf(!kernel)('a text generating program', () => {
  it.each<[Strategy, Quant]>([
    ['global', 'w8a16'],
    ['may_goto', 'w8a16'],
    ['bpf_loop', 'w8a16'],
    ['global', 'w16a16'],
    ['may_goto', 'w8a8'],
    ['bpf_loop', 'w4a16'],
    ['global', 'w8a8,/h.0/c_fc/MatMul=w2a16,/h.1/c_attn/MatMul=w1a16'],
  ])(
    'is accepted, and writes the same tokens in the kernel as in both engines (%s, %s)',
    async (strategy, quant) => {
      const { program, meta } = await buildDecoder({
        model: loadModel(read, 'gpt-small'),
        modelFile: 'gpt-small.onnx',
        kernel: '6.18',
        strategy,
        quant,
        texts: null,
      });
      const decoder = meta.decoder!;
      const ours = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
      expect(ours.message).toBeNull();
      const [back] = readObject(writeObject([program], { meta }), 'gpt-small.o').programs;
      const kernelText = await KernelText.open(back);
      try {
        expect((await kernelText.program.info()).verifiedInsns).toBe(ours.processed);
        const machines = [kernelText, new VmText(program, 'wasm'), new VmText(program, 'interp')];
        const requests: GenerateRequest[] = [
          GREEDY,
          // So cold that no other token has a share: differences of scores lie far beyond the table of exponentials.
          { ...GREEDY, candidates: 3, temperature: 0.002, seed: 7 },
          { ...GREEDY, candidates: 3, temperature: 2, seed: 5 },
          // Goes on where the last call ended, one token a call.
          { ...GREEDY, reset: false, prompt: [], count: 1 },
          { ...GREEDY, prompt: [2], stop: 0, temperature: 1, candidates: 3 },
        ];
        const texts: (readonly number[])[] = [];
        for (const request of requests) {
          const results = [];
          for (const machine of machines) results.push(decodeResult((await machine.run(encodeRequest(request, decoder))).output, decoder));
          expect(results[1]).toEqual(results[0]);
          expect(results[2]).toEqual(results[0]);
          expect(results[0].tokens.length).toBeGreaterThan(0);
          texts.push(results[0].tokens);
        }
        expect(texts[1]).toEqual(texts[0]);
      } finally {
        kernelText.close();
      }
    },
    60_000,
  );
});
