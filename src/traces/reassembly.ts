import type { Fragment } from './dissect/walk.ts';

interface Datagram {
  readonly pieces: { readonly packet: number; readonly offset: number; readonly data: Uint8Array }[];
  /** Length of the whole; -1 as long as the last piece is missing. */
  total: number;
  held: number;
}

/** Bytes of datagrams that are not complete; the oldest are given up beyond it. */
const MAX_HELD = 16 << 20;

/**
 * Puts datagrams together from their pieces (RFC 791 section 3.2, RFC 8200 section 4.5): a datagram is whole with the packet that fills
 * its last gap, whatever the order. Where pieces overlap, the one that begins first keeps its bytes, as Wireshark has it.
 */
export class Reassembly {
  readonly #open = new Map<string, Datagram>();
  readonly #complete = new Map<number, readonly number[]>();
  #held = 0;

  /** The whole datagram when this piece completes it, else null. */
  add(packet: number, { key, offset, more, data }: Fragment): Uint8Array | null {
    let datagram = this.#open.get(key);
    if (!datagram) {
      datagram = { pieces: [], total: -1, held: 0 };
      this.#open.set(key, datagram);
    }
    // What says first where the end is, is believed.
    if (!more && datagram.total < 0) datagram.total = offset + data.length;
    // A piece that came before says nothing new.
    if (datagram.pieces.some((piece) => piece.offset === offset && piece.data.length >= data.length)) return null;
    datagram.pieces.push({ packet, offset, data: data.slice() });
    datagram.held += data.length;
    this.#held += data.length;
    const whole = joined(datagram);
    if (whole) {
      this.#drop(key, datagram);
      this.#complete.set(packet, [...new Set(datagram.pieces.map((piece) => piece.packet))]);
    }
    while (this.#held > MAX_HELD) {
      const [oldest, first] = this.#open.entries().next().value!;
      this.#drop(oldest, first);
    }
    return whole;
  }

  /** The packets that hold the pieces of the datagram which `packet` completed. */
  piecesOf(packet: number): readonly number[] | null {
    return this.#complete.get(packet) ?? null;
  }

  #drop(key: string, datagram: Datagram): void {
    this.#open.delete(key);
    this.#held -= datagram.held;
  }
}

function joined({ pieces, total, held }: Datagram): Uint8Array | null {
  if (total < 0 || held < total) return null;
  const sorted = [...pieces].sort((a, b) => a.offset - b.offset);
  let reached = 0;
  for (const { offset, data } of sorted) if (offset <= reached) reached = Math.max(reached, offset + data.length);
  if (reached < total) return null;
  const whole = new Uint8Array(total);
  reached = 0;
  for (const { offset, data } of sorted) {
    // Pieces may reach, or lie, behind what the last one said is the end.
    const end = Math.min(total, offset + data.length);
    if (end <= reached) continue;
    whole.set(data.subarray(reached - offset, end - offset), reached);
    reached = end;
  }
  return whole;
}
