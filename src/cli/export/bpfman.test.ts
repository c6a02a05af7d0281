import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Compiled } from '../../compiler/api.ts';
import { writeObject } from '../../object/writer.ts';
import { MODEL_OPTIONS, parse } from '../args.ts';
import { compileModel } from '../model.ts';
import { type FleetOptions, fleetFiles } from './bpfman.ts';

const SAMPLE = fileURLToPath(new URL('../../../public/samples/payload/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bpformer-fleet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let compiled: Compiled;
let object: Uint8Array;
const files = (options: Partial<FleetOptions> = {}) =>
  fleetFiles(compiled.program, compiled.meta, object, {
    image: 'registry.test:5000/team/payload:v1',
    nodes: [],
    namespace: 'bpformer',
    ...options,
  });
const text = (made: ReturnType<typeof files>, name: string): string => {
  const content = made.get(name)!;
  return typeof content === 'string' ? content : new TextDecoder().decode(content);
};
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: documents of other people's schemas
  readonly [more: string]: any;
}
const manifests = (made: ReturnType<typeof files>, name: string): Manifest[] =>
  parseAllDocuments(text(made, name)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });

beforeAll(async () => {
  const binding = { ...JSON.parse(readFileSync(join(SAMPLE, 'binding.json'), 'utf8')), production: { latency: true } };
  writeFileSync(join(folder, 'binding.json'), JSON.stringify(binding));
  const args = [join(SAMPLE, 'payload-ids.onnx'), '--dim', 'batch=1', '--binding', join(folder, 'binding.json')];
  ({ compiled } = await compileModel(args[0]!, parse(args, MODEL_OPTIONS)));
  object = writeObject([compiled.program], { meta: compiled.meta });
}, 60_000);

