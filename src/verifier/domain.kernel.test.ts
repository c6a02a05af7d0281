import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { Program } from '../bpf/program.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { type Btf, KIND_TYPEDEF, readBtf } from '../object/btf.ts';
import { programBtf } from '../object/program-btf.ts';
import { verify } from './verify.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

/** Addresses of maps and BTF ids of kernel functions differ from machine to machine; the column behind them is one blank. */
function normal(log: string): string {
  return log
    .replace(/(r\d+ = )(?:0xffff[0-9a-f]+|map\[[^\]]*\])( *;)?/g, (_, head: string, tail?: string) => `${head}MAP${tail ? ' ;' : ''}`)
    .replace(/(call bpf_\w+)#\d+( *;)?/g, '$1$2')
    .replace(/ +;/g, ' ;')
    .replace(/verification time \d+ usec/, 'verification time');
}

const OPEN = '*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8';
const RESERVE = `.section xdp\n.map rb ringbuf 0 0 4096\nr1 = map[rb]\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_ringbuf_reserve_dynptr`;
const DISCARD = 'r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_ringbuf_discard_dynptr\nr0 = 2\nexit';
const FROM_XDP = `.section xdp\nr6 = r1\nr2 = 0\nr3 = r10\nr3 += -16\ncall kfunc bpf_dynptr_from_xdp`;
const slice = (name: string, size: number): string => `r1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -64\nr4 = ${size}\ncall kfunc ${name}`;
const task = (body: string): string => `.section tracepoint/x\n${body}\nr0 = 0\nexit`;

