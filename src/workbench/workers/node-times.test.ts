import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import type { ProgramSpec } from '../clients.ts';
import { type BlobRef, EMPTY_PROJECT } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { hold } from './blobs.ts';
import { cutProgram, nodeTimes, shared, stageCalls } from './node-times.ts';
import { heldProgram } from './programs.ts';

const read = (name: string) => new Uint8Array(readFileSync(new URL(`../../../public/samples/payload/${name}`, import.meta.url)));
const json = (name: string) => JSON.parse(new TextDecoder().decode(read(name)));
const quiet: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };

function sample(): ProgramSpec {
  const bytes = read('payload-ids.onnx');
  const model: BlobRef = { hash: createHash('sha256').update(bytes).digest('hex'), name: 'payload-ids.onnx', size: bytes.length };
  hold({ hash: model.hash, bytes });
  return {
    key: 'program',
    from: {
      kind: 'model',
      model: { key: 'model', model, dims: { batch: 1 } },
      calibration: json('calibration.json'),
      binding: json('binding.json'),
    },
    options: { ...EMPTY_PROJECT.options, dims: { batch: 1 } },
    fork: null,
  };
}

describe('times by node', () => {
  test('every stage is called once from the main function, and cut programs lose exactly those calls', async () => {
    const { program, compiled } = await heldProgram(sample(), quiet);
    const calls = stageCalls(program);
    expect(calls.length).toBe(compiled!.tensors.stages.length);
    const cut = cutProgram(program, calls, 2);
    expect(stageCalls(cut)).toEqual(calls.slice(0, 2));
    expect(cut.insns.filter((insn, at) => insn !== program.insns[at]).length).toBe(calls.length - 2);
  });

  test('what serves a stage gets its time, shared by what it executes, and nothing is negative', () => {
    const origins = [0, 1, 2].map((nodeIdx) => ({ kind: 'node' as const, nodeIdx, label: '' })) as unknown as Program['origins'];
    const counted = [
      [0, 0, 0],
      [30, 10, 0],
      [30, 10, 5],
      [30, 10, 9],
    ].map((row) => Float64Array.from(row));
    const times = shared({ origins }, [100, 180, 170, 210], counted);
    expect(times.rest).toBe(100);
    expect(times.nodes).toEqual([
      [0, 60],
      [1, 20],
      [2, 30],
    ]);
  });

  test('the operators that the sample’s stages execute are measured', async () => {
    const program = sample();
    const packets = read('heldout.pcap');
    // The frame of the capture's first packet, behind both headers.
    const bytes = packets.slice(40, 40 + packets[32]! + packets[33]! * 256);
    const { nodes, rest, stages, cuts } = await nodeTimes({ program, event: { kind: 'packet', bytes }, trace: null }, quiet);
    expect(cuts).toBe(stages);
    expect(rest).toBeGreaterThan(0);
    expect(nodes.length).toBeGreaterThan(20);
    expect(nodes.every(([, ns]) => ns >= 0)).toBe(true);
  });
});
