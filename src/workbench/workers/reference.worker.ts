import { serveRpc } from '../rpc.ts';
import { hold } from './blobs.ts';

serveRpc(self as unknown as DedicatedWorkerGlobalScope, { hold }, () => 'Running ONNX Runtime');