/** Each program stands for one rule; the second word is what the kernel says. */
const PROGRAMS: readonly (readonly [rule: string, text: string])[] = [
  ['a ring buffer dynptr reserved and discarded', `${RESERVE}\n${DISCARD}`],
  ['a ring buffer dynptr that is kept', `${RESERVE}\nr0 = 2\nexit`],
  ['a ring buffer dynptr overwritten', `${RESERVE}\n*(u64 *)(r10 -8) = 0\n${DISCARD}`],
  ['a ring buffer dynptr discarded twice', `${RESERVE}\n${DISCARD.replace('r0 = 2\nexit', '')}${DISCARD}`],
  [
    'memory of a dynptr after it is gone',
    `${RESERVE}\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data\nr6 = r0\n${DISCARD.replace('r0 = 2\nexit', '')}if r6 == 0 goto out\n*(u8 *)(r6 +0) = 1\nout: r0 = 2\nexit`,
  ],
  [
    'memory of a dynptr, in and out of bounds',
    `${RESERVE}\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall bpf_dynptr_data\nif r0 == 0 goto out\n*(u64 *)(r0 +0) = 1\n*(u8 *)(r0 +8) = 1\nout: ${DISCARD}`,
  ],
  [
    'a slice of the packet that is read',
    `${FROM_XDP}\n${slice('bpf_dynptr_slice', 14)}\nif r0 == 0 goto out\nr0 = *(u16 *)(r0 +12)\nout: r0 = 2\nexit`,
  ],
  [
    'a read-only slice written',
    `${FROM_XDP}\n${slice('bpf_dynptr_slice', 14)}\nif r0 == 0 goto out\n*(u8 *)(r0 +0) = 1\nout: r0 = 2\nexit`,
  ],
  [
    'a slice of the packet that is written',
    `${FROM_XDP}\n${slice('bpf_dynptr_slice_rdwr', 14)}\nif r0 == 0 goto out\n*(u8 *)(r0 +13) = 1\nout: r0 = 2\nexit`,
  ],
  [
    'a slice after the packet moved',
    `${FROM_XDP}\n${slice('bpf_dynptr_slice', 14)}\nr7 = r0\nr1 = r6\nr2 = 8\ncall bpf_xdp_adjust_head\nif r7 == 0 goto out\nr0 = *(u8 *)(r7 +0)\nout: r0 = 2\nexit`,
  ],
  [
    'a slice of unknown size',
    `${FROM_XDP}\ncall bpf_get_prandom_u32\nr4 = r0\nr4 &= 7\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -64\ncall kfunc bpf_dynptr_slice\nr0 = 2\nexit`,
  ],
  [
    'size, adjust, clone and null test',
    `${FROM_XDP}\nr1 = r10\nr1 += -16\nr2 = 1\nr3 = 2\ncall kfunc bpf_dynptr_adjust\nr1 = r10\nr1 += -16\nr2 = r10\nr2 += -32\ncall kfunc bpf_dynptr_clone\nr1 = r10\nr1 += -32\ncall kfunc bpf_dynptr_size\nr1 = r10\nr1 += -32\ncall kfunc bpf_dynptr_is_null\nr0 = 2\nexit`,
  ],
  ['a clone of what is none', `.section xdp\nr1 = r10\nr1 += -16\nr2 = r10\nr2 += -32\ncall kfunc bpf_dynptr_clone\nr0 = 2\nexit`],
  ['a dynptr at an odd place', `.section xdp\nr2 = 0\nr3 = r10\nr3 += -12\ncall kfunc bpf_dynptr_from_xdp\nr0 = 2\nexit`],
  ['a dynptr that is read as memory', `${FROM_XDP}\nr0 = *(u64 *)(r10 -16)\nr0 = 2\nexit`],
  ['a dynptr overwritten, then used', `${FROM_XDP}\n*(u64 *)(r10 -16) = 0\nr1 = r10\nr1 += -16\ncall kfunc bpf_dynptr_size\nr0 = 2\nexit`],
  ['a dynptr of the wrong program', '.section tc\nr2 = 0\nr3 = r10\nr3 += -16\ncall kfunc bpf_dynptr_from_xdp\nr0 = 2\nexit'],
  [
    'a loop over bits',
    task(
      `*(u64 *)(r10 -8) = 7\nr1 = r10\nr1 += -32\nr2 = r10\nr2 += -8\nr3 = 1\ncall kfunc bpf_iter_bits_new\nnext: r1 = r10\nr1 += -32\ncall kfunc bpf_iter_bits_next\nif r0 == 0 goto done\nr6 = *(u32 *)(r0 +0)\ngoto next\ndone: r1 = r10\nr1 += -32\ncall kfunc bpf_iter_bits_destroy`,
    ),
  ],
  ['an iterator that is not destroyed', task('r1 = r10\nr1 += -8\nr2 = 0\nr3 = 4\ncall kfunc bpf_iter_num_new')],
  [
    'another kind of iterator',
    task('r1 = r10\nr1 += -16\nr2 = 0\nr3 = 4\ncall kfunc bpf_iter_num_new\nr1 = r10\nr1 += -16\ncall kfunc bpf_iter_bits_next'),
  ],
  [
    'tasks under RCU',
    task(
      'call kfunc bpf_rcu_read_lock\nr1 = r10\nr1 += -24\nr2 = 0\nr3 = 0\ncall kfunc bpf_iter_task_new\nnext: r1 = r10\nr1 += -24\ncall kfunc bpf_iter_task_next\nif r0 == 0 goto done\ngoto next\ndone: r1 = r10\nr1 += -24\ncall kfunc bpf_iter_task_destroy\ncall kfunc bpf_rcu_read_unlock',
    ),
  ],
  [
    'tasks without RCU, where a program may sleep',
    '.section syscall\nr1 = r10\nr1 += -24\nr2 = 0\nr3 = 0\ncall kfunc bpf_iter_task_new\nr1 = r10\nr1 += -24\ncall kfunc bpf_iter_task_destroy\nr0 = 0\nexit',
  ],
  ['an RCU section left open', task('call kfunc bpf_rcu_read_lock')],
  ['an RCU section closed twice', task('call kfunc bpf_rcu_read_lock\ncall kfunc bpf_rcu_read_unlock\ncall kfunc bpf_rcu_read_unlock')],
  [
    'RCU sections inside each other',
    task('call kfunc bpf_rcu_read_lock\ncall kfunc bpf_rcu_read_lock\ncall kfunc bpf_rcu_read_unlock\ncall kfunc bpf_rcu_read_unlock'),
  ],
  [
    'no preemption, twice, and again',
    task('call kfunc bpf_preempt_disable\ncall kfunc bpf_preempt_disable\ncall kfunc bpf_preempt_enable\ncall kfunc bpf_preempt_enable'),
  ],
  ['preemption left off', task('call kfunc bpf_preempt_disable\ncall kfunc bpf_preempt_disable\ncall kfunc bpf_preempt_enable')],
  ['preemption that was on', task('call kfunc bpf_preempt_enable')],
  [
    'interrupts off and on',
    task('r1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save\nr1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_restore'),
  ],
  ['interrupts left off', task('r1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save')],
  [
    'interrupts out of order',
    task(
      'r1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save\nr1 = r10\nr1 += -16\ncall kfunc bpf_local_irq_save\nr1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_restore',
    ),
  ],
  ['an interrupt flag that is read', task('r1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save\nr0 = *(u64 *)(r10 -8)')],
  ['an interrupt flag twice', task('r1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save\nr1 = r10\nr1 += -8\ncall kfunc bpf_local_irq_save')],
  [
    'sleep in an RCU section',
    '.section syscall\ncall kfunc bpf_rcu_read_lock\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall bpf_copy_from_user\ncall kfunc bpf_rcu_read_unlock\nr0 = 0\nexit',
  ],
  [
    'sleep without preemption',
    '.section syscall\ncall kfunc bpf_preempt_disable\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall bpf_copy_from_user\ncall kfunc bpf_preempt_enable\nr0 = 0\nexit',
  ],
  ['an exception', '.section tc\nr1 = 0\ncall kfunc bpf_throw\nr0 = 0\nexit'],
  ['an exception with a pointer', '.section tc\nr1 = r10\ncall kfunc bpf_throw\nr0 = 0\nexit'],
  ['an exception in an RCU section', '.section tc\ncall kfunc bpf_rcu_read_lock\nr1 = 0\ncall kfunc bpf_throw\nr0 = 0\nexit'],
  ['a task by number, kept', task('r1 = 1\ncall kfunc bpf_task_from_pid')],
  [
    'a task by number, given back',
    task('r1 = 1\ncall kfunc bpf_task_from_pid\nif r0 == 0 goto out\nr1 = r0\ncall kfunc bpf_task_release\nout: r0 = 0'),
  ],
  ['a task given back unchecked', task('r1 = 1\ncall kfunc bpf_task_from_pid\nr1 = r0\ncall kfunc bpf_task_release')],
  [
    'a task that is no task',
    task(`r1 = 1\ncall kfunc bpf_cpumask_create\nif r0 == 0 goto out\nr1 = r0\ncall kfunc bpf_task_release\nout: r0 = 0`),
  ],
  [
    'a set of processors',
    task(
      'call kfunc bpf_cpumask_create\nif r0 == 0 goto out\nr6 = r0\nr1 = 0\nr2 = r6\ncall kfunc bpf_cpumask_set_cpu\nr1 = r6\ncall kfunc bpf_cpumask_first\nr1 = r6\ncall kfunc bpf_cpumask_release\nout: r0 = 0',
    ),
  ],
  ['a function of other programs', '.section xdp\ncall kfunc bpf_cpumask_create\nr0 = 2\nexit'],
  [
    'memory that a helper fills, and what was known of it',
    '.section tc\n*(u64 *)(r10 -8) = 7\n*(u64 *)(r10 -16) = 7\nr2 = r10\nr2 += -16\nr3 = 16\nr4 = 0\ncall bpf_fib_lookup\nr0 = *(u64 *)(r10 -8)\nr0 &= 1\nexit',
  ],
  [
    'a loop that reads a function’s stack anew in each round',
    task(
      'r1 = r10\nr1 += -8\nr2 = 0\nr3 = 100\ncall kfunc bpf_iter_num_new\nnext: r1 = r10\nr1 += -8\ncall kfunc bpf_iter_num_next\nif r0 == 0 goto done\nr6 = *(u32 *)(r0 +0)\nif r6 == 7 goto set\n*(u64 *)(r10 -24) = r6\ngoto next\nset: *(u32 *)(r10 -20) = 1\ngoto next\ndone: r1 = r10\nr1 += -8\ncall kfunc bpf_iter_num_destroy',
    ),
  ],
  ['strings from the program', `.section xdp\n${OPEN}\nr1 = r2\ncall kfunc bpf_strlen\nr0 = 2\nexit`],
];