describe('the image', () => {
  it('is a layout whose digests and sizes are right, with the object at the root of its layer', () => {
    const made = files();
    const blob = ({ digest, size }: { digest: string; size: number }): Uint8Array => {
      const bytes = made.get(`image/blobs/${digest.replace(':', '/')}`) as Uint8Array;
      expect(bytes.length).toBe(size);
      expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest);
      return bytes;
    };
    const read = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
    expect(JSON.parse(text(made, 'image/oci-layout'))).toEqual({ imageLayoutVersion: '1.0.0' });
    const index = JSON.parse(text(made, 'image/index.json'));
    expect(index.manifests[0].annotations).toEqual({ 'org.opencontainers.image.ref.name': 'v1' });
    const manifest = read(blob(index.manifests[0]));
    expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
      'application/vnd.oci.image.layer.v1.tar+gzip',
    ]);
    const config = read(blob(manifest.config));
    const archive = gunzipSync(blob(manifest.layers[0]));
    expect(config.rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(archive).digest('hex')}`]);
    expect(JSON.parse(config.config.Labels['io.ebpf.programs'])).toEqual({ payload_ids: 'xdp' });
    expect(JSON.parse(config.config.Labels['io.ebpf.maps'])).toMatchObject({ verdicts: 'percpu_array', control: 'array' });
    writeFileSync(join(folder, 'layer.tar'), archive);
    expect(execFileSync('tar', ['-tf', join(folder, 'layer.tar')], { encoding: 'utf8' })).toBe('payload_ids.o\n');
    expect(
      Buffer.compare(
        execFileSync('tar', ['-xOf', join(folder, 'layer.tar'), 'payload_ids.o'], { maxBuffer: 1 << 26 }),
        Buffer.from(object),
      ),
    ).toBe(0);
    for (const [name, value] of Object.entries(config.config.Labels))
      expect(text(made, 'Containerfile')).toContain(`LABEL "${name}"=${JSON.stringify(value)}`);
    // The same bytes every time, so that an image changes when the program does.
    expect([...files().keys()]).toEqual([...made.keys()]);
  });

  it.each(['', 'a b', 'Registry/x:', `r/${'x'.repeat(600)}`, 'r/x@sha256:00'])('refuses "%s"', (image) => {
    expect(() => files({ image })).toThrow(/names no image/);
  });
});

describe('the manifests', () => {
  it('attach the program to every node, by the fields of ClusterBpfApplication', () => {
    const [document, ...others] = manifests(files(), 'application.yaml');
    expect(others).toEqual([]);
    expect(document).toMatchObject({ apiVersion: 'bpfman.io/v1alpha1', kind: 'ClusterBpfApplication', metadata: { name: 'payload-ids' } });
    const { byteCode, programs, nodeSelector } = document!.spec;
    expect(nodeSelector).toEqual({});
    expect(byteCode.image.url).toBe('registry.test:5000/team/payload:v1');
    expect(programs).toHaveLength(1);
    expect(programs[0].name).toMatch(/^[a-zA-Z][a-zA-Z0-9_]+.$/);
    expect(programs[0].type).toBe('XDP');
    const [link] = programs[0].xdp.links;
    expect(link.interfaceSelector).toEqual({ primaryNodeInterface: true });
    expect(link.priority).toBeLessThanOrEqual(1000);
    for (const verdict of link.proceedOn) expect(['Aborted', 'Drop', 'Pass', 'TX', 'ReDirect', 'DispatcherReturn']).toContain(verdict);
    const named = manifests(files({ interface: 'eth1' }), 'application.yaml')[0]!;
    expect(named.spec.programs[0].xdp.links[0].interfaceSelector).toEqual({ interfaces: ['eth1'] });
  });

  it('read the counters without rights, from the maps that bpfman pins', () => {
    const [namespace, daemon] = manifests(files({ namespace: 'edge' }), 'metrics.yaml');
    expect(namespace).toMatchObject({ kind: 'Namespace', metadata: { name: 'edge' } });
    const { template, selector } = daemon!.spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    const [volume] = template.spec.volumes;
    expect(volume.csi.driver).toBe('csi.bpfman.io');
    expect(volume.csi.volumeAttributes['csi.bpfman.io/program']).toBe('payload-ids');
    const maps: string[] = volume.csi.volumeAttributes['csi.bpfman.io/maps'].split(',');
    expect(maps).toEqual(['verdicts', 'score', 'control', 'counters', 'latency']);
    for (const map of maps) expect(map).not.toMatch(/\.data|\.bss|\.rodata/);
    const [container] = template.spec.containers;
    expect(container.securityContext.capabilities).toEqual({ drop: ['ALL'] });
    expect(container.args).toEqual(expect.arrayContaining(['serve', String(container.ports[0].containerPort)]));
    expect(template.metadata.annotations['prometheus.io/port']).toBe(String(container.ports[0].containerPort));
  });

  it('bring weights to all nodes or to those that are named', () => {
    const weights = Uint8Array.of(66, 80, 70, 87, 1, 2, 3);
    const [config, daemon] = manifests(files({ weights }), 'weights.yaml');
    expect([...Buffer.from(config!.binaryData['weights.bin'], 'base64')]).toEqual([...weights]);
    expect(daemon!.kind).toBe('DaemonSet');
    expect(daemon!.spec.template.spec.volumes[0].configMap.name).toBe(config!.metadata.name);
    const [, ...jobs] = manifests(files({ weights, nodes: ['node-a.example', 'node-b'] }), 'weights.yaml');
    expect(jobs.map(({ kind, spec }) => [kind, spec.template.spec.nodeName])).toEqual([
      ['Job', 'node-a.example'],
      ['Job', 'node-b'],
    ]);
    expect(new Set(jobs.map(({ metadata }) => metadata.name)).size).toBe(2);
    for (const { metadata } of jobs) expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    // Kubernetes refuses the one with the other.
    for (const container of [daemon!.spec.template.spec.initContainers[0], jobs[0]!.spec.template.spec.containers[0]]) {
      expect(container.securityContext.capabilities.add).toContain('SYS_ADMIN');
      expect(container.securityContext).not.toHaveProperty('allowPrivilegeEscalation');
    }
    // Other weights have another name, so that pods are replaced.
    expect(manifests(files({ weights: Uint8Array.of(1) }), 'weights.yaml')[0]!.metadata.name).not.toBe(config!.metadata.name);
    expect(() => files({ weights: new Uint8Array(1_000_001) })).toThrow(/1000001 bytes do not fit in a ConfigMap/);
    expect(files().has('weights.yaml')).toBe(false);
  });
});

describe('the kill switch for a fleet', () => {
  /** Runs it with a kubectl that knows two pods, of which `broken` fails. */
  function run(broken: string, ...args: string[]): { status: number; calls: string[] } {
    const log = join(folder, 'calls');
    writeFileSync(join(folder, 'mode.sh'), text(files(), 'mode.sh'));
    writeFileSync(
      join(folder, 'kubectl'),
      `#!/bin/sh\ncase "$*" in *" get pods "*) printf 'pod/one\\npod/two\\n' ;; *) echo "$*" >> ${log}; case "$*" in *${broken}*) exit 1 ;; esac ;; esac\n`,
      { mode: 0o755 },
    );
    writeFileSync(log, '');
    let status = 0;
    try {
      execFileSync('sh', [join(folder, 'mode.sh'), ...args], {
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
        stdio: 'pipe',
      });
    } catch (error) {
      status = (error as { status: number }).status;
    }
    return { status, calls: readFileSync(log, 'utf8').trim().split('\n').sort() };
  }

  it('reaches every pod, and fails where one fails', () => {
    const calls = ['one', 'two'].map((pod) => `-n bpformer exec pod/${pod} -- /loader --pin /run/bpformer mode off`);
    expect(run('nobody', 'off')).toEqual({ status: 0, calls });
    expect(run('pod/two', 'off')).toEqual({ status: 1, calls });
    expect(run('nobody', 'on').status).toBe(2);
  });
});
