import { ACK_FLAG, FIN, RST, SYN } from './dissect/tcp.ts';
import { UNACKNOWLEDGED_COLUMNS, type Unacknowledged } from './unacknowledged.ts';

// What a segment is to those before it, as Wireshark tells it (tcp_analyze_sequence_number of 4.0): from sequence numbers, acknowledgments,
// windows and times of both directions.

export const RETRANSMISSION = 1;
export const OUT_OF_ORDER = 2;
export const FAST_RETRANSMISSION = 4;
export const SPURIOUS_RETRANSMISSION = 8;
export const LOST_SEGMENT = 16;
export const ACK_LOST_SEGMENT = 32;
export const DUPLICATE_ACK = 64;
export const KEEP_ALIVE = 128;
export const KEEP_ALIVE_ACK = 256;
export const ZERO_WINDOW = 512;
export const ZERO_WINDOW_PROBE = 1024;
export const ZERO_WINDOW_PROBE_ACK = 2048;
export const WINDOW_UPDATE = 4096;
export const WINDOW_FULL = 8192;
export const REUSED_PORTS = 16_384;

/** Numbers of one direction that are remembered from segment to segment; 0 is "not seen yet". */
export const SIDE_COLUMNS = 8 + UNACKNOWLEDGED_COLUMNS;
const NEXT = 0;
const NEXT_TIME = 1;
const MAX_ACKED = 2;
const LAST_ACK = 3;
const ACK_TIME = 4;
const WINDOW = 5;
const DUPLICATES = 6;
const LAST_FLAGS = 7;
const UNACKNOWLEDGED = 8;

const UNKNOWN_WINDOW = 0xffffffff;
/** In seconds: what comes sooner behind the newest segment is out of order, as long as no round trip was measured; what comes sooner behind
 * duplicate acknowledgments is a fast retransmission. */
const OUT_OF_ORDER_TIME = 0.003;
const FAST_TIME = 0.02;

export interface AnalysedSegment {
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  readonly payload: number;
  /** In seconds. */
  readonly time: number;
}

const less = (a: number, b: number): boolean => ((a - b) | 0) < 0;
const lessOrSame = (a: number, b: number): boolean => ((a - b) | 0) <= 0;

export function beginSide(rows: Float64Array, at: number): void {
  rows.fill(0, at, at + SIDE_COLUMNS);
  rows[at + WINDOW] = UNKNOWN_WINDOW;
}

/** A SYN that is sent again sets back what a reset moved. */
export function restoreNext(rows: Float64Array, side: number): void {
  rows[side + NEXT] = rows[side + MAX_ACKED]!;
}

/**
 * Tells what a segment is and remembers it. `own` and `other` are the columns of the segment's direction and of the one against it;
 * `otherShift` is the shift of the other side's window (-1 unknown, -2 not in use), `roundTrip` that of the handshake in seconds, 0 without one;
 * `unacknowledged` are the segments of all flows.
 */