describe.skipIf(!kernel)('what the kernel says of', () => {
  it.each(PROGRAMS)('%s', async (_, text) => {
    const made = program(text);
    for (const logLevel of [4, 1, 2]) {
      const theirs = await kernel!.load(made, { logLevel });
      await theirs.program?.closeAll();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus });
      expect(normal(ours.log)).toBe(normal(theirs.log));
      expect(ours.accepted).toBe(theirs.accepted);
    }
  });

  it.each([
    ['drains a user ring buffer', 'r0 = 0', true],
    ['drains one and keeps a read', 'r6 = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 0\nr5 = 0\ncall bpf_dynptr_read\nr0 = 0', true],
    ['drains one and returns too much', 'r0 = 2', false],
    ['drains one and discards the sample', 'r2 = 0\ncall bpf_ringbuf_discard_dynptr\nr0 = 0', false],
  ] as const)('a callback that %s', async (_, body, accepted) => {
    const text = `.section tracepoint/x\n.name main\n.map ub user_ringbuf 0 0 4096\n; main @ a.c:1\nr1 = map[ub]\nr2 = func[cb]\nr3 = 0\nr4 = 0\ncall bpf_user_ringbuf_drain\nr0 = 0\nexit\n.func cb static\n; cb @ a.c:9\n${body}\nexit`;
    const made = program(text);
    for (const logLevel of [4, 1, 2]) {
      const theirs = await kernel!.load(made, { logLevel, btf: programBtf(made) });
      await theirs.program?.closeAll();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus });
      expect(normal(ours.log)).toBe(normal(theirs.log));
      expect([theirs.accepted, ours.accepted]).toEqual([accepted, accepted]);
    }
  });
});

