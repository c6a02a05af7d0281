import { Device } from '../../../hooks/accelerator/device.ts';
import { type Fusion, proposeFusions } from '../../../hooks/accelerator/fusion.ts';
import type { FusionResult, FusionSide, FusionState, Snapshot } from '../../accelerator-views.ts';
import { restart, theHost } from './handlers.ts';
import { OnDevice } from './source.ts';

const KINDS: Readonly<Record<Fusion['kind'], string>> = {
  elementwise: 'element-wise chain',
  matmul: 'product with what follows',
  attention: 'attention',
};

/** Of one model file: what came of running it with and without. */
let result: { readonly of: object; readonly result: FusionResult } | null = null;

/** What the observed commands of the model could be joined to. */
export async function fusion(): Promise<FusionState> {
  const host = theHost();
  const { source, session } = host;
  const sized = await source.sized(1);
  // Proposals are made for the commands as the model has them, whether or not they are applied.
  const { onDevice } = new OnDevice(sized, new Device(session.device.parameters), session.hostKey, false);
  const programs = session.device.metrics.programs;
  const commands = session.ledger.commands.done;
  const hookNs = commands > 0 ? programs.reduce((sum, { ns }) => sum + ns, 0) / commands : 0;
  const proposals = proposeFusions(onDevice, session.device.parameters, { times: new Map(), hookNs });
  return {
    proposals: proposals.map(({ kind, steps, before, after }, id) => ({
      id,
      kind: KINDS[kind],
      commands: steps.map((at) => onDevice.plan.steps[at]!.label),
      bytesSaved: before.bytes - after.bytes,
      nsSaved: before.ns - after.ns,
    })),
    applied: host.model.fused,
    result: result?.of === source ? result.result : null,
  };
}

/** Runs one pass with every proposal and one without, on devices of their own, compares the outputs, and starts the device again as it was asked. */
export async function fuse({ fused }: { fused: boolean }): Promise<Snapshot> {
  const host = theHost();
  const sized = await host.source.sized(1);
  const run = (withFusion: boolean): { readonly side: FusionSide; readonly outputs: ReadonlyMap<string, Uint8Array> } => {
    const device = new Device(host.device.parameters);
    const { commands, outputs } = new OnDevice(sized, device, host.session.hostKey, withFusion).pass(
      { request: 1, tenant: 1, token: 0, firstSeq: 0 },
      'none',
    );
    device.submit(commands);
    device.run();
    const bytes = commands.reduce((sum, command) => sum + command.bytes, 0);
    return {
      side: { commands: commands.length, bytes, ns: device.nowNs },
      outputs: new Map(Object.entries(outputs).map(([name, { addr, bytes: size }]) => [name, device.memory.read(addr, size)])),
    };
  };
  const [before, after] = [run(false), run(true)];
  const differing = [...before.outputs].filter(([name, bytes]) => !sameBytes(bytes, after.outputs.get(name)!)).map(([name]) => name);
  const names = [...before.outputs.keys()].join(', ');
  result = {
    of: host.source,
    result: {
      before: before.side,
      after: after.side,
      equal: differing.length === 0,
      message:
        differing.length === 0
          ? `Outputs are equal, bit for bit: ${names}`
          : `${differing.join(', ')} differ between the fused and the unfused run`,
    },
  };
  host.fused = fused;
  return restart();
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at]);
