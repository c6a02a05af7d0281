import { expect, test } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { verify } from '../../verifier/verify.ts';
import { changeOf, type Judged, sameCode } from './edit-change.ts';

function judged(body: string, recordStates = true): Judged {
  const { program } = assemble(`.section xdp\n.license GPL\n${body}\nexit`);
  return { program: program!, result: verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0, recordStates }) };
}

test('what an edit did: verdict and counts before, and the first instruction before which something is known otherwise', () => {
  const was = judged('r2 = 7\nr3 = r2\nr3 &= 3\nr0 = r3');
  const now = judged('r2 = 9\nr3 = r2\nr3 &= 3\nr0 = r3');
  expect(sameCode(was.program, was.program)).toBe(true);
  expect(sameCode(was.program, now.program)).toBe(false);
  expect(changeOf(was, now)).toMatchObject({
    accepted: true,
    message: null,
    insnIdx: null,
    insns: [5, 5],
    stateless: false,
    state: { was: 1, now: 1, name: 'r2' },
  });
  expect(changeOf(was, now).state!.before).toContain('7');
  expect(changeOf(was, now).state!.after).toContain('9');
});

test('an instruction more moves what stands behind it; the same knowledge is no difference', () => {
  const was = judged('r2 = 7\nr0 = 2');
  const now = judged('r2 = 7\ngoto +0\nr0 = 2');
  expect(changeOf(was, now)).toMatchObject({ insns: [3, 4], state: null });
  const refused = judged('r2 = 7\nr0 = *(u8 *)(r2 +0)');
  expect(changeOf(refused, was)).toMatchObject({ accepted: false, message: "R2 invalid mem access 'scalar'", insnIdx: 1 });
});

test('without recorded states none is compared', () => {
  expect(changeOf(judged('r0 = 1', false), judged('r0 = 2', false))).toMatchObject({ state: null, stateless: true });
});
