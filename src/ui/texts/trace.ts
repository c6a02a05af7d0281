const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Texts of the Trace panel. */
export const trace = {
  title: 'Trace',
  about: 'Packets or tensors of the trace, with verdicts and bytes',
  bytes: {
    head: (packet: number, bytes: number) => `Packet ${packet + 1} · ${bytes} B`,
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
    relatedTokens: (tokens: number) => `${tokens} related ${tokens === 1 ? 'token' : 'tokens'} underlined`,
    holdsToken: (token: number) => `holds token ${token}`,
  },
  tensor: {
    head: (at: number, dims: string, dtype: string, most: string) => `input ${at + 1} · ${dims} ${dtype} · |max| ${most}`,
  },
};
