import { gzipSync, strToU8 } from 'fflate';
import { describe, expect, it } from 'vitest';
import { MOST_LOG_BYTES } from '../verifier/logfile/reader.ts';
import { unzippedLog } from './unzip-log.ts';

const LOG = `func#0 @0
0: R1=ctx() R10=fp0
0: (b7) r0 = 0                        ; R0_w=0
1: (95) exit
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`.repeat(4_000);
const own = (bytes: Uint8Array) => new Uint8Array(bytes);

describe('a log that is packed with gzip', () => {
  const packed = own(gzipSync(strToU8(LOG), { level: 0 }));

  it('is unpacked', async () => expect(new TextDecoder().decode((await unzippedLog('a.log.gz', packed))!)).toBe(LOG));

  it('is read as far as it goes when it is cut or damaged', async () => {
    const cut = await unzippedLog('a.log.gz', packed.slice(0, 200_000));
    expect(LOG.startsWith(new TextDecoder().decode(cut!))).toBe(true);
    expect(cut!.length).toBeGreaterThan(190_000);
    // A block of a kind that there is not, behind the first blocks.
    const damaged = packed.slice();
    damaged.fill(0xff, 300_000);
    const begun = new TextDecoder().decode((await unzippedLog('a.log.gz', damaged))!);
    expect(begun.length).toBeGreaterThan(190_000);
    expect(begun.startsWith(LOG.slice(0, 190_000))).toBe(true);
  });

  it('goes on over several members', async () => {
    const two = own(new Uint8Array([...gzipSync(strToU8(LOG.slice(0, 99))), ...gzipSync(strToU8(LOG.slice(99)))]));
    expect((await unzippedLog('a.log.gz', two))!.length).toBe(LOG.length);
  });

  it('is nothing else: captures, other files and what is too large for a log', async () => {
    expect(await unzippedLog('a.pcap.gz', packed)).toBeNull();
    expect(await unzippedLog('a.gz', own(gzipSync(new Uint8Array(5_000))))).toBeNull();
    expect(await unzippedLog('a.log', own(strToU8(LOG)))).toBeNull();
    const member = gzipSync(strToU8(LOG.repeat(50)));
    const members = Math.ceil((MOST_LOG_BYTES + 1) / (LOG.length * 50));
    expect(await unzippedLog('a.log.gz', own(Buffer.concat(Array(members).fill(member))))).toBeNull();
  });
});
