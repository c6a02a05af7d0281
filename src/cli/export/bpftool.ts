import type { Program } from '../../bpf/program.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { CONTROL, CONTROL_MAP, COUNTERS_MAP, MODE } from '../../hooks/production/binding.ts';
import { VERDICTS_MAP } from '../../hooks/xdp.ts';

/** Maps of counters that people read as they stand; a histogram wants a reader. */
const COUNTED = [VERDICTS_MAP, COUNTERS_MAP];

/** A shell script that loads, attaches, shows, switches and removes a program with bpftool and ip. */
export function bpftoolScript(program: Program, meta: ProgramMeta, object: string): string {
  const isTensor = (meta.binding as { input?: { kind?: string } } | null)?.input?.kind === 'tensor';
  const wants = (what: string): string => `  [ -n "\${2:-}" ] || { echo "${what} wants an interface" >&2; exit 2; }`;
  const attach = [
    'attach)',
    wants('attach'),
    '  bpftool net attach xdp pinned "$PIN/program" dev "$2" ;;',
    'detach)',
    wants('detach'),
    '  bpftool net detach xdp dev "$2" ;;',
  ];
  const run = isTensor
    ? [
        'run)',
        '  # One inference on what map input holds (bpftool map update pinned $PIN/maps/input …).',
        '  head -c 64 /dev/zero > "$PACKET"',
        '  bpftool prog run pinned "$PIN/program" data_in "$PACKET" data_out /dev/null repeat 1',
        '  bpftool map dump pinned "$PIN/maps/output" ;;',
      ]
    : [];
  const hasControl = program.maps.some(({ name }) => name === CONTROL_MAP);
  const control = hasControl
    ? [
        'mode)',
        '  # The first word of map control; a write takes effect with the next packet, and leaves the share of packets as compiled.',
        `  case "\${2:-}" in ${Object.entries(MODE)
          .map(([name, mode]) => `${name}) mode=${mode} ;;`)
          .join(' ')} *) echo "mode wants ${Object.keys(MODE).join('|')}" >&2; exit 2 ;; esac`,
        `  bpftool map update pinned "$PIN/maps/${CONTROL_MAP}" key 0 0 0 0 value "$mode"${' 0'.repeat(CONTROL.bytes - 1)} ;;`,
      ]
    : [];
  const counted = COUNTED.filter((map) => program.maps.some(({ name }) => name === map));
  const counters =
    counted.length > 0 ? ['counters)', `  for map in ${counted.join(' ')}; do bpftool map dump pinned "$PIN/maps/$map"; done ;;`] : [];
  const more = [...(isTensor ? ['run'] : []), ...(counters.length > 0 ? ['counters'] : []), ...(hasControl ? ['mode MODE'] : [])];
  const verbs = ['load', 'attach IFACE', 'detach IFACE', ...more, 'show', 'unload'];
  return `#!/bin/sh
# ${meta.model.file} as an eBPF program (${program.section}), for Linux ${meta.kernel} and later.
# Usage: sh ${'$'}0 ${verbs.join(' | ')}. Needs root, bpftool and a bpf file system at /sys/fs/bpf.
set -eu
OBJECT="\${OBJECT:-$(dirname "$0")/${object}}"
PIN="\${PIN:-/sys/fs/bpf/${program.name}}"
PACKET="\${TMPDIR:-/tmp}/${program.name}.packet"
case "\${1:-}" in
load)
  mkdir -p "$PIN/maps"
  bpftool prog load "$OBJECT" "$PIN/program" pinmaps "$PIN/maps"
  bpftool prog show pinned "$PIN/program" ;;
${[...attach, ...run, ...counters, ...control].join('\n')}
show)
  bpftool prog show pinned "$PIN/program"
  for map in "$PIN"/maps/*; do bpftool map show pinned "$map"; done ;;
unload)
  rm -rf "$PIN" "$PACKET" ;;
*)
  echo "usage: $0 ${verbs.join(' | ')}" >&2
  exit 2 ;;
esac
`;
}
