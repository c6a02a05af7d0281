import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { DecoderMeta } from '../compiler/api.ts';
import { FLAG_RESET, INPUT, OUTPUT, outputBytes, STATUS } from '../compiler/lm/layout.ts';
import { SCORES } from '../compiler/lm/sample-kernels.ts';
import { CONTROL_MAP, judgeAll } from '../hooks/production/binding.ts';
import type { TextBinding } from '../hooks/text/binding.ts';
import { answerOf, requestFrame, type TextAnswer } from '../hooks/text/packet.ts';
import { Vm } from '../vm/vm.ts';
import type { TextMachine } from './generate.ts';

const KEY0 = new Uint8Array(4);
const SESSION = 1;

/** Gives a packet to a program; the packet as it left it, and what that took. */
export type Send = (frame: Uint8Array) => Promise<{ readonly packet: Uint8Array; readonly ns: number }>;

/** A text generating program that takes packets, spoken to as if it took whole requests: what exceeds a packet goes into several of one session. */
export class PacketText implements TextMachine {
  readonly #binding: TextBinding;
  readonly #positions: number;
  readonly #send: Send;
  readonly #scores: () => Promise<Uint8Array>;

  constructor(binding: TextBinding, { positions }: Pick<DecoderMeta, 'positions'>, send: Send, scores: () => Promise<Uint8Array>) {
    this.#binding = binding;
    this.#positions = positions;
    this.#send = send;
    this.#scores = scores;
  }

  /** In our engine. */
  static inVm(program: Program, engine: 'wasm' | 'interp', binding: TextBinding, decoder: DecoderMeta): PacketText {
    const vm = new Vm(program, { engine, timeLimitMs: Number.POSITIVE_INFINITY, maxInsns: Number.MAX_SAFE_INTEGER });
    // Whatever share of packets the program answers in production, and even if it only watches them.
    if (vm.maps.has(CONTROL_MAP)) vm.maps.get(CONTROL_MAP).update(KEY0, judgeAll());
    const send: Send = async (frame) => {
      const before = performance.now();
      const { packet } = vm.runXdp(frame);
      return { packet, ns: (performance.now() - before) * 1e6 };
    };
    return new PacketText(binding, decoder, send, async () => vm.maps.get(SCORES).lookup(KEY0)!.slice());
  }

  async run(input: Uint8Array): Promise<{ output: Uint8Array; ns: number }> {
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    const word = (off: number): number => view.getUint32(off, true);
    const [most, makes] = [this.#binding.input.length, this.#binding.output.length];
    const prompt = Array.from({ length: word(INPUT.prompt) }, (_, i) => view.getUint16(INPUT.tokens + 2 * i, true));
    const tokens: number[] = [];
    let ns = 0;
    const ask = async (reset: boolean, part: readonly number[], generate: number): Promise<TextAnswer> => {
      const frame = requestFrame(this.#binding, {
        reset,
        prompt: part,
        generate,
        candidates: word(INPUT.candidates),
        temperature: word(INPUT.temperature),
        seed: word(INPUT.seed),
        stop: word(INPUT.stop),
        session: SESSION,
      });
      const sent = await this.#send(frame);
      ns += sent.ns;
      const answer = answerOf(sent.packet);
      tokens.push(...answer.tokens);
      if (answer.status === STATUS.busy) throw new InputError('another packet is being answered', '', 'Send it again when that has ended');
      return answer;
    };
    let answer: TextAnswer = { status: STATUS.done, position: 0, tokens: [] };
    const wanted = word(INPUT.generate);
    for (let at = 0; at === 0 || at < prompt.length; at += most) {
      const last = at + most >= prompt.length;
      const reset = at === 0 && (word(INPUT.flags) & FLAG_RESET) !== 0;
      answer = await ask(reset, prompt.slice(at, at + most), last ? Math.min(wanted, makes) : 0);
      if (answer.status !== STATUS.done) break;
    }
    while (answer.status === STATUS.done && tokens.length < wanted) answer = await ask(false, [], Math.min(makes, wanted - tokens.length));
    const output = new Uint8Array(outputBytes(this.#positions));
    const out = new DataView(output.buffer);
    out.setUint32(OUTPUT.status, answer.status, true);
    out.setUint32(OUTPUT.count, tokens.length, true);
    out.setUint32(OUTPUT.position, answer.position, true);
    for (const [i, token] of tokens.entries()) out.setUint32(OUTPUT.tokens + 4 * i, token, true);
    return { output, ns };
  }

  scores(): Promise<Uint8Array> {
    return this.#scores();
  }
}
