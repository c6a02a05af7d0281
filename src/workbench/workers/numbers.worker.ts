import mjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { configureOrt } from '../../reference/ort.ts';
import { type Handler, serveRpc } from '../rpc.ts';
import { hold, leave } from './blobs.ts';
import { accuracy, products, search, swapWeights } from './numbers.ts';

configureOrt({ wasmPaths: { wasm: new URL(wasm, self.location.href).href, mjs: new URL(mjs, self.location.href).href } });

/** What needs the compiler and ONNX Runtime at once: in a worker of its own, since a search compiles dozens of programs. */
const handlers: Record<string, Handler> = { hold, leave, accuracy, products, search, swapWeights };

const DOING: Readonly<Record<string, string>> = {
  accuracy: 'Measuring the error of every node',
  search: 'Searching for precisions',
  swapWeights: 'Putting in new weights',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
