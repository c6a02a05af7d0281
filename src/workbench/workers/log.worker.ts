import { type Handler, later, serveRpc } from '../rpc.ts';
import { drop, hold, leave } from './blobs.ts';
import { readFile } from './files.ts';
import { logProgram, readLog, searchLog } from './logs.ts';
import { inspectPaste } from './paste.ts';

/** Logs have a worker of their own: a hostile regular expression can only be stopped by ending the worker that runs it. */
const handlers: Record<string, Handler> = {
  hold,
  leave,
  drop,
  readLog,
  logProgram,
  searchLog,
  inspectPaste,
  readFile,
  besideLog: later(() => import('./beside.ts'), 'besideLog'),
  askLog: later(() => import('./log-query.ts'), 'askLog'),
};

const DOING: Readonly<Record<string, string>> = {
  readLog: 'Reading the log',
  readFile: 'Reading the file',
  logProgram: 'Collecting the instructions of the log',
  searchLog: 'Searching',
  besideLog: 'Verifying the program of the log',
  askLog: 'Following the paths of the log',
};

serveRpc(self as unknown as DedicatedWorkerGlobalScope, handlers, (method) => DOING[method] ?? 'Working');
