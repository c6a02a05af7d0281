import { describe, expect, it } from 'vitest';
import { ATTACH_TYPE_NAMES, PROG_TYPE_NAMES, progTypeByName, progTypeName, sectionFor, sectionType } from './progtypes.ts';

describe('section names', () => {
  it.each([
    ['xdp', 'xdp', 'xdp', true],
    ['xdp.frags/cpumap', 'xdp', 'xdp_cpumap', true],
    ['?tc', 'sched_cls', 'cgroup_inet_ingress', true],
    ['tcx/egress', 'sched_cls', 'tcx_egress', true],
    ['tp/syscalls/sys_enter_openat', 'tracepoint', 'cgroup_inet_ingress', true],
    ['fentry.s/do_unlinkat', 'tracing', 'trace_fentry', true],
    ['syscall', 'syscall', 'cgroup_inet_ingress', true],
    ['xdp_drop', 'xdp', 'xdp', false],
    ['classifier/one', 'sched_cls', 'cgroup_inet_ingress', false],
  ])('%s is %s', (section, type, attach, exact) => {
    const found = sectionType(section)!;
    expect([PROG_TYPE_NAMES[found.progType], ATTACH_TYPE_NAMES[found.expectedAttachType], found.exact]).toEqual([type, attach, exact]);
  });

  it('sets what libbpf sets for sleepable and fragment sections', () => {
    expect(sectionType('syscall')).toMatchObject({ sleepable: true, loadFlags: 0 });
    expect(sectionType('xdp.frags')).toMatchObject({ sleepable: false, loadFlags: 32 });
  });

  it('does not guess', () => {
    for (const name of ['', 'foo', 'tcp', 'xdpfoo', '.text']) expect(sectionType(name)).toBeUndefined();
  });

  it('finds the plainest section of a type', () => {
    expect([6, 3, 5, 31, 1].map((type) => sectionFor(type))).toEqual(['xdp', 'tc', 'tp', 'syscall', 'socket']);
    expect(sectionFor(8, 1)).toBe('cgroup_skb/egress');
    for (let type = 1; type < PROG_TYPE_NAMES.length; type++) {
      const section = sectionFor(type);
      if (section !== undefined) expect(sectionType(section)?.progType ?? sectionType(`${section}/x`)?.progType).toBe(type);
    }
    expect(progTypeByName('BPF_PROG_TYPE_XDP')).toBe(6);
    expect(progTypeName(99)).toBe('type 99');
  });
});
