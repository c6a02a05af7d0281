import { useMemo, useState } from 'react';
import { select } from '../../workbench/store.ts';
import type { VerifiedView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { Code } from '../program/Listing.tsx';

/** Width of a character of the code font. */
const CHARACTER_PX = 7.5;

/** The verifier's log in the kernel's words; only the lines in view are decoded. */
export function LogView({ verified }: { verified: VerifiedView }) {
  const [active, setActive] = useState(-1);
  const line = useMemo(() => {
    const decoder = new TextDecoder();
    const { log, logLines } = verified;
    return (at: number) => decoder.decode(log.subarray(logLines[at]!, (logLines[at + 1] ?? log.length + 1) - 1));
  }, [verified]);
  const longest = useMemo(() => {
    let most = 0;
    verified.logLines.forEach((start, at) => {
      most = Math.max(most, (verified.logLines[at + 1] ?? verified.log.length) - start);
    });
    return most * CHARACTER_PX + 24;
  }, [verified]);
  return (
    <VirtualList
      label="Verifier log"
      className="mono log"
      count={verified.logLines.length}
      rowHeight={18}
      active={active}
      minWidth={longest}
      rowClass={(at) => (at === active ? 'selected' : '')}
      onActivate={(at) => {
        setActive(at);
        const match = /^\s*(\d+): \(/.exec(line(at));
        if (match) select('insn', Number(match[1]));
      }}
    >
      {(at) => <LogLine text={line(at)} />}
    </VirtualList>
  );
}

function LogLine({ text }: { text: string }) {
  if (text.startsWith(';')) return <span className="syn-comment">{text}</span>;
  const match = /^(\s*\d+: \([0-9a-f]{2}\) )(.*?)(\s*;.*)?$/.exec(text);
  if (!match) return <span>{text}</span>;
  return (
    <span>
      <span className="muted">{match[1]}</span>
      <Code text={match[2]!} />
      {match[3] ? <span className="syn-comment">{match[3]}</span> : null}
    </span>
  );
}
