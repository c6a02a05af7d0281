import type { RequestListener, Server } from 'node:http';

export declare function siteListener(options: { readonly root: string; readonly base?: string }): RequestListener;

export declare function serve(options: {
  readonly root: string;
  readonly port?: number;
  readonly base?: string;
  readonly host?: string;
}): Promise<{ readonly server: Server; readonly url: string }>;
