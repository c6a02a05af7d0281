import type { Program } from '../../bpf/program.ts';
import type { ProgramMeta } from '../../compiler/api.ts';

/** A shell script that loads, attaches, shows and removes a program with bpftool and ip. */
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
  const verbs = ['load', 'attach IFACE', 'detach IFACE', ...(isTensor ? ['run'] : []), 'show', 'unload'];
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
${[...attach, ...run].join('\n')}
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
