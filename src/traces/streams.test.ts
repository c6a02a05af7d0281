import { describe, expect, it } from 'vitest';
import { Analysis } from './analysis.ts';
import { openCapture } from './capture/capture.ts';
import { memorySource } from './capture/source.ts';
import { Dissection } from './dissect/dissection.ts';
import { fieldId } from './dissect/fields.ts';
import { EVERYTHING } from './dissect/walk.ts';
import { pcapFile } from './testing/capture-files.ts';

const PUSH = 0x18;
const FIN = 0x11;

/** A segment of one connection to or from port 80, on raw IPv4. */
function segment(forward: boolean, sequence: number, text: string, flags = PUSH): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const bytes = new Uint8Array(40 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  view.setUint16(8, 0x4006);
  view.setUint32(12, forward ? 0x0a000001 : 0x0a000002);
  view.setUint32(16, forward ? 0x0a000002 : 0x0a000001);
  view.setUint16(20, forward ? 5000 : 80);
  view.setUint16(22, forward ? 80 : 5000);
  view.setUint32(24, sequence);
  view.setUint32(28, forward ? 9000 : 1000);
  view.setUint16(32, 0x5000 | flags);
  view.setUint16(34, 1000);
  bytes.set(payload, 40);
  return bytes;
}

/** Of each packet: what its first and its second reading say of HTTP. */
async function statuses(segments: readonly Uint8Array[]): Promise<string[]> {
  const capture = await openCapture(
    memorySource(
      pcapFile(
        segments.map((data, seconds) => ({ data, seconds })),
        { linkType: 101 },
      ),
    ),
  );
  const analysis = new Analysis(capture);
  const out = new Dissection();
  const told = (): string => {
    const rows = [...out.rows(fieldId('http.request.method')), ...out.rows(fieldId('http.response.phrase'))];
    return rows.map((at) => out.text[at]).join(' ');
  };
  const first: string[] = [];
  await analysis.follow(out, {}, EVERYTHING, () => first.push(told()));
  const again: string[] = [];
  await analysis.walk(out, {}, EVERYTHING, 0, () => again.push(told()));
  expect(again).toEqual(first);
  for (let at = capture.count - 1; at >= 0; at--) {
    await analysis.dissect(out, at);
    expect(told()).toBe(first[at]);
  }
  return first;
}

describe('messages over several segments', () => {
  it('are read with the segment that completes them', async () => {
    const head = 'HTTP/1.1 200 Fine\r\nContent-Length: 10\r\n\r\n';
    const found = await statuses([
      segment(true, 1000, 'GET / HT'),
      segment(true, 1008, 'TP/1.1\r\n\r\n'),
      segment(false, 9000, `${head}01234`),
      segment(false, 9000 + head.length + 5, '56789HTTP/1.1 204 Empty\r\n\r\nHTTP'),
    ]);
    expect(found).toEqual(['', 'GET', '', 'Fine Empty']);
  });

  it('are not read again with what is sent again', async () => {
    const found = await statuses([
      segment(true, 1000, 'GET /a HTTP/1.1\r\n'),
      segment(true, 1000, 'GET /a HTTP/1.1\r\n'),
      segment(true, 1017, '\r\n'),
      segment(true, 1017, '\r\n'),
    ]);
    expect(found).toEqual(['', '', 'GET', '']);
  });

  it('end with the stream where nothing else ends them, and with the last chunk', async () => {
    const head = 'HTTP/1.0 200 Open\r\n\r\n';
    const chunked = 'HTTP/1.1 200 Pieces\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
    expect(await statuses([segment(false, 9000, head), segment(false, 9000 + head.length, 'to the end', FIN)])).toEqual(['', 'Open']);
    expect(await statuses([segment(false, 9000, chunked), segment(false, 9000 + chunked.length, '0\r\n\r\n')])).toEqual(['', 'Pieces']);
  });
});
