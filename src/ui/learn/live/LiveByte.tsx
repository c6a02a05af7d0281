import { useMemo } from 'react';
import { frameOf, useFrames } from '../../../workbench/frames.ts';
import { editedPacket } from '../../../workbench/pipeline.ts';
import { partId, splitPart } from '../../../workbench/selection.ts';
import { select, useWorkbench } from '../../../workbench/store.ts';
import type { PacketTraceView } from '../../../workbench/views.ts';
import { course } from '../../texts/course.ts';
import ByteTouch from '../../touch/ByteTouch.tsx';
import { tokenRange } from '../../trace/packet-info.ts';
import type { WidgetProps } from '../widgets.ts';
import { givenNumber, NumberField } from './NumberField.tsx';
import { Ready } from './Ready.tsx';

const texts = course.tools;

/** A byte of the packet at the cursor: the one that is selected, else that of token number `token`. */
export default function LiveByte({ args }: WidgetProps) {
  const trace = useWorkbench((state) => state.stages.trace.value);
  return (
    <Ready>
      {({ event }) =>
        trace?.kind === 'packets' ? <Byte trace={trace} packet={event} token={args.token} /> : <p className="muted">{texts.noPackets}</p>
      }
    </Ready>
  );
}

function Byte({ trace, packet, token }: { trace: PacketTraceView; packet: number; token: string | undefined }) {
  const version = useFrames((state) => state.version);
  const { edits, binding } = useWorkbench((state) => state.history.doc);
  const cursor = splitPart(useWorkbench((state) => state.cursors.byte) ?? '');
  // biome-ignore lint/correctness/useExhaustiveDependencies: packets come from their file later
  const original = useMemo(() => frameOf(trace, packet), [trace, packet, version]);
  const bytes = useMemo(() => original && editedPacket(original, edits, packet), [original, edits, packet]);
  const tokens = useMemo(() => original && tokenRange(original, binding), [original, binding]);
  if (!original || !bytes) return <p className="muted">{course.computing}</p>;
  if (!tokens || tokens.to <= tokens.from) return <p className="muted">{texts.noTokens(packet)}</p>;
  const count = tokens.to - tokens.from;
  const at = cursor.whole === String(packet) && cursor.part < bytes.length ? cursor.part : tokens.from + givenNumber(token, count);
  return (
    <>
      <div className="touch-form">
        <span className="small">{texts.packet(packet, count)}</span>
        <NumberField
          label={texts.token}
          value={Math.max(0, at - tokens.from)}
          count={count}
          onChange={(next) => select('byte', partId(packet, tokens.from + next))}
        />
      </div>
      <ByteTouch key={packet} packet={packet} at={at} original={original} bytes={bytes} tokens={tokens} />
    </>
  );
}
