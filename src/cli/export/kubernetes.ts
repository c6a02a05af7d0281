/** What the manifests are told. Names of Kubernetes objects come from `name`. */
export interface Fleet {
  readonly name: string;
  /** Function of the object that is attached. */
  readonly program: string;
  /** The bytecode's image and that of the loader, which reads counters and replaces weights. */
  readonly image: string;
  readonly agent: string;
  readonly namespace: string;
  /** Absent: each node's primary interface. */
  readonly interface?: string;
  /** Nodes that an update goes to, by a job for each; none: all nodes, those that come later too. */
  readonly nodes: readonly string[];
  /** Maps that pods are given; bpfman pins no map of a data section. */
  readonly maps: readonly string[];
}

/** Where the loader looks for maps (`--pin`); volumes are mounted below it. */
export const PINS = '/run/bpformer';
const METRICS_PORT = 9435;
/** A user without rights; volumes of maps are given to its group. */
const NOBODY = 65_534;
const UNPRIVILEGED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };

/** The program on all nodes: `ClusterBpfApplication` of bpfman-operator (bpfman.io/v1alpha1). */
export const application = (fleet: Fleet): object => ({
  apiVersion: 'bpfman.io/v1alpha1',
  kind: 'ClusterBpfApplication',
  metadata: { name: fleet.name, labels: labelsOf(fleet) },
  spec: {
    nodeSelector: {},
    byteCode: { image: { url: fleet.image, imagePullPolicy: 'IfNotPresent' } },
    programs: [
      {
        name: fleet.program,
        type: 'XDP',
        xdp: {
          links: [
            {
              interfaceSelector: fleet.interface === undefined ? { primaryNodeInterface: true } : { interfaces: [fleet.interface] },
              priority: 50,
              proceedOn: ['Pass', 'DispatcherReturn'],
            },
          ],
        },
      },
    ],
  },
});

/** A reader of the counters on every node, for Prometheus. */
export const agent = (fleet: Fleet): object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: fleet.namespace } },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta(fleet, 'metrics'),
    spec: {
      selector: { matchLabels: { ...labelsOf(fleet), 'app.kubernetes.io/component': 'metrics' } },
      template: {
        metadata: {
          labels: { ...labelsOf(fleet), 'app.kubernetes.io/component': 'metrics' },
          annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(METRICS_PORT), 'prometheus.io/path': '/metrics' },
        },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: NOBODY, runAsGroup: NOBODY, fsGroup: NOBODY },
          containers: [
            {
              name: 'metrics',
              image: fleet.agent,
              args: ['--pin', PINS, 'serve', String(METRICS_PORT), '0.0.0.0'],
              ports: [{ name: 'metrics', containerPort: METRICS_PORT }],
              resources: { requests: { cpu: '5m', memory: '8Mi' }, limits: { memory: '32Mi' } },
              securityContext: UNPRIVILEGED,
              volumeMounts: [{ name: 'maps', mountPath: `${PINS}/maps` }],
            },
          ],
          volumes: [mapsVolume(fleet)],
        },
      },
    },
  },
];

/** Most bytes that a ConfigMap takes, less room for its other fields. */
export const MAX_CONFIG_BYTES = 1_000_000;

/** New weights for every node. `version` names the weights. The loader finds the maps by the fingerprint that they and the file have. */
export const weights = (fleet: Fleet, file: Uint8Array, version: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: meta(fleet, `weights-${version}`),
    immutable: true,
    binaryData: { 'weights.bin': Buffer.from(file).toString('base64') },
  },
  ...onNodes(fleet, version),
];

const labelsOf = ({ name }: Fleet) => ({ 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'bpformer' });
const meta = (fleet: Fleet, part: string) => ({ name: `${fleet.name}-${part}`, namespace: fleet.namespace, labels: labelsOf(fleet) });

/** bpfman's driver finds the application by its name and gives the pod maps of the program on its node. */
const mapsVolume = ({ name, maps }: Fleet) => ({
  name: 'maps',
  csi: { driver: 'csi.bpfman.io', volumeAttributes: { 'csi.bpfman.io/program': name, 'csi.bpfman.io/maps': maps.join(',') } },
});

/** What replaces weights on a node: a job for each node that was named, or on all of them the first thing that a pod does, which then stays so that it is not done again. */
function onNodes(fleet: Fleet, version: string): object[] {
  const part = `weights-${version}`;
  const labels = { ...labelsOf(fleet), 'app.kubernetes.io/component': 'weights' };
  const container = {
    name: 'weights',
    image: fleet.agent,
    args: ['swap-all', '/weights/weights.bin'],
    securityContext: {
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      // A map is found by its number, which takes SYS_ADMIN (bpf_map_get_fd_by_id of the kernel); with it Kubernetes refuses allowPrivilegeEscalation: false.
      capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'BPF'] },
    },
    volumeMounts: [{ name: 'weights', mountPath: '/weights', readOnly: true }],
  };
  const pod = { automountServiceAccountToken: false, volumes: [{ name: 'weights', configMap: { name: `${fleet.name}-${part}` } }] };
  const jobs = fleet.nodes.map((nodeName) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { ...meta(fleet, `${part}-${nodeName}`), name: jobName(fleet, version, nodeName) },
    spec: {
      backoffLimit: 6,
      template: { metadata: { labels }, spec: { ...pod, restartPolicy: 'OnFailure', nodeName, containers: [container] } },
    },
  }));
  if (jobs.length > 0) return jobs;
  const pause = {
    name: 'pause',
    image: fleet.agent,
    command: ['sleep', 'infinity'],
    resources: { requests: { cpu: '1m', memory: '2Mi' }, limits: { memory: '16Mi' } },
    securityContext: { ...UNPRIVILEGED, runAsNonRoot: true, runAsUser: NOBODY },
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: meta(fleet, 'weights'),
      spec: {
        // One node after the other, so that bad weights are seen before they are everywhere.
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        minReadySeconds: 30,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { ...pod, initContainers: [container], containers: [pause] } },
      },
    },
  ];
}

/** Within the 63 letters that a job's name may have, as its pods carry it in a label. */
const jobName = ({ name }: Fleet, version: string, node: string): string =>
  `${name}-${version}-${node.toLowerCase().replaceAll('.', '-')}`.slice(0, 63).replace(/-+$/, '');
