import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compareFields, compareFilters, compareMadeFilters, nothing } from '../bench/dissection.ts';
import { PacketMaker } from '../bench/packets.ts';
import { pcapFile, pcapngFile } from '../src/traces/testing/capture-files.ts';

/** Their values are what Wireshark 4 gives. */
function haveTshark(): boolean {
  try {
    return /TShark \(Wireshark\) [4-9]/.test(
      execFileSync('tshark', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  } catch {
    console.warn('comparison with Wireshark skipped: tshark is needed (apt-get install tshark)');
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'bpformer-tshark-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!haveTshark())('dissection beside tshark', () => {
  const packets = new PacketMaker(11).make(2000);
  const pcap = join(folder, 'generated.pcap');
  writeFileSync(pcap, pcapFile(packets));

  it('gives every field its value, in pcap and pcapng', async () => {
    const compared = nothing();
    await compareFields(pcap, compared);
    const ng = join(folder, 'generated.pcapng');
    writeFileSync(ng, pcapngFile(packets, { little: false }));
    await compareFields(ng, compared);
    expect([...compared.differ.entries()]).toEqual([]);
    expect(compared.packets).toBe(4000);
    expect(compared.seen.size).toBeGreaterThan(180);
  });

  it('lets the same packets pass', async () => {
    const filters = [
      'tcp.port == 80 || udp.port == 53 && ip.ttl > 100',
      'tcp.flags & 0x12 == 0x12',
      'ip.addr != 10.0.0.0/8',
      'http.request.method in {"GET", "POST"}',
      'dns.qry.name matches "^www"',
      'tcp.analysis.flags',
      'eth.src[0:3] == 00:00:5e',
      'tls.handshake.extensions_server_name contains "test"',
    ];
    expect(await compareFilters(pcap, filters)).toMatchObject({ same: filters.length, different: [] });
  });

  it('lets the same packets pass filters made of the grammar, and refuses the same ones', async () => {
    const judged = await compareMadeFilters(pcap, 1, 500);
    expect(judged).toMatchObject({ same: 500 - judged.crashes, different: [] });
    expect(judged.bothRefuse).toBeGreaterThan(50);
    expect(judged.filters - judged.bothRefuse - judged.letNothingPass).toBeGreaterThan(150);
  });
});
