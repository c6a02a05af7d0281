import { highlight } from './highlight.ts';

/** A line of assembly in its colours, the text that is searched for marked. */
export function Code({ text, query = '' }: { text: string; query?: string }) {
  const at = query === '' ? -1 : text.toLowerCase().indexOf(query);
  const end = at + query.length;
  let place = 0;
  return (
    <span className="code">
      {highlight(text).map((token, number) => {
        const from = place;
        place += token.text.length;
        const className = token.kind === 'plain' ? undefined : `syn-${token.kind}`;
        // A hit may begin and end within a token.
        const low = Math.max(0, at - from);
        const high = Math.min(token.text.length, end - from);
        const hit = at >= 0 && low < high;
        return (
          <span key={number} className={className}>
            {hit ? (
              <>
                {token.text.slice(0, low)}
                <mark>{token.text.slice(low, high)}</mark>
                {token.text.slice(high)}
              </>
            ) : (
              token.text
            )}
          </span>
        );
      })}
    </span>
  );
}
