import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noViolations } from './axe.ts';
import { expect, open, replayed, samples, test } from './page.ts';

test.use({ start: 'small program' });

const assembly = (name: string, text: string) => ({
  name,
  mimeType: 'text/plain',
  buffer: Buffer.from(`.section xdp\n.license GPL\n${text}\n`),
});

/** The first three packets of the sample's capture. */
function fewPackets() {
  const capture = readFileSync(join(samples, 'payload', 'heldout.pcap'));
  let end = 24;
  for (let packet = 0; packet < 3; packet++) end += 16 + capture.readUInt32LE(end + 8);
  return { name: 'few.pcap', mimeType: 'application/octet-stream', buffer: capture.subarray(0, end) };
}

test('hostile programs stop with a message in the tab, which goes on', async ({ site }) => {
  const trace = site.locator('[data-panel=trace]');
  const run = async (name: string, text: string, message: string | RegExp): Promise<void> => {
    await open(site, assembly(name, text), fewPackets());
    await expect(trace).toContainText(message);
  };
  // Which comes first, the clock's limit or the budget of instructions, depends on the machine.
  await run('endless.s', 'l: r0 = 1\ngoto l', /stopped after (900 ms|\d+ instructions)/);
  // The tab answers.
  await site.getByRole('radio', { name: 'Debug' }).click();
  await expect(site.locator('[data-desk=debug]')).toBeVisible();
  await site.getByRole('radio', { name: 'Explore' }).click();
  await run('wild.s', 'r1 = 0x123456789 ll\nr0 = *(u64 *)(r1 +0)\nexit', 'where nothing is');
  await run('deep.s', '.func main\ncall f\nexit\n.func f static\ncall f\nexit', 'the call stack of 9 frames is too deep');
  await run('huge.s', '.map m array 4 65536 1000000\nr0 = 0\nexit', 'exceeds the 2 GiB of this machine');
  await open(site, assembly('tame.s', 'r0 = 2\nexit'), fewPackets());
  await replayed(site, 3);
  await noViolations(site, { parts: ['[data-panel=trace]'] });
});
