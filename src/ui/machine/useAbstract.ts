import { useEffect, useState } from 'react';
import { askAbstract } from '../../workbench/machine.ts';
import type { AbstractView, MachineView } from '../../workbench/machine-views.ts';

type Row = AbstractView['rows'][number];

export interface Knowledge {
  readonly state: AbstractView | null;
  readonly rows: ReadonlyMap<string, Row>;
  readonly asking: boolean;
}

/** One question at a time: the verifier hears nothing while it works, and who no longer wants an answer does not ask. */
let questions: Promise<void> = Promise.resolve();
/** A moment of rest before the verifier is asked, so that stepping fast asks for nothing on the way. */
const REST_MS = 120;

/** What the verifier knew at the innermost function's place, beside the values that stand there. */
export function useAbstract(programKey: string, view: MachineView): Knowledge {
  const [known, setKnown] = useState<{ readonly of: MachineView; readonly state: AbstractView | null } | null>(null);
  useEffect(() => {
    if (view.insn < 0) return;
    let wanted = true;
    const ask = async (): Promise<void> => {
      if (!wanted) return;
      const state = await askAbstract(programKey, view.insn, valuesOf(view)).catch(() => null);
      if (wanted) setKnown({ of: view, state });
    };
    const timer = window.setTimeout(() => {
      questions = questions.then(ask);
    }, REST_MS);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [programKey, view]);
  const fresh = known?.of === view ? known : null;
  return {
    state: fresh?.state ?? null,
    rows: new Map(fresh?.state?.rows.map((row) => [row.name.toLowerCase(), row])),
    asking: view.insn >= 0 && fresh === null,
  };
}

/** Registers and slots of the innermost function by the verifier's names. */
function valuesOf({ registers, frames }: MachineView): Record<string, string> {
  const values: Record<string, string> = {};
  registers.slice(0, 10).forEach((value, at) => {
    values[`r${at}`] = value;
  });
  const stack = frames.at(-1)?.stack;
  if (stack) {
    const bytes = new DataView(stack.buffer, stack.byteOffset, stack.byteLength);
    for (let off = 8; off <= stack.length; off += 8) values[`fp-${off}`] = bytes.getBigUint64(stack.length - off, true).toString();
  }
  return values;
}
