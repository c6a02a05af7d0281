const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Texts of the Trace panel. */
export const trace = {
  title: 'Trace',
  about: 'Packets or tensors of the trace, with verdicts and bytes',
  bytes: {
    head: (packet: string, bytes: string) => `Packet ${packet} · ${bytes} B`,
    tokens: (tokens: number, length: number) => ` · ${tokens} of ${length} tokens`,
    noTokens: ' · no payload for this binding',
    reference: (score: string) => ` · reference ${score}`,
    revert: 'Revert bytes',
    grid: (packet: number) => `Bytes of packet ${packet + 1}; type hex digits to change one`,
    cell: (at: number, byte: number, token: boolean, related: boolean, changed: boolean) =>
      `byte ${at}, ${hex(byte)}${token ? ', token' : ''}${related ? ', related' : ''}${changed ? ', changed' : ''}`,
    payload: 'payload',
    /** What the byte at the cursor becomes. */
    byte: (at: number, byte: number) => `byte ${at} = 0x${hex(byte)}`,
    element: (tensor: string, index: number) => `${tensor}[${index}]`,
    row: (table: string, row: number) => `row ${row} of ${table}`,
    notToken: 'read where the binding looks for the payload',
    notRead: 'not read by the model',
    relatedTokens: (tokens: number) => ` · ${tokens} related ${tokens === 1 ? 'token' : 'tokens'} underlined`,
    holdsToken: (token: number) => `holds token ${token}`,
  },
  tensor: {
    head: (input: string, dims: string, dtype: string, most: string) => `input ${input} · ${dims} ${dtype} · |max| ${most}`,
  },
  summary: (file: string, events: string, kind: 'packets' | 'tensors' | 'calls') =>
    `${file} · ${events} ${{ packets: 'packets', tensors: 'inputs', calls: 'calls' }[kind]} · `,
  replayed: (done: string) => `${done} replayed`,
  commands: {
    pause: 'Pause the replay, or go on',
    step: 'Replay the next event and select it',
    stop: 'Stop the replay',
    restart: 'Replay from the beginning',
  },
  bindingButton: 'Binding',
  empty: {
    title: 'No trace is open.',
    text: 'Packets of a capture (.pcap), inputs of a tensor file (.npy, .npz) or system calls (strace, perf script, JSON) appear here with the verdict that the program gives each. Drop one anywhere.',
  },
  columns: {
    number: '#',
    time: 'time s',
    ends: 'source → destination',
    info: 'info',
    verdict: 'verdict',
    score: 'score',
    reference: 'reference',
    label: 'label',
    class: 'class',
    margin: 'margin',
    outputs: 'outputs',
  },
  packets: 'Packets',
  inputs: 'Inputs',
  packetRow: (packet: number, source: string, destination: string, info: string) =>
    [`packet ${packet + 1}`, source && `${source} to ${destination}`, info].filter(Boolean).join(', '),
  packetComes: (packet: number) => `packet ${packet + 1}, being read`,
  verdictOf: (verdict: string, score: string) => `, ${verdict}, score ${score}`,
  notReplayed: ', not yet replayed',
  /** What is shorter than an address has none. */
  ends: (source: string, destination: string) => (source ? `${source} → ${destination}` : '–'),
  inputRow: (input: number, ours: number | null, theirs: number | null) =>
    `input ${input + 1}, ${ours === null ? 'not yet replayed' : `class ${ours}`}${theirs === null ? '' : `, reference ${theirs}`}`,
};
