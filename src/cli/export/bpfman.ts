import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { InputError } from '../../base/errors.ts';
import { shown } from '../../base/shown.ts';
import { mapTypeName } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { PROG_TYPE_XDP } from '../../bpf/progtypes.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP } from '../../hooks/production/binding.ts';
import { SCORE_MAP, VERDICTS_MAP } from '../../hooks/xdp.ts';
import { agent, application, type Fleet, MAX_CONFIG_BYTES, PINS, weights } from './kubernetes.ts';
import { loaderSource } from './libbpf.ts';
import { imageLayout } from './oci.ts';

export interface FleetOptions {
  /** Where the bytecode's image will lie: REGISTRY/NAME:TAG. */
  readonly image: string;
  readonly interface?: string | undefined;
  readonly nodes: readonly string[];
  readonly namespace: string;
  /** Weights for the programs that are running. */
  readonly weights?: Uint8Array | undefined;
}

/** Maps that user space reads and writes. */
const SHARED = [VERDICTS_MAP, SCORE_MAP, CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP];

/** Files for a fleet under bpfman, by path: the bytecode as an image (layout and Containerfile), the loader with its Containerfile, and manifests for Kubernetes. */
export function fleetFiles(
  program: Program,
  meta: ProgramMeta,
  object: Uint8Array,
  options: FleetOptions,
): Map<string, Uint8Array | string> {
  const file = `${program.name}.o`;
  const [, repository, tag = 'latest'] = /^([\w.-]+(?::\d+)?(?:\/[\w.-]+)*?)(?::([\w.-]{1,128}))?$/.exec(options.image) ?? [];
  if (program.progType !== PROG_TYPE_XDP) throw new InputError(`${program.section} programs have no bpfman form`, program.name);
  // bpfman's own rules: the name in a ClusterBpfApplication, and that of an image.
  if (!/^[a-zA-Z][a-zA-Z0-9_]+$/.test(program.name))
    throw new InputError(
      `bpfman takes no program called ${program.name}`,
      program.name,
      'Rename the model file: letters, digits and _ after a letter',
    );
  if (!program.maps.some(({ name }) => name === VERDICTS_MAP))
    throw new InputError(
      'it counts no verdicts, so that there is nothing to watch in a fleet',
      program.name,
      'Compile it with a binding that decides, or, if it writes text, with "production" in its binding',
    );
  if (repository === undefined || options.image.length > 525)
    throw new InputError(`${shown(options.image)} names no image`, '--image', 'Use REGISTRY/NAME:TAG');
  const labels = {
    'io.ebpf.programs': JSON.stringify({ [program.name]: 'xdp' }),
    'io.ebpf.maps': JSON.stringify(Object.fromEntries(program.maps.map(({ name, type }) => [name, mapTypeName(type)]))),
  };
  const fleet: Fleet = {
    name: program.name.toLowerCase().replaceAll('_', '-').replace(/-+$/, ''),
    program: program.name,
    image: options.image,
    agent: `${repository}-agent:${tag}`,
    namespace: options.namespace,
    nodes: options.nodes,
    maps: program.maps.map(({ name }) => name).filter((name) => SHARED.includes(name)),
    ...(options.interface === undefined ? {} : { interface: options.interface }),
  };
  const files = new Map<string, Uint8Array | string>([
    [file, object],
    ['Containerfile', containerfile(file, labels)],
    ['loader.c', loaderSource(program, meta, object)],
    ['Containerfile.agent', AGENT],
    ['application.yaml', yaml([application(fleet)])],
    ['metrics.yaml', yaml(agent(fleet))],
  ]);
  for (const [path, bytes] of imageLayout({ name: file, content: object, labels, tag })) files.set(`image/${path}`, bytes);
  if (fleet.maps.includes(CONTROL_MAP)) files.set('mode.sh', modeScript(fleet));
  if (options.weights) {
    if (options.weights.length > MAX_CONFIG_BYTES)
      throw new InputError(
        `${options.weights.length} bytes do not fit in a ConfigMap, which takes 1 MiB`,
        '--weights',
        'Mount the file from elsewhere and run loader swap-all on it',
      );
    const version = createHash('sha256').update(options.weights).digest('hex').slice(0, 12);
    files.set('weights.yaml', yaml(weights(fleet, options.weights, version)));
  }
  return files;
}

const yaml = (documents: readonly object[]): string =>
  documents.map((document) => `---\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`).join('');

const containerfile = (
  file: string,
  labels: Readonly<Record<string, string>>,
): string => `# The bytecode as bpfman takes it: one layer with the object at its root.
FROM scratch
COPY ${file} /
${Object.entries(labels)
  .map(([name, value]) => `LABEL "${name}"=${JSON.stringify(value)}`)
  .join('\n')}
`;

/** The kill switch for a fleet: the pods that read the counters have the map. */
const modeScript = ({ name, namespace }: Fleet): string => `#!/bin/sh
# sh mode.sh off|enforce|shadow|compiled: on all nodes that run ${name}-metrics. Fails where one of them fails.
set -u
case "\${1:-}" in off | enforce | shadow | compiled) ;; *) echo "usage: $0 off|enforce|shadow|compiled" >&2; exit 2 ;; esac
pods=$(kubectl -n ${namespace} get pods -l app.kubernetes.io/name=${name},app.kubernetes.io/component=metrics -o name) || exit 1
[ -n "$pods" ] || { echo "no pod of ${name}-metrics runs" >&2; exit 1; }
waiting=""
for pod in $pods; do
  kubectl -n ${namespace} exec "$pod" -- /loader --pin ${PINS} mode "$1" &
  waiting="$waiting $!"
done
status=0
for one in $waiting; do wait "$one" || status=1; done
exit $status
`;

const AGENT = `# The loader: counters for Prometheus, weights, kill switch.
FROM debian:stable-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libbpf-dev
COPY loader.c /
RUN cc -O2 -o /loader /loader.c -lbpf
FROM debian:stable-slim
RUN apt-get update && apt-get install -y --no-install-recommends libbpf1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /loader /loader
ENTRYPOINT ["/loader"]
`;
