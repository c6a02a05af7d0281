/**
 * Which helpers a program type may call, by kernel and privilege, as the kernels themselves say: `npm run long kernels-helpers
 * [6.1,6.12]`. Prints the differences from what root may on 6.18, in the form of `src/verifier/helper-rules.ts`.
 */
import type { Program } from '../src/bpf/program.ts';
import { PROG_TYPE_NAMES } from '../src/bpf/progtypes.ts';
import type { KernelVersion, Privilege } from '../src/verifier/api.ts';
import { helperProto } from '../src/verifier/protos.ts';
import { answersOf } from './kernels-answers.ts';

const HELPERS = 212;
const TYPES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 30, 31];
/** Types whose programs name an attach type, and one of theirs. */
const ATTACH: Readonly<Record<number, number>> = { 18: 8, 25: 21, 30: 36 };

function calling(progType: number, id: number): Program {
  const insns = [
    { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 },
    { opcode: 0x85, dst: 0, src: 0, off: 0, imm: id },
    { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 },
    { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
  ];
  return {
    name: 'call',
    section: '',
    progType,
    expectedAttachType: ATTACH[progType] ?? 0,
    sleepable: progType === 31,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: [],
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

function ranges(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < ids.length; i++) {
    let j = i;
    while (ids[j + 1] === ids[j] + 1) j++;
    parts.push(i === j ? String(ids[i]) : `${ids[i]}-${ids[j]}`);
    i = j;
  }
  return parts.join(',');
}

const REFUSED = /^(unknown func|program of this type cannot use helper|invalid func|helper call is not allowed in probe)/;

export default async function helpers([versions = '6.1,6.12,6.18', privileges = 'root,bpf,unpriv']: string[]): Promise<unknown> {
  const found: Record<string, Record<string, { missing: string; more: string }>> = {};
  for (const version of versions.split(',') as KernelVersion[]) {
    const { answers, end } = await answersOf(version);
    for (const privilege of privileges.split(',') as Privilege[]) {
      const types = TYPES.filter(
        (type) => privilege === 'root' || (privilege === 'unpriv' ? [1, 8].includes(type) : ![2, 5, 7, 17, 24].includes(type)),
      );
      const cases = types.flatMap((type) => Array.from({ length: HELPERS - 1 }, (_, i) => ({ type, id: i + 1 })));
      const said = await answers.ask(
        cases.map(({ type, id }) => calling(type, id)),
        privilege,
      );
      const rows: Record<string, { missing: string; more: string }> = {};
      for (const type of types) {
        const missing: number[] = [];
        const more: number[] = [];
        cases.forEach((one, i) => {
          if (one.type !== type) return;
          const answer = said[i];
          if (!answer || (!answer.accepted && answer.message === '')) return;
          const allowed = answer.accepted || !REFUSED.test(answer.message);
          const known = helperProto(type, one.id) !== null;
          if (known && !allowed) missing.push(one.id);
          if (!known && allowed) more.push(one.id);
        });
        if (missing.length + more.length > 0) rows[`${type} ${PROG_TYPE_NAMES[type]}`] = { missing: ranges(missing), more: ranges(more) };
      }
      found[`${version} ${privilege}`] = rows;
    }
    await end();
  }
  return found;
}
