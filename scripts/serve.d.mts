import type { Server } from 'node:http';

export declare function serve(options: {
  readonly root: string;
  readonly port?: number;
  readonly base?: string;
  readonly host?: string;
}): Promise<{ readonly server: Server; readonly url: string }>;
