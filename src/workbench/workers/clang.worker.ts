import { serveRpc } from '../rpc.ts';
import { compileC } from './compile-c.ts';

serveRpc(self as unknown as DedicatedWorkerGlobalScope, { compileC, leave: () => {} }, () => 'Compiling C');
