import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { weightsFile, weightsTarget } from '../../compiler/weights-file.ts';
import { capturePackets } from '../../hooks/testing/packets.ts';
import { writeObject } from '../../object/writer.ts';
import { Vm } from '../../vm/vm.ts';
import { MODEL_OPTIONS, parse } from '../args.ts';
import { compileModel } from '../model.ts';
import { fleetFiles } from './bpfman.ts';
import { readExposition } from './testing/exposition.ts';

const kernel = await kernelForTests();
kernel?.close();
const has = (tool: string): boolean => {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const ready = kernel !== null && has('cc') && has('setpriv');
if (kernel && !ready) console.warn('skipped: the loader of a fleet takes cc and setpriv');

const SAMPLE = fileURLToPath(new URL('../../../public/samples/payload/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bpformer-bpfman-'));
const PINS = `/sys/fs/bpf/bpformer-bpfman-${process.pid}`;
const NOBODY = 65_534;

/** Pins the maps that bpfman pins, and says of each packet from standard input what the program returns. As an extension of a dispatcher, as bpfman loads it, no program is loaded here: the machine refuses all of them. */
const HOST = `#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  static unsigned char packet[65536];
  uint32_t length;
  struct bpf_object *object = bpf_object__open(argv[1]);
  if (argc != 3 || !object || bpf_object__load(object)) return perror("load"), 1;
  struct bpf_program *program = bpf_object__next_program(object, NULL);
  struct bpf_map *map;
  bpf_object__for_each_map(map, object) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", argv[2], bpf_map__name(map));
    if (!strchr(bpf_map__name(map), '.') && bpf_map__pin(map, path)) return perror(path), 1;
  }
  puts("ready");
  fflush(stdout);
  while (fread(&length, 4, 1, stdin) == 1 && length <= sizeof packet && fread(packet, 1, length, stdin) == length) {
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = length, .repeat = 1);
    if (bpf_prog_test_run_opts(bpf_program__fd(program), &run)) return perror("run"), 1;
    printf("%u\\n", run.retval);
    fflush(stdout);
  }
  return 0;
}
`;

let host: ChildProcess;
let lines: AsyncIterator<string>;
let expected: number[] = [];
let packets: Uint8Array[] = [];
const loader = (...args: string[]): string =>
  execFileSync(join(folder, 'loader'), ['--pin', PINS, ...args], { encoding: 'utf8', stdio: 'pipe' });
/** As the pods of the manifests run it: another user, no rights, the group of the maps. */
const unprivileged = (...args: string[]): string =>
  execFileSync(
    'setpriv',
    [
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
      '--no-new-privs',
      join(folder, 'loader'),
      '--pin',
      PINS,
      ...args,
    ],
    { encoding: 'utf8', stdio: 'pipe' },
  );
const next = async (): Promise<string> => (await lines.next()).value as string;
async function send(): Promise<number[]> {
  const verdicts: number[] = [];
  for (const packet of packets) {
    host.stdin!.write(Buffer.concat([Buffer.from(Uint32Array.of(packet.length).buffer), Buffer.from(packet)]));
    verdicts.push(Number(await next()));
  }
  return verdicts;
}

beforeAll(async () => {
  if (!ready) return;
  const binding = { ...JSON.parse(readFileSync(join(SAMPLE, 'binding.json'), 'utf8')), production: { latency: true } };
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('binding.json'), JSON.stringify(binding));
  const args = [join(SAMPLE, 'payload-ids.onnx'), '--dim', 'batch=1', '--binding', at('binding.json')];
  const { compiled } = await compileModel(args[0]!, parse(args, MODEL_OPTIONS));
  const object = writeObject([compiled.program], { meta: compiled.meta });
  const files = fleetFiles(compiled.program, compiled.meta, object, {
    image: 'registry.test/payload:v1',
    nodes: [],
    namespace: 'bpformer',
  });
  writeFileSync(at('program.o'), files.get('payload_ids.o')!);
  writeFileSync(at('loader.c'), files.get('loader.c')!);
  writeFileSync(at('weights.bin'), weightsFile(compiled, weightsTarget(compiled, 'program.o'), 'payload-ids.onnx'));
  writeFileSync(at('host.c'), HOST);
  const build = (command: string, ...options: string[]): void => void execFileSync(command, options, { stdio: 'pipe' });
  for (const name of ['host', 'loader']) build('cc', '-O2', '-Wall', '-Werror', '-o', at(name), at(`${name}.c`), '-lbpf');
  chmodSync(folder, 0o755);
  execFileSync('mkdir', ['-p', `${PINS}/maps`]);
  host = spawn(at('host'), [at('program.o'), `${PINS}/maps`], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface(host.stdout!)[Symbol.asyncIterator]();
  expect(await next()).toBe('ready');
  // What bpfman's CSI driver does for a pod with fsGroup.
  for (const path of [PINS, `${PINS}/maps`]) chmodSync(path, 0o755);
  for (const name of readdirSync(`${PINS}/maps`)) {
    chownSync(`${PINS}/maps/${name}`, 0, NOBODY);
    chmodSync(`${PINS}/maps/${name}`, 0o660);
  }
  packets = capturePackets(new Uint8Array(readFileSync(join(SAMPLE, 'heldout.pcap')))).slice(0, 60);
  const vm = new Vm(compiled.program, { engine: 'wasm' });
  expected = packets.map((packet) => vm.runXdp(packet).returnValue);
}, 60_000);

afterAll(() => {
  host?.kill();
  rmSync(PINS, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!ready)('a program of which what bpfman pins is pinned', () => {
  it('says what our engine says', async () => {
    expect(new Set(expected)).toEqual(new Set([1, 2]));
    expect(await send()).toEqual(expected);
  });

  it('its counters are read, and the kill switch is turned, by a user without rights', async () => {
    const series = readExposition(unprivileged('metrics'));
    const dropped = series.find(({ name, labels }) => name === 'bpformer_verdicts_total' && labels.verdict === 'DROP');
    expect(dropped!.value).toBe(expected.filter((verdict) => verdict === 1).length);
    // bpfman pins no map of a data section, so that nobody knows how often weights were replaced.
    expect(series.map(({ name }) => name)).not.toContain('bpformer_weight_swaps_total');
    unprivileged('mode', 'off');
    expect(new Set(await send())).toEqual(new Set([2]));
    unprivileged('mode', 'enforce');
    expect(await send()).toEqual(expected);
    expect(unprivileged('stats')).toMatch(/^off 60$/m);
  });

  it('gets new weights where nothing of it is pinned but by its fingerprint, and others are refused', async () => {
    expect(loader('swap-all', join(folder, 'weights.bin'))).toBe('weights replaced in 1 maps\n');
    expect(await send()).toEqual(expected);
    const other = readFileSync(join(folder, 'weights.bin'));
    other[8]! ^= 1;
    writeFileSync(join(folder, 'other.bin'), other);
    expect(() => loader('swap-all', join(folder, 'other.bin'))).toThrow(/no loaded program takes these weights/);
    expect(() => unprivileged('swap-all', join(folder, 'weights.bin'))).toThrow(/Operation not permitted/);
    expect(() => loader('swap', join(folder, 'weights.bin'))).toThrow(/map .data.weights/);
  });
});
