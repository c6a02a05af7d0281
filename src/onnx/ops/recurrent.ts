import type { OpContext, OpDef, Shaped } from './context.ts';

/** Shapes of RNN, GRU and LSTM: all hidden states, then the last one, then for LSTM the last cell state. */
function recurrent(outputs: 2 | 3): OpDef {
  return {
    infer: (c: OpContext): Shaped[] => {
      const { dims, dtype } = c.in(0);
      const w = c.in(1).dims;
      const r = c.in(2).dims;
      if (dims.length !== 3 || w.length !== 3 || r.length !== 3) c.fail('its input and weights need three dimensions each');
      if (c.int('layout', 0) !== 0) c.fail('its layout is batch first', 'Export it with layout 0 and a Transpose');
      const [steps, batch, size] = dims;
      const hidden = c.int('hidden_size', r[2]!);
      const directions = c.str('direction', 'forward') === 'bidirectional' ? 2 : 1;
      if (w[2] !== size || r[2] !== hidden || w[0] !== directions || w[1] !== r[1])
        c.fail(`its weights [${w.join(', ')}] and [${r.join(', ')}] do not fit its input [${dims.join(', ')}]`);
      const last = { dtype, dims: [directions, batch!, hidden] };
      return [{ dtype, dims: [steps!, directions, batch!, hidden] }, last, ...(outputs === 3 ? [last] : [])];
    },
  };
}

export const RECURRENT: Readonly<Record<string, OpDef>> = { GRU: recurrent(2), LSTM: recurrent(3), RNN: recurrent(2) };