export function analyse(
  rows: Float64Array,
  own: number,
  other: number,
  segment: AnalysedSegment,
  otherShift: number,
  roundTrip: number,
  unacknowledged: Unacknowledged,
): number {
  const { sequence, acknowledgment, flags, window, payload } = segment;
  const next = rows[own + NEXT]!;
  const quiet = (flags & (SYN | FIN | RST)) === 0;
  const sameAck = acknowledgment === rows[own + LAST_ACK]!;
  let found = 0;
  const forward = (): void => {
    if (payload === 1 && sequence === next && rows[other + WINDOW] === 0) {
      found |= ZERO_WINDOW_PROBE;
      return;
    }
    if (window === 0 && quiet) found |= ZERO_WINDOW;
    if (next !== 0 && less(next, sequence) && !(flags & RST)) found |= LOST_SEGMENT;
    if (payload <= 1 && sequence === (next - 1) >>> 0 && quiet) found |= KEEP_ALIVE;
    const repeats = payload === 0 && sequence === next && sameAck && quiet;
    const sameWindow = window === rows[own + WINDOW];
    if (repeats && window !== 0 && !sameWindow) found |= WINDOW_UPDATE;
    if (payload > 0 && otherShift !== -1 && quiet) {
      const edge = rows[other + LAST_ACK]! + rows[other + WINDOW]! * 2 ** Math.max(0, otherShift);
      if ((sequence + payload) >>> 0 === edge >>> 0) found |= WINDOW_FULL;
    }
    if (!repeats || !sameWindow) return;
    if (window !== 0 && rows[other + LAST_FLAGS]! & KEEP_ALIVE) {
      found |= KEEP_ALIVE_ACK;
    } else if (window === 0 && rows[other + LAST_FLAGS]! & ZERO_WINDOW_PROBE) {
      found |= ZERO_WINDOW_PROBE_ACK;
    } else if (window !== 0) {
      rows[own + DUPLICATES] = rows[own + DUPLICATES] === -1 ? 1 : rows[own + DUPLICATES]! + 1;
      found |= DUPLICATE_ACK;
    }
  };
  forward();
  if (!sameAck) rows[own + DUPLICATES] = 0;
  if (rows[other + MAX_ACKED] !== 0 && flags & ACK_FLAG && less(rows[other + MAX_ACKED]!, acknowledgment)) {
    if (less(rows[other + MAX_ACKED]!, rows[other + NEXT]!)) {
      rows[other + MAX_ACKED] = rows[other + NEXT]!;
      found |= ACK_LOST_SEGMENT;
    } else {
      if (rows[other + DUPLICATES] === 0) found |= ACK_LOST_SEGMENT;
      rows[other + DUPLICATES] = -1;
    }
  }
  const end = (sequence + payload + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
  const carries = payload > 0 || flags & (SYN | FIN);
  if (carries && !(found & KEEP_ALIVE)) found |= repeated(rows, own, other, segment, end, roundTrip);
  // Of what is one too many, Wireshark does not count that a SYN or a FIN takes a number.
  const counted = !carries || unacknowledged.add(rows, own + UNACKNOWLEDGED, end);
  remember(rows, own, segment, counted ? end : (sequence + payload) >>> 0, found);
  unacknowledged.acknowledge(rows, other + UNACKNOWLEDGED, acknowledgment);
  return found;
}

/** Whether a segment that carries something was there before. */
function repeated(rows: Float64Array, own: number, other: number, segment: AnalysedSegment, end: number, roundTrip: number): number {
  const { sequence, payload, time } = segment;
  const next = rows[own + NEXT]!;
  // One byte before what is expected may have been a probe of a closed window.
  const probed = payload > 1 && (next - 1) >>> 0 === sequence;
  const behind = next !== 0 && less(sequence, next) && !probed;
  const lastAck = rows[other + LAST_ACK]!;
  if (payload > 0 && lastAck !== 0 && lessOrSame(sequence + payload, lastAck)) return SPURIOUS_RETRANSMISSION;
  if (!behind) return 0;
  const within = (since: number, limit: number): boolean => time - since >= 0 && time - since < limit;
  // The mark of an acknowledgment of something unseen counts as many.
  const duplicates = rows[other + DUPLICATES]!;
  if ((duplicates >= 2 || duplicates === -1) && lastAck === sequence && within(rows[other + ACK_TIME]!, FAST_TIME))
    return FAST_RETRANSMISSION;
  return end !== next && within(rows[own + NEXT_TIME]!, roundTrip || OUT_OF_ORDER_TIME) ? OUT_OF_ORDER : RETRANSMISSION;
}

function remember(rows: Float64Array, own: number, segment: AnalysedSegment, end: number, found: number): void {
  const { sequence, acknowledgment, window, time } = segment;
  const probe = (found & ZERO_WINDOW_PROBE) !== 0;
  if (!probe && (rows[own + NEXT] === 0 || less(rows[own + NEXT]!, end))) {
    rows[own + NEXT] = end;
    rows[own + NEXT_TIME] = time;
  }
  if (!probe && (rows[own + MAX_ACKED] === 0 || rows[own + MAX_ACKED] === sequence)) rows[own + MAX_ACKED] = rows[own + NEXT]!;
  rows[own + WINDOW] = window;
  rows[own + LAST_ACK] = acknowledgment;
  rows[own + ACK_TIME] = time;
  rows[own + LAST_FLAGS] = found;
}
