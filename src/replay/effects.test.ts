import { expect, test } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { Vm } from '../vm/vm.ts';
import { EffectRecorder, redirectText } from './effects.ts';

/** Counts packets by their first byte, sends odd ones back with that byte changed, redirects those that begin with 8, and prints nothing. */
const PROGRAM = `.section xdp
.license GPL
.map seen hash 4 8 16
r6 = r1
r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r4 = r2
r4 += 14
if r4 > r3 goto pass
r7 = *(u8 *)(r2 + 0)
r8 = r2
*(u32 *)(r10 - 4) = r7
r1 = map[seen]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto fresh
r1 = 1
lock *(u64 *)(r0 + 0) += r1
goto counted
fresh:
*(u64 *)(r10 - 16) = 1
r1 = map[seen]
r2 = r10
r2 += -4
r3 = r10
r3 += -16
r4 = 0
call bpf_map_update_elem
counted:
if r7 == 8 goto away
r1 = r7
r1 &= 1
if r1 == 0 goto pass
*(u8 *)(r8 + 0) = 255
r0 = 3
exit
away:
r1 = 5
r2 = 0
call bpf_redirect
exit
pass:
r0 = 2
exit
`;

test('what a program sends, and what its maps hold on the way', () => {
  const vm = new Vm(assemble(PROGRAM).program!);
  const recorder = new EffectRecorder(vm, 2);
  for (const first of [2, 3, 8, 3, 2]) recorder.run(Uint8Array.of(first, ...new Uint8Array(19)), 0);
  const { sent, messages, snapshots, events, leftOut } = recorder.result();
  expect(events).toBe(5);
  expect(
    sent.map(({ event, verdict, rewritten, redirect, data }) => [event, verdict, rewritten, redirect && redirectText(redirect), data[0]]),
  ).toEqual([
    [1, 'TX', true, null, 255],
    [2, 'REDIRECT', false, 'device 5', 8],
    [3, 'TX', true, null, 255],
  ]);
  expect(messages).toEqual([]);
  expect(leftOut).toEqual({ sent: 0, messages: 0 });
  const counts = ({ maps }: (typeof snapshots)[number]) =>
    maps.find(({ name }) => name === 'seen')!.entries.map(({ key, value }) => [key[0], value[0]]);
  expect(snapshots.map((one) => [one.events, counts(one)])).toEqual([
    [0, []],
    [
      2,
      [
        [2, 1],
        [3, 1],
      ],
    ],
    [
      4,
      [
        [2, 1],
        [3, 2],
        [8, 1],
      ],
    ],
    [
      5,
      [
        [2, 2],
        [3, 2],
        [8, 1],
      ],
    ],
  ]);
});
