const count = (value: number): string => Math.round(value).toLocaleString('en');
const size = (bytes: number): string => (bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Texts of the Text panel, which load with it. */
export const text = {
  prompt: 'Prompt',
  beginning: 'Once upon a time, there was a',
  write: 'Write',
  stop: 'Stop',
  temperature: 'Temperature',
  temperatureAbout: '0 always takes the likeliest token; 1 draws with the model’s own probabilities',
  topK: 'Draw from the best',
  topKAbout: 'Tokens that are drawn from, 1 to 64',
  seed: 'Seed',
  seedAbout: 'The same seed gives the same text, here and in the kernel',
  building: 'Compiling the language model',
  stages: { calibrating: 'calibrating', 'generating code': 'generating code', fetching: 'fetching' } as Readonly<Record<string, string>>,
  again: 'Try again',
  written: 'Text',
  empty: 'The text appears here. The program reads the prompt, keeps keys and values of every token in a map, and writes one token a call.',
  program: (insns: number, weights: number, positions: number, vocabulary: number) =>
    `${count(insns)} instructions of type syscall · ${size(weights)} of weights · room for ${count(positions)} tokens · vocabulary of ${count(vocabulary)}`,
  rate: (tokens: number, perSecond: number, place: number, positions: number) =>
    `${count(tokens)} ${tokens === 1 ? 'token' : 'tokens'} · ${count(perSecond)} a second in WebAssembly · place ${count(place)} of ${count(positions)}`,
  ended: 'the model ended its text',
  full: 'no place is left',
  stopped: 'stopped',
  candidates: (token: string) => `What could have stood for ${token}`,
  last: 'Likeliest tokens',
  token: 'Token',
  share: 'Probability',
  chosen: '◂ chosen',
  pickToken: 'Choose a token of the text to see what else was likely there.',
  save: 'Save object',
  saveAbout:
    'The program as an object that Linux loads: bpformer generate stories.o --engine kernel --prompt "Once upon a time, there was a" --tokens 100',
  shown: (token: string): string => token.replace(/\n/g, '⏎').replace(/ /g, '·') || '∅',
  endToken: 'end of text',
  step: {
    title: 'The text and what may follow',
    next: 'What may come next: Enter takes a token, Backspace gives the last one back',
    took: (token: string) => `${token} taken`,
    back: 'Give the last back',
    anew: 'Without the cache: read all again for each token',
    computed: 'This step',
    cost: (positions: number, ns: number) =>
      `${count(positions)} ${positions === 1 ? 'position' : 'positions'} computed, ${(ns / 1e6).toPrecision(2)} ms in WebAssembly`,
    cache: 'Cache',
    places: (position: number, positions: number, bytes: number) =>
      `${count(position)} of ${count(positions)} places, ${count((bytes / positions) * position)} of ${count(bytes)} bytes`,
  },
  percent: (share: number): string => (share < 0.0005 ? '< 0.1 %' : `${(share * 100).toFixed(1)} %`),
} as const;
