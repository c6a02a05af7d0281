import { WireReader } from './wire.ts';
import { WireWriter } from './write.ts';

/** Copies a message field by field; `change` may write something else in place of a field, and then gives true. */
export function rewrite(from: WireReader, change: (field: number, at: WireReader, to: WireWriter) => boolean): Uint8Array {
  const to = new WireWriter();
  for (;;) {
    const start = from.pos;
    if (!from.next()) return to.finish();
    const isMessage = from.wireType === 2;
    // A reader of the field alone, so that what `change` reads does not move the one that copies.
    const { field } = from;
    from.skip();
    const alone = new WireReader(from.bytes, '', start, from.pos);
    alone.next();
    if (isMessage && change(field, alone, to)) continue;
    to.raw(from.bytes.subarray(start, from.pos));
  }
}
