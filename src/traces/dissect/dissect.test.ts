import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dissect, type PacketFacts } from './dissect.ts';
import { Dissection } from './dissection.ts';
import { FIELDS, fieldId } from './fields.ts';
import { fieldText } from './values.ts';

const facts = (frame: Uint8Array, linkType = 1): PacketFacts => ({
  index: 0,
  linkType,
  original: frame.length,
  seconds: 0,
  nanoseconds: 0,
  relativeSeconds: 0,
  relativeNanoseconds: 0,
  deltaSeconds: 0,
  deltaNanoseconds: 0,
  interfaceIndex: 0,
  comments: [],
});

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.replace(/\s/g, '').match(/../g)!, (pair) => Number.parseInt(pair, 16));

function fieldsOf(frame: Uint8Array, linkType = 1): Record<string, string[]> {
  const out = new Dissection();
  dissect(out, frame, facts(frame, linkType));
  const found: Record<string, string[]> = {};
  for (let at = 0; at < out.count; at++) {
    const name = out.nameOf(at);
    found[name] ??= [];
    found[name].push(fieldText(out, at));
  }
  return found;
}

const SYN = bytes(`02 00 00 00 00 01 02 00 00 00 00 02 81 00 00 0b 08 00
  45 00 00 30 12 34 40 00 40 06 00 00 0a 00 00 01 0a 00 00 02
  c0 00 00 50 00 00 03 e8 00 00 00 00 70 02 20 00 00 00 00 00 02 04 05 b4 01 03 03 07`);

describe('dissect', () => {
  it('reads what cooked captures of any interface carry, and GRE without its type', () => {
    const cooked = (hardware: string) =>
      bytes(
        `00 04 ${hardware} 00 00 00 00 00 00 00 00 00 00 08 00 45 00 00 1c 00 01 00 00 40 11 00 00 01 02 03 04 05 06 07 08 00 01 00 02 00 08 00 00`,
      );
    expect(fieldsOf(cooked('02 00'), 113)).toMatchObject({ 'sll.etype': ['0x0800'], 'ip.dst': ['5.6.7.8'], 'udp.srcport': ['1'] });
    const gre = fieldsOf(cooked('03 0a'), 113);
    expect(gre['sll.etype']).toBeUndefined();
    expect(gre['ip.dst']).toEqual(['5.6.7.8']);
  });

  it('tells no fields of options that are unknown or longer than their header', () => {
    const withOption = (option: string) =>
      bytes(`45 00 00 20 00 01 00 00 40 11 00 00 01 02 03 04 05 06 07 08 ${option} 00 01 00 02 00 08 00 00`.replace('45', '46'));
    expect(fieldsOf(withOption('94 04 00 00'), 101)['ip.opt.type']).toEqual(['148']);
    expect(fieldsOf(withOption('6b 04 00 00'), 101)['ip.opt.type']).toBeUndefined();
    expect(fieldsOf(withOption('94 25 00 00'), 101)['ip.opt.type']).toBeUndefined();
  });

  it('reads the lines of a search of SSDP, and those of a notification as headers alone', () => {
    const ssdp = (line: string) => {
      const text = new TextEncoder().encode(`${line} * HTTP/1.1\r\nHost: a\r\n\r\n`);
      const udp = [4, 0, 7, 108, 0, 8 + text.length, 0, 0, ...text];
      return fieldsOf(Uint8Array.from([0x45, 0, 0, 20 + udp.length, 0, 1, 0, 0, 4, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, ...udp]), 101);
    };
    expect(ssdp('M-SEARCH')).toMatchObject({ 'http.request.line': ['Host: a\\r\\n'], 'http.host': ['a'] });
    const notification = ssdp('NOTIFY');
    expect(notification).toMatchObject({ 'http.request.method': ['NOTIFY'], 'http.host': ['a'] });
    expect(notification['http.request.line']).toBeUndefined();
  });

  it('reads a TCP SYN in a VLAN', () => {
    const found = fieldsOf(SYN);
    expect(found['vlan.id']).toEqual(['11']);
    expect(found['ip.src']).toEqual(['10.0.0.1']);
    expect(found['ip.id']).toEqual(['0x1234']);
    expect(found['tcp.port']).toEqual(['49152', '80']);
    expect(found['tcp.flags']).toEqual(['0x0002']);
    expect(found['tcp.options.mss_val']).toEqual(['1460']);
    expect(found['tcp.options.wscale.multiplier']).toEqual(['128']);
  });

  it('reads the same packet behind other link layers', () => {
    const ip = SYN.subarray(18);
    expect(fieldsOf(ip, 101)['tcp.dstport']).toEqual(['80']);
    expect(fieldsOf(Uint8Array.from([0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0, 8, 0, ...ip]), 113)['tcp.dstport']).toEqual(['80']);
    expect(fieldsOf(Uint8Array.from([2, 0, 0, 0, ...ip]), 0)['tcp.dstport']).toEqual(['80']);
    expect(fieldsOf(Uint8Array.from([8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 0, 0, 0, 0, 0, 1, 0, 0, ...ip]), 276)['sll.ifindex']).toEqual([
      '3',
    ]);
    expect(fieldsOf(ip, 147)['data.len']).toEqual(['48']);
  });

  it('follows pointers of DNS names, and gives up on loops', () => {
    const question = '03 77 77 77 01 61 00 00 01 00 01';
    const message = (answer: string) =>
      bytes(`00 01 81 80 00 01 00 01 00 00 00 00 ${question} ${answer} 00 05 00 01 00 00 00 3c 00 02 c0 10`);
    const frame = (dns: Uint8Array) =>
      Uint8Array.from([
        ...bytes('45 00 00 00 00 00 00 00 40 11 00 00 0a 00 00 01 0a 00 00 02'),
        0,
        53,
        0x80,
        0,
        0,
        dns.length + 8,
        0,
        0,
        ...dns,
      ]);
    const good = fieldsOf(frame(message('c0 0c')), 101);
    expect(good['dns.resp.name']).toEqual(['www.a']);
    expect(good['dns.cname']).toEqual(['a']);
    expect(fieldsOf(frame(message('c0 17')), 101)['dns.resp.name']?.[0]).toContain('loops');
  });

  it('keeps every item within its bytes, whatever the bytes, and never throws', () => {
    const out = new Dissection();
    const linkTypes = fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 147);
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.array(fc.tuple(fc.nat(SYN.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
        const frame = SYN.slice();
        for (const [at, value] of changes) frame[at] = value;
        return frame;
      }),
    );
    fc.assert(
      fc.property(frames, linkTypes, fc.nat(60), (frame, linkType, cut) => {
        dissect(out, frame, { ...facts(frame, linkType), original: frame.length + cut });
        for (let at = 0; at < out.count; at++) {
          const source = out.sources[out.source[at]!]!;
          expect(
            out.start[at]! + (FIELDS[out.field[at]!]!.type === 'protocol' || FIELDS[out.field[at]!]!.type === 'text' ? 0 : out.length[at]!),
          ).toBeLessThanOrEqual(source.length);
          fieldText(out, at);
        }
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('marks a packet that ends within a header, and keeps what was read', () => {
    const out = new Dissection();
    const cut = SYN.subarray(0, 40);
    dissect(out, cut, facts(cut));
    expect(out.row(fieldId('ip.dst'))).toBeGreaterThan(0);
    expect(out.row(fieldId('_ws.malformed'))).toBeGreaterThan(0);
    dissect(out, cut, { ...facts(cut), original: SYN.length });
    expect(out.row(fieldId('_ws.short'))).toBeGreaterThan(0);
  });
});