const VMLINUX = '/sys/kernel/btf/vmlinux';
const kernelBtf = (): Btf => readBtf(new Uint8Array(readFileSync(VMLINUX)), VMLINUX);

/** Tracepoints with BTF: arguments are kernel objects, and what is read from them is what BTF says. */
const OBJECTS: readonly (readonly [rule: string, attachTo: string, body: string])[] = [
  ['a field that is a number', 'sched_switch', 'r2 = *(u64 *)(r1 +8)\nr0 = *(u32 *)(r2 +44)\nr0 = 0'],
  ['a write to an object', 'sched_switch', 'r2 = *(u64 *)(r1 +8)\n*(u32 *)(r2 +44) = 1\nr0 = 0'],
  ['behind the end of an object', 'sched_switch', 'r2 = *(u64 *)(r1 +8)\nr0 = *(u64 *)(r2 +32760)\nr0 = 0'],
  ['half a pointer in an object', 'sched_switch', 'r2 = *(u64 *)(r1 +8)\nr0 = *(u32 *)(r2 +32)\nr0 = 0'],
  ['half an argument', 'sched_switch', 'r2 = *(u32 *)(r1 +8)\nr0 = 0'],
  ['an argument too many', 'sched_switch', 'r2 = *(u64 *)(r1 +88)\nr0 = 0'],
  ['an object of the wrong type', 'sched_switch', 'r1 = *(u64 *)(r1 +8)\ncall kfunc bpf_cgroup_acquire\nr0 = 0'],
  ['an object that is kept', 'sched_switch', 'r1 = *(u64 *)(r1 +8)\ncall kfunc bpf_task_acquire\nr0 = 0'],
  [
    'an object that is kept and given back',
    'sched_switch',
    'r1 = *(u64 *)(r1 +8)\ncall kfunc bpf_task_acquire\nif r0 == 0 goto out\nr1 = r0\ncall kfunc bpf_task_release\nout: r0 = 0',
  ],
  ['an object that moved', 'sched_switch', 'r1 = *(u64 *)(r1 +8)\nr1 += 8\ncall kfunc bpf_task_acquire\nr0 = 0'],
];

describe.skipIf(!kernel)('what the kernel says of kernel objects', () => {
  it.each(OBJECTS)('%s', async (_, attachTo, body) => {
    const made: Program = { ...program(`.section tp_btf/${attachTo}\n${body}\nexit`), attachTo, progType: 26, expectedAttachType: 23 };
    const btf = kernelBtf();
    const attachBtfId = btf.types.findIndex((type) => type.kind === KIND_TYPEDEF && type.name === `btf_trace_${attachTo}`);
    for (const logLevel of [4, 1, 2]) {
      const theirs = await kernel!.load(made, { logLevel, attachBtfId });
      await theirs.program?.closeAll();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel, cpus: kernel!.cpus, kernelBtf: () => btf });
      expect(normal(ours.log)).toBe(normal(theirs.log));
      expect(ours.accepted).toBe(theirs.accepted);
    }
  });
});
