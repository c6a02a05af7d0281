import { expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import { Profiler } from '../../vm/profile/profiler.ts';
import { Vm } from '../../vm/vm.ts';
import type { ProfileView } from '../../workbench/machine-views.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { branchRows, functionRows, originRows, profileCsv } from './rows.ts';

const { program } = assemble(`.section xdp
.func main
r6 = 3
again: call twice
r6 -= 1
if r6 != 0 goto again
exit
.func twice static
r0 = 2
exit`);
const profiler = new Profiler(new Vm(program!));
profiler.run(({ prepareXdp }) => prepareXdp(new Uint8Array(64)));
const profile = { ...profiler.result(), programKey: '', from: 0, loops: [], nsPerEvent: null, timedRuns: 0, engine: 'wasm' } as ProfileView;
const view = { name: 'p', code: encodeInsns(program!.insns), subprogs: program!.subprogs, origins: [] } as unknown as ProgramView;

it('sums executed instructions by function, and names what no one claims', () => {
  expect(functionRows(view, profile).map(({ name, executed, calls }) => [name, executed, calls])).toEqual([
    ['main', 11, 1],
    ['twice', 6, 3],
  ]);
  expect(originRows(view, profile, 'unknown')).toEqual([{ name: 'unknown', executed: 17, insn: -1, node: -1, calls: null }]);
});

it('tells both ways of branches, in CSV too', () => {
  expect(branchRows(view, profile)).toEqual([{ insn: 3, taken: 2, fell: 1 }]);
  const lines = profileCsv(view, profile, (insn) => `text "${insn}"`).split('\r\n');
  expect(lines.slice(0, 2)).toEqual(['insn,function,text,executed,jumped,went_on', '0,"main","text ""0""",1,,']);
  expect(lines[4]).toBe('3,"main","text ""3""",3,2,1');
  expect(lines.length).toBe(2 + 7);
});
