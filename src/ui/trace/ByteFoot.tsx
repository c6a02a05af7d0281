import type { ComponentProps } from 'react';
import { useWorkbench } from '../../workbench/store.ts';
import ByteTouch from '../touch/ByteTouch.tsx';
import { ByteLine } from './ByteLine.tsx';

interface ByteFootProps extends ComponentProps<typeof ByteLine> {
  readonly packet: number;
  readonly original: Uint8Array;
  readonly bytes: Uint8Array;
  /** Bytes that are tokens, also where the model is not known yet. */
  readonly range: { readonly from: number; readonly to: number } | null;
}

/** What stands below a packet's bytes: where the byte at the cursor goes, and the byte under the hand. */
export default function ByteFoot({ packet, original, bytes, range, ...line }: ByteFootProps) {
  const model = useWorkbench((state) => state.stages.model.value !== null);
  return (
    <>
      <ByteLine {...line} />
      {model ? <ByteTouch packet={packet} at={line.at} original={original} bytes={bytes} tokens={range} /> : null}
    </>
  );
}
