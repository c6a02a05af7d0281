import type { CaptureView, FilterProblem, FlowOrder, FlowRow, PacketDetail, PacketRow } from './capture-views.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';

/** Captures are read, dissected and filtered in a worker of their own, from the file, which is never read whole: it is read again when the worker was ended. */
const captureWorker = new WorkerClient(
  'capture',
  () => new Worker(new URL('./workers/capture.worker.ts', import.meta.url), { type: 'module', name: 'capture' }),
  'project',
);

/** A capture to read; each call carries it, so that a worker can begin anew. */
export interface CaptureFile {
  readonly key: string;
  readonly name: string;
  readonly blob: Blob;
}

let opened = 0;
/** Every file that is opened is another one, even under the same name. */
export const captureFile = (blob: Blob, name: string): CaptureFile => ({ key: `${++opened}`, name, blob });

export const openCapture = (file: CaptureFile, options: CallOptions) => captureWorker.call<CaptureView>('open', { file }, options);

/** How many packets pass; their rows are then those of {@link packetRows} with the same filter. */
export const filterCapture = (file: CaptureFile, filter: string, options: CallOptions) =>
  captureWorker.call<number>('filter', { file, filter }, options);

export const packetRows = (file: CaptureFile, filter: string, from: number, to: number) =>
  captureWorker.call<readonly PacketRow[]>('rows', { file, filter, from, to });

export const packetDetail = (file: CaptureFile, index: number) => captureWorker.call<PacketDetail>('detail', { file, index });

export const followFlows = (file: CaptureFile, options: CallOptions) => captureWorker.call<number>('flows', { file }, options);

export const flowRows = (file: CaptureFile, order: FlowOrder, from: number, to: number) =>
  captureWorker.call<readonly FlowRow[]>('flowRows', { file, order, from, to });

/** Null where a filter can be used. */
export const checkFilter = (filter: string) => captureWorker.call<FilterProblem | null>('check', { filter });

export const fieldNames = () => captureWorker.call<readonly string[]>('fields', {});

/** Copies `file` to `folder`/`hash` in the browser's own storage. */
export const keepCopy = (file: Blob, folder: string, hash: string) => captureWorker.call<void>('keepCopy', { file, folder, hash });

/** Whether copies wait. */
export const holdCopies = (held: boolean) => captureWorker.call<void>('holdCopies', { held });

/** The packets that a filter lets pass, as a pcap file of Ethernet. */
export const plainCapture = (file: CaptureFile, filter: string, options: CallOptions) =>
  captureWorker.call<Uint8Array<ArrayBuffer>>('plain', { file, filter }, options);
