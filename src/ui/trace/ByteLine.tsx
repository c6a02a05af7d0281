import { partId } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { trace as texts } from '../texts/trace.ts';
import { embeddings } from './token-row.ts';

interface ByteLineProps {
  readonly at: number;
  readonly byte: number;
  /** Where tokens begin and end, and the model input that they are; null without any. */
  readonly tokens: { readonly from: number; readonly to: number; readonly tensor: string } | null;
  /** How many tokens belong to what is selected elsewhere. */
  readonly related: number;
}

/** What the byte at the cursor becomes: the token, its element of the model's input, the row that it looks up. */
export function ByteLine({ at, byte, tokens, related }: ByteLineProps) {
  const model = useWorkbench((state) => state.stages.model.value);
  const token = tokens !== null && at >= tokens.from && at < tokens.to ? at - tokens.from : -1;
  return (
    <p className="byte-line small" data-testid="byte-line">
      <span className="mono">{texts.bytes.byte(at, byte)}</span>
      {token >= 0 && tokens ? (
        <>
          {' → '}
          <button type="button" className="link" onClick={() => select('element', partId(tokens.tensor, token))}>
            {texts.bytes.element(tokens.tensor, token)}
          </button>
          {embeddings(model, tokens.tensor).map(({ node, table }) => (
            <span key={node.index}>
              {' → '}
              <button type="button" className="link" title={node.name} onClick={() => select('weight', partId(table, byte))}>
                {texts.bytes.row(table, byte)}
              </button>
            </span>
          ))}
        </>
      ) : tokens ? (
        <span className="muted"> {at < tokens.from ? texts.bytes.notToken : texts.bytes.notRead}</span>
      ) : null}
      {related > 0 ? <span className="muted">{texts.bytes.relatedTokens(related)}</span> : null}
    </p>
  );
}
