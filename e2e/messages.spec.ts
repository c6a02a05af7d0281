import { noViolations } from './axe.ts';
import { expect, open, test } from './page.ts';

test.use({ start: 'small program' });

const PROGRAM = `.section xdp
r6 = *(u32 *)(r1 +0)
r7 = 3
r6 += r7
r0 = *(u8 *)(r6 +0)
exit
`;
const LOG = `0: R1=ctx() R10=fp0
0: (61) r6 = *(u32 *)(r1 +0)          ; R1=ctx() R6=pkt(r=0)
1: (b7) r7 = 3                        ; R7=3
2: (0f) r6 += r7                      ; R6=pkt(off=3,r=0) R7=3
3: (71) r0 = *(u8 *)(r6 +0)
invalid access to packet, off=3 size=1, R6(id=0,off=3,r=0)
R6 offset is outside of the packet

Verification failed: Memory Safety: Access outside bounds

Reason:
  Nothing has proved that the byte is there.

At:
  insn 3
        | ^-- error: access may be outside object bounds
  Instruction context:
  >>> 3 | (71) r0 = *(u8 *)(r6 +0)

Suggestion:
  Compare the end of the access with data_end first.

processed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });

test('a log is followed along its path and held against its program, and its message leads to a page', async ({ site }) => {
  await site.getByRole('radio', { name: 'Debug' }).click();
  await open(site, file('new.log', LOG));
  const why = site.getByTestId('log-why');
  await expect(why.getByTestId('log-report')).toContainText('Nothing has proved that the byte is there.');
  await expect(why.getByTestId('log-report')).toContainText('It suggests: Compare the end of the access with data_end first.');

  // The cursor stands on the reason; from the refused instruction the path leads back.
  const around = site.locator('[data-panel=log]').getByTestId('log-path');
  await site.locator('[data-panel=log] [role=listbox]').focus();
  await site.keyboard.press(',');
  await expect(around).toContainText('The path ends here.');
  await site.keyboard.press(',');
  await expect(around.getByRole('button', { name: /^r7.*r7 = 3/ })).toBeVisible();
  await around.getByRole('button', { name: /^r7.*r7 = 3/ }).click();
  await expect(site.locator('[data-panel=log] .vrow.selected')).toContainText('r7 = 3');

  const beside = site.getByTestId('log-beside');
  await beside.locator('input[type=file]').setInputFiles(file('same.s', PROGRAM));
  await expect(beside.getByRole('status')).toContainText('No difference in 5 lines.');
  await beside.locator('input[type=file]').setInputFiles(file('other.s', PROGRAM.replace('r7 = 3', 'r7 = 4')));
  await expect(beside.getByRole('status')).toContainText('the instruction is another one');
  await noViolations(site, { parts: ['[data-panel=verifier]'] });
  await noViolations(site, { parts: ['[data-panel=log]'] });

  await why.getByRole('button', { name: 'About this message' }).click();
  const page = site.getByTestId('message-page');
  await expect(page).toContainText('R# offset is outside of the packet');
  await expect(site.locator('[data-panel=messages]').getByRole('option', { selected: true })).toHaveText(
    'R# offset is outside of the packet',
  );
  await noViolations(site, { parts: ['[data-panel=messages]'] });
  await page.getByRole('button', { name: 'Open the repaired one' }).click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
});
